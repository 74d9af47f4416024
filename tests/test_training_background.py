"""Training in a process of its own: what travels there, what it makes, and how it is steered from here."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lepton_nb
from lepton_nb import Callback, Run
from lepton_nb.callbacks import TrainState
from lepton_nb.data import DataBundle
from lepton_nb.errors import StoreError, TrainingError
from lepton_nb.runs import RunStore, list_runs, queue
from lepton_nb.training.background.cargo import pack, unpack
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.monitoring import Monitor
from lepton_nb.training.plan import Plan
from tests.training_helpers import TinyNet, blobs

SETTINGS = {"epochs": 4, "batch_size": 16, "lr": 1e-2, "restore_best": False}
SCALE = torch.tensor(1.5)


class ScaledLoss(nn.Module):
    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(preds, target) * SCALE


class Slow(Callback):
    def on_step_end(self, state: TrainState) -> None:
        time.sleep(0.02)


def wait_for(condition: Callable[[], Any], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ended(run: Run) -> bool:
    return run.refresh().status not in ("queued", "running", "paused")


def weights(run: Run) -> dict[str, Tensor]:
    found: dict[str, Tensor] = run.load_checkpoint("last")[1]["model"]
    return found


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def plan(model: nn.Module, data: DataBundle, loss: Any = None, optimizer: Any = None) -> Plan:
    return Plan(model, data, loss, optimizer, TrainConfig(), Monitor("val_loss", "min"))


def carried(model: nn.Module, data: DataBundle, loss: Any = None, optimizer: Any = None) -> Plan:
    """What arrives of a plan."""
    cargo = pack(plan(model, data, loss, optimizer))
    with cargo.file as file:
        return unpack(file)


@pytest.fixture
def started() -> Iterator[list[Run]]:
    """Runs in the background, whose processes do not outlive the test."""
    runs: list[Run] = []
    yield runs
    for run in runs:
        if not ended(run):
            assert run.pid is not None
            os.kill(run.pid, signal.SIGKILL)


def test_an_optimizer_arrives_over_the_parameters_of_the_model_that_arrives() -> None:
    model = TinyNet()
    optimizer = torch.optim.AdamW(
        [{"params": model.body[0].parameters(), "lr": 1e-4}, {"params": model.body[4].parameters()}]
    )
    model.body[0].weight.requires_grad_(False)
    there = carried(model, blobs(), ScaledLoss(), optimizer)
    assert there.optimizer is not None
    layers: Any = there.model
    assert there.optimizer.param_groups[0]["params"][0] is layers.body[0].weight
    assert there.optimizer.param_groups[0]["lr"] == 1e-4
    assert not layers.body[0].weight.requires_grad
    assert equal(model.state_dict(), layers.state_dict())


def test_slices_of_one_array_do_not_carry_the_whole_of_it() -> None:
    model = TinyNet()
    model.register_buffer("part", torch.zeros(1_000_000)[:10])
    cargo = pack(plan(model, blobs()))
    cargo.file.close()
    assert cargo.report.size < 200_000


def test_the_report_shows_a_large_variable_that_a_function_drags_along() -> None:
    table = torch.zeros(1_000_000)
    loss = lambda preds, target: nn.functional.cross_entropy(preds, target) + 0 * table.sum()  # noqa: E731
    cargo = pack(plan(TinyNet(), blobs(), loss))
    cargo.file.close()
    (found,) = [item for item in cargo.report if item.name == "table"]
    assert (found.kind, found.size) == ("variable", 4_000_000)


def test_the_report_names_what_travels_its_size_and_why() -> None:
    cargo = pack(plan(TinyNet(), blobs(), ScaledLoss()).with_callbacks([Slow()]))
    cargo.file.close()
    items = {item.name: item for item in cargo.report}
    assert items["TinyNet"].kind == "model"
    assert items["TinyNet"].size > 4 * 6 * 16
    assert items["blobs"].size > 240 * 6 * 4
    assert items["SCALE"].why == "used by ScaledLoss.forward"
    assert "Slow" in items
    assert "blobs" in str(cargo.report)
    assert "<details" in cargo.report._repr_html_()


def test_nothing_pickled_has_a_name_on_disk(lepton_home: Path) -> None:
    cargo = pack(plan(TinyNet(), blobs()))
    assert [path for path in lepton_home.rglob("*") if path.is_file()] == []
    assert os.fstat(cargo.file.fileno()).st_mode & 0o077 == 0
    cargo.file.close()


class Opened(Dataset[Any]):
    """A Dataset as people write it: with something in it that belongs to this process."""

    def __init__(self, thing: Any) -> None:
        self.inner = TensorDataset(torch.randn(40, 6), torch.arange(40) % 3)
        self.thing = thing

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        return self.inner[index]


@pytest.mark.parametrize(
    ("make", "kind", "remedy"),
    [
        (lambda: open(__file__, "rb"), "an open file", "Keep its path"),  # noqa: SIM115
        (lambda: sqlite3.connect(":memory:"), "an open connection", "connect where it is used"),
        (threading.Lock, "a lock", "__getstate__"),
        (lambda: (n for n in range(3)), "a generator", "Make a list of it"),
    ],
)
def test_what_cannot_travel_is_named_before_anything_starts(
    make: Callable[[], Any], kind: str, remedy: str
) -> None:
    thing = make()
    with pytest.raises(TrainingError) as caught:
        lepton_nb.train(TinyNet, train=DataLoader(Opened(thing), batch_size=8), background=True)
    assert ".thing`) is " + kind in caught.value.message
    assert remedy in (caught.value.hint or "")
    assert "--background" in (caught.value.hint or "")
    assert not list_runs()
    if hasattr(thing, "close"):
        thing.close()


LOCK = threading.Lock()


class Locked(TinyNet):
    def forward(self, x: Tensor) -> Tensor:
        with LOCK:
            return super().forward(x)


def test_a_variable_that_a_method_uses_is_named_with_its_user() -> None:
    with pytest.raises(TrainingError, match=r"`LOCK` \(used by Locked.forward\) is a lock"):
        lepton_nb.train(Locked, blobs(), background=True)


@pytest.mark.slow
def test_it_ends_at_the_weights_of_a_run_in_the_foreground(started: list[Run], lepton_home: Path) -> None:
    data, loss = blobs(), ScaledLoss()
    whole = lepton_nb.train(TinyNet, data, loss=loss, **SETTINGS)
    before = time.monotonic()
    run = lepton_nb.train(TinyNet, data, loss=loss, name="there", background=True, **SETTINGS)
    assert time.monotonic() - before < 20
    started.append(run)
    assert run.pid != os.getpid()
    assert os.getsid(run.pid or 0) != os.getsid(0), "a session of its own survives the kernel"
    assert run.status == "queued"
    wait_for(lambda: ended(run))
    assert run.status == "finished", run.read_text("log.txt")
    assert equal(weights(whole), weights(run))
    assert whole.history()["loss"] == run.history()["loss"]
    assert lepton_nb.evaluate(run).metrics["accuracy"] > 0.5
    assert run.read_json("background.json")["size"] > 0
    assert b"cloudpickle" not in b"".join(p.read_bytes() for p in run.path.rglob("*") if p.is_file())


@pytest.mark.slow
def test_runs_wait_for_the_device_and_are_steered_from_here(started: list[Run]) -> None:
    """The first trains; the others wait, are cancelled, or take over when the first is killed."""
    settings = {"batch_size": 16, "callbacks": [Slow()], "background": True, "checkpoint_every": 0.1}
    first = lepton_nb.train(TinyNet, blobs(), name="first", epochs=500, **settings)
    second = lepton_nb.train(TinyNet, blobs(), name="second", epochs=500, **settings)
    third = lepton_nb.train(TinyNet, blobs(), name="third", epochs=2, **settings)
    started += [first, second, third]
    wait_for(lambda: first.refresh().step > 2)
    assert [run.status for run in list_runs()] == ["queued", "queued", "running"]
    assert str(queue.place_of(third)) == "waits for cpu, behind first@1 and 1 more"
    with pytest.raises(StoreError, match="third@1 is queued"):
        third.request("pause")
    with pytest.raises(TrainingError, match="third@1 is queued"):
        lepton_nb.resume("third")

    lepton_nb.stop("second")
    wait_for(lambda: ended(second))
    assert (second.status, second.step, second.checkpoints()) == ("stopped", 0, [])

    first.request("pause")
    wait_for(lambda: first.refresh().status == "paused")
    first.request("lr", 0.5)
    first.request("resume")
    wait_for(lambda: 0.4 < first.refresh().vitals["lr"] <= 0.5)
    assert "changed to 0.5" in (first.read_text("log.txt") or "")
    assert first.history()["lr"][1][-1] > 0.4
    assert third.refresh().status == "queued"

    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: ended(third))
    assert first.refresh().status == "interrupted"
    assert third.status == "finished"
    log = third.read_text("log.txt") or ""
    assert log.index("behind first@1") < log.index("started: TinyNet")

    more = first.epoch + 2
    again = lepton_nb.resume("first", model=TinyNet(), data=blobs(), epochs=more, background=True)
    started.append(again)
    wait_for(lambda: ended(again))
    assert (again.status, again.attempt) == ("finished", 2), again.read_text("log.txt")
    assert again.load_checkpoint("last")[1]["base_lrs"][0] == 0.5, (
        "a changed learning rate stays with the run"
    )


@pytest.mark.slow
def test_what_ends_it_stands_in_the_store_and_the_log(started: list[Run]) -> None:
    class Breaks(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 3:
                raise ValueError("no more of this")

    run = lepton_nb.train(TinyNet, blobs(), callbacks=[Breaks()], background=True, **SETTINGS)
    started.append(run)
    wait_for(lambda: ended(run))
    assert (run.status, run.error) == ("failed", "ValueError: no more of this")
    log = run.read_text("log.txt") or ""
    assert 'raise ValueError("no more of this")' in log, (
        "the line of the cell, though its class came by value"
    )
    assert run.checkpoints()
    assert RunStore().database.row("SELECT * FROM queue") is None


def test_the_store_says_failed_only_once_the_log_says_why(started: list[Run]) -> None:
    class Breaks(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 3:
                raise ValueError("no more of this")

        def on_exception(self, state: TrainState, error: BaseException) -> None:
            time.sleep(1.0)  # whoever watches the store looks now

    run = lepton_nb.train(TinyNet, blobs(), callbacks=[Breaks()], background=True, **SETTINGS)
    started.append(run)
    while not ended(run):
        time.sleep(0.002)
    log = run.read_text("log.txt") or ""
    assert run.status == "failed"
    assert "failed at step 3: ValueError: no more of this" in log
    assert "Traceback" in log


def test_a_memory_map_travels_by_its_path(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "pixels", dtype=np.float32, mode="w+", shape=(40, 6))
    array[:] = 1.0
    array.flush()

    class Mapped(TinyNet):
        def __init__(self) -> None:
            super().__init__()
            self.array = array

    there: Any = carried(Mapped(), blobs()).model
    assert isinstance(there.array, np.memmap)
    assert Path(there.array.filename) == tmp_path / "pixels"
    assert float(there.array[39, 5]) == 1.0
