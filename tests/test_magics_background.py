"""`--background`, `attach` and `lr` in a real kernel, which the run outlives."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from lepton_nb.runs import RunStore
from tests.test_magics_kernel import NET, WIDGET, outputs, run
from tests.test_training_background import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CELL = """\
import time
from torch import nn
from lepton_nb import Callback
class Slow(Callback):
    def on_step_end(self, state):
        time.sleep(0.02)
class OwnLoss(nn.Module):
    def forward(self, preds, target):
        return nn.functional.cross_entropy(preds, target, label_smoothing=SMOOTHING)
SMOOTHING, slow, loss = 0.1, Slow(), OwnLoss()
class Rows:
    def __init__(self):
        self.file = open("/proc/self/status", "rb")
    def __call__(self, preds, target):
        return nn.functional.cross_entropy(preds, target)
def closed(preds, target):
    return rows(preds, target)
rows = Rows()
"""


@pytest.fixture
def kernels(tmp_path: Path) -> Iterator[list[tuple[KernelManager, BlockingKernelClient]]]:
    """Two kernels on one store."""
    started = []
    for _ in range(2):
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(env={**os.environ, "OMP_NUM_THREADS": "1"})
        client = manager.blocking_client()
        client.start_channels()
        started.append((manager, client))
    for _, client in started:
        client.wait_for_ready(timeout=60)
        run(client, "%load_ext lepton_nb")
    yield started
    for found in RunStore().list_runs():
        if found.status in ("queued", "running", "paused") and found.pid is not None:
            os.kill(found.pid, signal.SIGKILL)
    for manager, client in started:
        client.stop_channels()
        if manager.is_alive():
            manager.shutdown_kernel(now=True)


def test_a_run_outlives_its_kernel_and_is_watched_and_steered_from_another(
    kernels: list[tuple[KernelManager, BlockingKernelClient]],
) -> None:
    (first, notebook), (_, elsewhere) = kernels
    run(notebook, "%lepton data digits --limit 200;")
    run(notebook, NET)
    run(notebook, CELL)
    reply, messages = run(notebook, "%lepton train Net --data digits --loss closed --background")
    assert reply["status"] == "error"
    assert "`rows.file` (used by closed) is an open file" in reply["evalue"]
    assert 'line 13 (`self.file = open("/proc/self/status", "rb")`)' in reply["evalue"]

    line = "run = %lepton train Net --data digits --loss loss --callback slow --epochs 20000 --name far"
    reply, messages = run(notebook, f"{line} --background")
    assert reply["status"] == "ok", reply
    report, panel = outputs(messages)
    assert "SMOOTHING" in report["data"]["text/plain"]
    assert "used by OwnLoss.forward" in report["data"]["text/plain"]
    assert WIDGET in panel["data"]

    far = RunStore().get_run("far")
    wait_for(lambda: far.refresh().step > 3)
    assert first.provisioner is not None
    os.kill(first.provisioner.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    step = far.refresh().step
    wait_for(lambda: far.refresh().step > step + 5)
    assert far.status == "running"

    _, messages = run(elsewhere, "%lepton attach far")
    assert WIDGET in outputs(messages)[-1]["data"]
    reply, messages = run(elsewhere, "%lepton lr far 0.25")
    wait_for(lambda: "changed to 0.25" in (far.read_text("log.txt") or ""))
    run(elsewhere, "%lepton pause far;")
    wait_for(lambda: far.refresh().status == "paused")
    run(elsewhere, "%lepton pause far --off;")
    run(elsewhere, "%lepton stop far")
    wait_for(lambda: far.refresh().status == "stopped")
    _, messages = run(elsewhere, "%lepton logs far")
    said = [message["content"]["text"] for message in messages if message["msg_type"] == "stream"]
    assert "stopped at step" in "".join(said)
    _, messages = run(elsewhere, "%lepton attach far")
    # Updates of the panel before come along, which has become the same picture.
    settled = [message["content"] for message in messages if message["msg_type"] == "display_data"][-1][
        "data"
    ]
    assert "Stopped: far@1" in settled["text/plain"]
    assert "data:image/png" in settled["text/html"]
    _, messages = run(elsewhere, "%lepton evaluate far")
    assert not [message for message in messages if message["msg_type"] == "error"]
