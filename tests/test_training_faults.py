"""What may happen to a run, and what is left of it: every fault is a real one, in a real process."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager
from torch import Tensor, nn
from traitlets.config import Config

import lepton_nb
from lepton_nb import Callback
from lepton_nb.callbacks import TrainState
from lepton_nb.errors import StoreError, TrainingError
from lepton_nb.runs import RunStore, process
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 16, "lr": 1e-2, "restore_best": False}


def equal_to_the_whole(run: lepton_nb.Run, whole: lepton_nb.Run) -> bool:
    left, right = (one.load_checkpoint("last")[1]["model"] for one in (run, whole))
    same = all(torch.equal(left[key], right[key]) for key in right)
    return same and run.history()["loss"] == whole.history()["loss"]


class At(Callback):
    """Does something once, after a step."""

    def __init__(self, step: int, act: Callable[[TrainState], Any]) -> None:
        self.step, self.act = step, act

    def on_step_end(self, state: TrainState) -> None:
        if state.step == self.step:
            self.act(state)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The store that the driver's children left, and what it printed."""
    home = tmp_path_factory.mktemp("driven") / "lepton"
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault_driver", "100"],
        cwd=ROOT,
        env={**os.environ, "LEPTON_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return home, done.stdout.split()


@pytest.mark.timeout(300)
def test_a_hundred_kills_at_random_moments_change_no_bit_of_the_result(
    driven: tuple[Path, list[str]],
) -> None:
    store, (kills, runs) = RunStore(driven[0]), map(int, driven[1])
    assert kills == 100
    assert runs > 3
    attempts = 0
    for number in range(1, runs + 1):
        run = store.get_run(f"killed-{number}")
        assert run.status == "finished"
        assert equal_to_the_whole(run, store.get_run("whole")), run.ref
        attempts += run.attempt
    assert attempts > 50, "most kills struck after the run had begun"


@pytest.mark.timeout(300)
def test_two_runs_of_one_name_at_once_are_two_runs(driven: tuple[Path, list[str]]) -> None:
    store = RunStore(driven[0])
    assert {run.ref for run in store.list_runs(name="same")} == {"same@1", "same@2"}
    for ref in ("same@1", "same@2"):
        run = store.get_run(ref)
        assert run.status == "finished"
        assert equal_to_the_whole(run, store.get_run("whole"))


FOREGROUND = f"""\
import time
import lepton_nb
from lepton_nb import Callback
from tests.training_helpers import TinyNet, blobs
class Slow(Callback):
    def on_step_end(self, state):
        time.sleep(0.01 if state.step < 20 else 0.5)
lepton_nb.train(TinyNet, blobs(), callbacks=[Slow()], name="killed", checkpoint_every=0.02, **{SETTINGS!r})
"""


def test_a_kernel_killed_while_it_trains_leaves_a_run_that_goes_on() -> None:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute(FOREGROUND)
        wait_for(lambda: any(run.step >= 20 for run in lepton_nb.list_runs("killed")))
        run = lepton_nb.get_run("killed")
        assert run.pid is not None
        os.kill(run.pid, signal.SIGKILL)
        wait_for(lambda: run.refresh().status == "interrupted")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    resumed = lepton_nb.resume("killed", model=TinyNet(), data=blobs())
    whole = lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS)
    assert equal_to_the_whole(resumed, whole)


def wait_for(condition: Callable[[], Any], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run store on a disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can make a disk to fill")
    monkeypatch.setenv("LEPTON_HOME", str(folder / "lepton"))
    yield folder
    gc.collect()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_loses_nothing_that_was_saved(small_disk: Path) -> None:
    ballast = small_disk / "ballast"

    def fill(_: TrainState) -> None:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):  # until there is no space left
            while True:
                file.write(b"\0" * 4096)

    with pytest.raises(StoreError, match=r"no room left|could not be written") as caught:
        lepton_nb.train(
            TinyNet, blobs(), name="full", callbacks=[At(15, fill)], checkpoint_every=0.0, **SETTINGS
        )
    assert "space" in (caught.value.hint or "")
    ballast.unlink()
    resumed = lepton_nb.resume("full", model=TinyNet(), data=blobs())
    whole = lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS)
    assert equal_to_the_whole(resumed, whole)
    assert not list(resumed.path.rglob("*.tmp"))


