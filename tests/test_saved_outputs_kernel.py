"""What a cell shows first, in a real kernel: a notebook saved right then can be read without its widgets."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from lepton_nb.deployment.card import MIME as SERVICE
from lepton_nb.runs.bundle import MIME as RUN
from lepton_nb.runs.bundle import RUNS_MIME as RUNS

pytestmark = pytest.mark.slow

VIEW = "application/vnd.jupyter.widget-view+json"
UNREADABLE = re.compile(r"object at 0x")
START = "%load_ext lepton_nb\n%lepton data digits --limit 120"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    home = tmp_path_factory.mktemp("home")
    manager, client = start_new_kernel(env={**os.environ, "LEPTON_HOME": str(home)}, cwd=str(home))
    try:
        outputs(client, START)
        yield client
    finally:
        manager.shutdown_kernel(now=True)


def outputs(kernel: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """The bundles that a cell displays, as they were first."""
    shown: list[dict[str, Any]] = []

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "execute_result"):
            shown.append(message["content"]["data"])
        assert message["msg_type"] != "error", message["content"]

    kernel.execute_interactive(code, output_hook=take, timeout=120)
    return shown


@pytest.mark.parametrize(
    "line",
    [
        "%lepton train SmallCNN --data digits --epochs 1 --name cnn",
        "%lepton resume cnn --epochs 2",
        "%lepton train SmallCNN --data digits --epochs 400 --name apart --background",
        "%lepton attach apart",
        "%lepton runs",
        "%lepton form SmallCNN --data digits",
        "%lepton stop apart",
        "%lepton tune SmallCNN --data digits --search lr=1e-3|1e-2 --trials 1 --epochs 1 --name search",
        "%lepton deploy cnn",
        "%lepton deployments cnn",
        "%lepton stop cnn",
    ],
)
def test_every_output_can_be_read_without_its_widget(kernel: BlockingKernelClient, line: str) -> None:
    for bundle in outputs(kernel, line):
        assert bundle.get("text/plain", "").strip(), bundle.keys()
        assert not UNREADABLE.search(bundle["text/plain"])
        if VIEW in bundle:
            assert "%lepton" in bundle["text/plain"]
            assert "%lepton" in bundle["text/html"]
            assert RUN in bundle or SERVICE in bundle


def test_a_run_in_training_is_referred_to_from_its_first_output(kernel: BlockingKernelClient) -> None:
    first = outputs(kernel, "%lepton train SmallCNN --data digits --epochs 1 --name live")[0]
    assert VIEW in first
    kept = json.loads(json.dumps(first[RUN], allow_nan=False))
    assert (kept["run"]["ref"], kept["run"]["status"]) == ("live@1", "running")
    assert kept["next"] == ["%lepton attach live@1"]
    assert kept["panel"]
    assert "live@1 · SmallCNN on digits" in first["text/plain"]


def test_the_function_shows_the_same_panel_and_can_be_quiet(kernel: BlockingKernelClient) -> None:
    code = "import lepton_nb\nrun = lepton_nb.train('SmallCNN', digits, epochs=1, progress=%s)"
    assert VIEW in outputs(kernel, code % True)[0]
    assert outputs(kernel, code % False) == []


def test_a_panel_that_was_shown_is_not_shown_again_at_the_end_of_its_cell(
    kernel: BlockingKernelClient,
) -> None:
    assert len(outputs(kernel, "lepton_nb.train('SmallCNN', digits, epochs=1)")) == 1
    assert len(outputs(kernel, "lepton_nb.train('SmallCNN', digits, epochs=1, progress=False)")) == 1


def test_a_search_and_a_list_refer_to_their_runs(kernel: BlockingKernelClient) -> None:
    options = "search='lr=1e-3..1e-2', trials=1, epochs=1, name='searched'"
    first, found = outputs(kernel, f"lepton_nb.tune('SmallCNN', digits, {options})")
    assert first["text/plain"] == "Search searched: 0 of 1 trials"
    assert (first[RUNS]["study"], first[RUNS]["wanted"]) == ("searched", 1)
    assert "1 of 1 trials" in found["text/plain"]
    assert outputs(kernel, f"s = lepton_nb.tune('SmallCNN', digits, {options}, progress=False)") == []
    (listed,) = outputs(kernel, "%lepton runs searched")
    assert [(run["ref"], run["status"]) for run in listed[RUNS]["runs"]] == [("searched@1", "finished")]
    assert listed[RUNS]["panel"] in listed["text/html"]


def run_cell(kernel: BlockingKernelClient, code: str, cell: str) -> str:
    """The HTML that a cell displays, run as JupyterLab runs it: with its id."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    request = kernel.session.msg("execute_request", content, metadata={"cellId": cell})
    kernel.shell_channel.send(request)
    shown = ""
    while True:
        message = kernel.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        if message["msg_type"] == "display_data":
            shown += message["content"]["data"]["text/html"]
        elif message["content"].get("execution_state") == "idle":
            return shown


def test_a_cell_that_is_run_again_leaves_the_same_output(kernel: BlockingKernelClient) -> None:
    twice = "%lepton form SmallCNN --data digits\n%lepton form SmallCNN --data digits"
    first = run_cell(kernel, twice, "one")
    assert len(set(re.findall(r'id="(lepton-\w+)"', first))) == 2
    assert run_cell(kernel, twice, "one") == first
    assert run_cell(kernel, twice, "another") != first


def test_a_run_whose_loss_is_not_finite_says_so_once_and_what_to_change(
    kernel: BlockingKernelClient,
) -> None:
    code = (
        "try:\n    lepton_nb.train('SmallCNN', digits, epochs=9, optimizer='sgd', lr=1e9, name='nan')\n"
        "except lepton_nb.LeptonError:\n    pass"
    )
    outputs(kernel, code)
    text = outputs(kernel, "%lepton attach nan")[0]["text/plain"]
    assert text.count("The loss became nan") == 1
    assert "%lepton evaluate" not in text
    assert text.count("%lepton resume") == 1


def test_what_the_text_says_to_type_shows_the_run(kernel: BlockingKernelClient) -> None:
    (line,) = outputs(kernel, "%lepton train SmallCNN --data digits --epochs 1 --name typed")[0][RUN]["next"]
    assert outputs(kernel, line)[0]["text/plain"].startswith("Finished: typed@1")
