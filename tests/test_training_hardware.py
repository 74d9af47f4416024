"""Hardware use over time, as a run keeps it."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lepton_nb
from lepton_nb.callbacks import Callback
from lepton_nb.runs.samples import read_samples
from tests.runs_helpers import make_run
from tests.training_helpers import TinyNet, blobs

pytestmark = pytest.mark.slow


class Linger(Callback):
    """Holds the first epoch up until the machine was looked at."""

    def on_epoch_start(self, state: Any) -> None:
        time.sleep(1.2)


def test_a_run_keeps_what_the_machine_did() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), epochs=1, callbacks=[Linger()])
    samples = read_samples(run)
    times, memory = samples["memory"]
    assert len(times) >= 2, "one while it ran, one at its end"
    assert run.begun_at <= times[0] <= times[-1] <= run.ended_at
    assert min(memory) > 10e6
    assert len(samples["cpu_percent"][1]) == len(times)


def test_samples_go_with_their_run() -> None:
    from lepton_nb.runs.samples import add_samples

    run = make_run("cnn")
    add_samples(run, [(1.0, {"memory": 5.0}), (2.0, {"memory": 6.0})])
    assert read_samples(run) == {"memory": ([1.0, 2.0], [5.0, 6.0])}
    run.begin()
    run.set_status("finished")
    run.store.delete_run(run)
    assert run.store.database.rows("SELECT * FROM samples") == []
