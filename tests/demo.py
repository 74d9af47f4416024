"""`make demo`: run the quickstart through a real kernel, ask its live service, and leave it as HTML."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "01_quickstart.ipynb"
ARTIFACTS = ROOT / "artifacts"


def main() -> None:
    # A store of its own, so that the demo neither shows nor touches the user's runs.
    os.environ["LEPTON_HOME"] = str(ARTIFACTS / "demo-store")
    ARTIFACTS.mkdir(exist_ok=True)
    started = time.monotonic()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    try:
        run_cells(client)
    finally:
        stop_services()
    page = ARTIFACTS / NOTEBOOK.with_suffix(".html").name
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0])
    print(f"\n  notebook   {page.relative_to(ROOT)}")
    print(f"  time       {time.monotonic() - started:.0f} s")


def run_cells(client: NotebookClient) -> None:
    """Execute the notebook cell by cell, and ask its service while it lives."""
    cells = client.nb.cells
    with client.setup_kernel():
        for index, cell in enumerate(cells):
            if "cleanup" in cell.metadata.get("tags", []):
                print(file=sys.stderr)
                report_service()
            if sys.stderr.isatty():
                print(f"\r  {NOTEBOOK.name}: cell {index + 1} of {len(cells)} ", end="", file=sys.stderr)
            client.execute_cell(cell, index)


def stop_services() -> None:
    """Leave nothing running, also where a cell failed."""
    import lepton_nb

    for service in lepton_nb.deployments():
        service.stop()


def report_service() -> None:
    """Print what the notebook reached, and what its service answers to a request made from here."""
    import lepton_nb
    from lepton_nb.data import digits

    run = lepton_nb.get_run("digits-cnn")
    service = lepton_nb.get_deployment("digits-cnn")
    data = digits()
    picture, truth = data.test.raw(3), data.signature.class_names[int(data.test.targets[3])]
    answer = service.predict(picture)[0]
    accuracy = run.read_json("evaluation.json")["test"]["metrics"]["accuracy"]
    print(f"  accuracy   {accuracy:.1%} on {len(data.test)} digits never seen in training")
    print(f"  service    {service.url}")
    print(f"  answer     {answer['label']!r} with {answer['score']:.1%}, for a picture of a {truth!r}")


if __name__ == "__main__":
    main()
