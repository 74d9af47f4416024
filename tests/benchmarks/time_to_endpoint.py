"""From `%load_ext` to a live endpoint on digits, cell by cell, through a real kernel.

python -m tests.benchmarks.time_to_endpoint
"""

from __future__ import annotations

import os
import tempfile
import time

import nbformat
from nbclient import NotebookClient

from tests.demo import NOTEBOOK


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["LEPTON_HOME"] = home
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
        total = 0.0
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                started = time.perf_counter()
                client.execute_cell(cell, index)
                seconds = time.perf_counter() - started
                total += seconds
                line = next(line for line in cell.source.splitlines() if line.strip())
                print(f"{seconds:6.2f} s   {total:6.2f} s   {line[:80]}")


if __name__ == "__main__":
    main()