@pytest.mark.parametrize("harm", ["truncated", "one bit", "emptied"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_said(harm: str) -> None:
    stop = At(14, lambda state: state.control.stop())
    run = lepton_nb.train(TinyNet, blobs(), callbacks=[stop], checkpoint_every=0.0, keep=3, **SETTINGS)
    newest, older = run.checkpoints()[:2]
    content = bytearray(newest.path.read_bytes())
    if harm == "one bit":
        content[-5] ^= 1
    newest.path.write_bytes(
        b"" if harm == "emptied" else content[: len(content) // 2 if harm == "truncated" else None]
    )
    resumed = lepton_nb.resume(run, model=TinyNet(), data=blobs())
    said = f"The checkpoint of step {newest.step} is damaged; step {older.step} is used."
    assert said in resumed.warnings
    assert said in (resumed.read_text("log.txt") or "")
    whole = lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS)
    assert equal_to_the_whole(resumed, whole)


def test_the_end_of_a_run_is_in_its_log_before_it_is_in_the_store() -> None:
    seen: list[tuple[str, str]] = []

    class Looks(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 3 and state.epochs == 1:
                raise ValueError("no more of this")

        def on_fit_end(self, state: TrainState) -> None:
            log = state.run.read_text("log.txt") or ""
            seen.append((RunStore().get_run(state.run.id).status, log.splitlines()[-1]))

        def on_exception(self, state: TrainState, error: BaseException) -> None:
            self.on_fit_end(state)

    settings = {**SETTINGS, "name": "cnn"}
    lepton_nb.train(TinyNet, blobs(), callbacks=[Looks()], **settings)
    with pytest.raises(ValueError, match="no more"):
        lepton_nb.train(TinyNet, blobs(), callbacks=[Looks()], **{**settings, "epochs": 1})
    (ended, said), (failed, why) = seen
    assert (ended, failed) == ("running", "running")
    assert said.endswith("finished at step 44")
    assert why.endswith("failed at step 3: ValueError: no more of this")
    assert [run.status for run in lepton_nb.list_runs()] == ["failed", "finished"]


def test_a_callback_that_raises_ends_the_run_with_its_line_and_tells_the_others() -> None:
    told: list[str] = []

    class Breaks(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 12:
                raise KeyError("no such metric")

        def on_exception(self, state: TrainState, error: BaseException) -> None:
            raise RuntimeError("and again")

    class Hears(Callback):
        def on_exception(self, state: TrainState, error: BaseException) -> None:
            told.append(type(error).__name__)

    with pytest.raises(KeyError) as caught:
        lepton_nb.train(TinyNet, blobs(), name="cnn", callbacks=[Breaks(), Hears()], **SETTINGS)
    assert told == ["KeyError"]
    assert "Breaks.on_exception failed, too: and again" in caught.value.__notes__
    run = lepton_nb.get_run("cnn")
    assert (run.status, run.error) == ("failed", "KeyError: 'no such metric'")
    resumed = lepton_nb.resume("cnn", model=TinyNet(), data=blobs())
    assert equal_to_the_whole(resumed, lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS))


def test_a_clock_that_jumps_changes_neither_the_result_nor_the_time_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system's clock is everyone's, so only this process's view of it is set: a year ahead, then back."""
    real, year = time.time, 365 * 86400.0
    jumps = [
        At(9, lambda _: monkeypatch.setattr(time, "time", lambda: real() + year)),
        At(20, lambda _: monkeypatch.setattr(time, "time", lambda: real() - year)),
    ]
    run = lepton_nb.train(TinyNet, blobs(), name="jumps", callbacks=jumps, checkpoint_every=0.0, **SETTINGS)
    assert 0 < run.seconds < 60
    monkeypatch.setattr(time, "time", real)
    assert 0 < lepton_nb.get_run("jumps").seconds < 60
    whole = lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS)
    assert equal_to_the_whole(run, whole)


def test_a_process_is_known_by_the_boot_and_not_by_the_clock() -> None:
    """psutil's time of creation moves with the clock, and a live run would look interrupted."""
    pid, started = process.current()
    assert process.started(pid) == started
    assert abs(started % 1e9 + psutil.boot_time() - psutil.Process().create_time()) < 5
    assert process.is_alive(pid, started)
    assert not process.is_alive(pid, started + 1)


def test_a_read_only_store_is_said_before_anything_is_trained_and_a_read_only_folder_hurts_nobody(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    monkeypatch.chdir(small_disk)
    with pytest.raises(StoreError, match=r"cannot write .*Read-only file system") as caught:
        lepton_nb.train(TinyNet, blobs(), epochs=1)
    assert "LEPTON_HOME" in (caught.value.hint or "")
    with pytest.raises(StoreError, match="Read-only file system"):
        lepton_nb.train(TinyNet, blobs(), epochs=1, background=True)
    monkeypatch.setenv("LEPTON_HOME", str(tmp_path / "elsewhere"))
    assert lepton_nb.train(TinyNet, blobs(), epochs=1).status == "finished"


def test_a_second_interrupt_ends_at_once_and_leaves_the_run_consistent() -> None:
    def insist(_: TrainState) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        lepton_nb.train(TinyNet, blobs(), name="cnn", callbacks=[At(14, insist)], **SETTINGS)
    run = lepton_nb.get_run("cnn")
    assert run.status == "stopped"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not any(thread.name == "lepton-hardware" for thread in threading.enumerate())
    resumed = lepton_nb.resume("cnn", model=TinyNet(), data=blobs())
    assert equal_to_the_whole(resumed, lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS))


def test_interrupts_within_a_checkpoint_leave_whole_checkpoints() -> None:
    """Each run is interrupted twice, some microseconds into saving; nothing half written counts."""
    strikers: list[threading.Thread] = []
    for delay in (0.0, 0.001, 0.003):

        def insist(_: TrainState, delay: float = delay) -> None:
            def strike() -> None:
                for _ in range(2):
                    time.sleep(delay)
                    os.kill(os.getpid(), signal.SIGINT)

            strikers.append(threading.Thread(target=strike))
            strikers[-1].start()

        name = f"cnn-{delay * 1000:.0f}"
        with suppress(KeyboardInterrupt):
            lepton_nb.train(
                TinyNet, blobs(), name=name, callbacks=[At(14, insist)], checkpoint_every=0.0, **SETTINGS
            )
            # On a busy machine the second one comes after the run has stopped: not into pytest.
            strikers[-1].join()
            time.sleep(0.01)
        run = lepton_nb.get_run(name)
        assert run.status in ("stopped", "finished")
        assert RunStore().check() == []
        resumed = run if run.status == "finished" else lepton_nb.resume(name, model=TinyNet(), data=blobs())
        assert resumed.status == "finished"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    found = InteractiveShell.instance(config=config)
    found.run_line_magic("load_ext", "lepton_nb")
    yield found
    found.run_line_magic("unload_ext", "lepton_nb")
    InteractiveShell.clear_instance()


ALIVE: list[weakref.ref[Any]] = []


class Fails(nn.Module):
    """Keeps an eye on its activations, its optimizer's state and itself, and fails in its twelfth step."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        self.steps = 0
        ALIVE.append(weakref.ref(self))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        self.steps += self.training
        if self.steps == 12:
            ALIVE.append(weakref.ref(hidden))
            raise RuntimeError("CUDA error: out of luck")
        return self.last(hidden)


@pytest.mark.parametrize(
    "line", ["lepton_nb.train(Fails, data, epochs=4)", "%lepton train Fails --data data"]
)
def test_a_traceback_keeps_no_memory_of_the_training(shell: InteractiveShell, line: str) -> None:
    ALIVE.clear()
    shell.push({"Fails": Fails, "data": blobs(), "lepton_nb": lepton_nb})

    def watch(state: TrainState) -> None:
        ALIVE.append(weakref.ref(state.optimizer))

    shell.push({"watch": At(1, watch)})
    call = (
        line.replace("epochs=4", "epochs=4, callbacks=[watch]") if "(" in line else f"{line} --callback watch"
    )
    result = shell.run_cell(call, store_history=True)
    error = result.error_in_exec
    assert str(error) == "CUDA error: out of luck"
    assert sys.last_value is error, "IPython keeps the exception"
    frames = []
    trace = sys.last_traceback
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "forward" in frames, "the lines of the traceback are all there"
    gc.collect()
    assert len(ALIVE) >= 3
    assert [ref() for ref in ALIVE if ref() is not None] == []


def test_a_run_that_was_cut_off_after_its_last_checkpoint_is_only_ended() -> None:
    run = lepton_nb.train(TinyNet, blobs(), name="cnn", **SETTINGS)
    model = run.live["model"]
    run.store.database.execute("UPDATE runs SET status = 'running', pid = 2 WHERE id = ?", (run.id,))
    assert run.refresh().status == "interrupted"
    resumed = lepton_nb.resume("cnn", model=TinyNet(), data=blobs())
    assert (resumed.status, resumed.step) == ("finished", run.step)
    assert same_weights(resumed.live["model"], model)
    with pytest.raises(TrainingError, match="already has all"):
        lepton_nb.resume("cnn")
