"""DataLoader workers with what a notebook defines, and workers that die."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

import lepton_nb
from lepton_nb.data import loaders
from lepton_nb.data.own.workers import lost_batch
from lepton_nb.errors import DataError
from tests.training_helpers import TinyNet

pytestmark = pytest.mark.slow

CELL = """
class Squares(Dataset):
    def __init__(self, transform):
        self.transform = transform
    def __len__(self):
        return 24
    def __getitem__(self, index):
        return self.transform(torch.full((3,), float(index))), index % 2
"""


def in_notebook(**names: Any) -> dict[str, Any]:
    """What a cell with a Dataset class defines: it cannot be imported from anywhere."""
    namespace: dict[str, Any] = {"__name__": "__main__", "torch": torch, "Dataset": Dataset, **names}
    exec(CELL, namespace)
    return namespace


def test_a_class_and_lambdas_of_the_notebook_work_in_workers_that_are_not_forked() -> None:
    dataset = in_notebook()["Squares"](lambda x: x * x)
    loader = DataLoader(
        dataset,
        batch_size=12,
        num_workers=1,
        multiprocessing_context="spawn",
        collate_fn=lambda items: default_collate(items),
    )
    inputs, target = loaders(loader).example(12)
    assert inputs[:, 0].tolist() == [float(i * i) for i in range(12)]  # type: ignore[call-overload]
    assert target.tolist() == [i % 2 for i in range(12)]


def test_what_cannot_be_sent_to_workers_is_said_at_once() -> None:
    dataset = in_notebook()["Squares"](lambda x: x)
    dataset.lock = threading.Lock()
    started = time.monotonic()
    with pytest.raises(DataError, match="dataset of the train loader cannot be sent") as caught:
        loaders(DataLoader(dataset, batch_size=8, num_workers=1, multiprocessing_context="spawn"))
    assert time.monotonic() - started < 5
    assert "num_workers=0" in (caught.value.hint or "")


class Deadly(Dataset[Any]):
    """A worker that reads item 40 in the second pass is killed, as the system does where memory is short."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> Any:
        if index == 40 and os.path.exists(self.mark) and torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.full((6,), float(index)), index % 3


def test_a_worker_that_dies_ends_the_run_with_the_reason_and_its_checkpoint(tmp_path: Any) -> None:
    mark = tmp_path / "now"

    def make(_: Any) -> None:
        mark.touch()  # after the first epoch

    loader = DataLoader(Deadly(str(mark)), batch_size=8, num_workers=1)
    with pytest.raises(DataError, match="A worker of a DataLoader died") as caught:
        lepton_nb.train(TinyNet, train=loader, name="deadly", epochs=3, callbacks=[make])
    assert "num_workers" in (caught.value.hint or "")
    run = lepton_nb.get_run("deadly")
    assert run.status == "failed"
    assert run.epoch == 1
    assert run.checkpoints()
    mark.unlink()
    again = lepton_nb.resume("deadly", model=TinyNet(), data=loader)
    assert (again.status, again.epoch) == ("finished", 3)


def test_a_batch_that_went_with_its_worker_is_explained_and_what_a_dataset_raises_is_not() -> None:
    lost = lost_batch(ConnectionResetError(104, "Connection reset by peer"))
    assert lost is not None
    assert "A worker of a DataLoader died" in lost.message
    assert lost_batch(ConnectionError("Caught ConnectionError in DataLoader worker process 0.")) is None
