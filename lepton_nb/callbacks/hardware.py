"""What the machine does while a run trains, for charts of it over time."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState
from lepton_nb.errors import LeptonError
from lepton_nb.runs.samples import Sample, add_samples

if TYPE_CHECKING:
    import torch

    from lepton_nb.runs import Run

_SHORTEST = 1.0  # seconds between two samples
_KEPT = 600  # samples a doubling of the time trained: a run of any length has a few thousand
_WRITE_AFTER = 5.0  # seconds that samples may wait to be written


class HardwareSampler(Callback):
    """Samples this process and its device from a thread of its own, at most once a second.

    ``cpu_percent`` (100 is one core) and ``memory`` (resident bytes) of this process and its loaders'
    workers; on an accelerator ``device_memory`` (bytes torch holds there) and ``device_percent`` (busy, where
    the driver tells). Nothing happens in the loop; what cannot be measured or written is left out.
    """

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def on_fit_start(self, state: TrainState) -> None:
        self._ended.clear()
        self._thread = threading.Thread(
            target=_watch, args=(state.run, state.device, self._ended), name="lepton-hardware", daemon=True
        )
        self._thread.start()

    def on_fit_end(self, state: TrainState) -> None:  # noqa: ARG002
        self._stop()

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._stop()

    def _stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
            self._thread = None


def _watch(run: Run, device: torch.device, ended: threading.Event) -> None:
    probe = Probe(device)
    started = written = time.monotonic()
    waiting: list[Sample] = []
    while not ended.is_set():
        ended.wait(max(_SHORTEST, (time.monotonic() - started) / _KEPT))
        waiting.append((time.time(), probe.measure()))
        if ended.is_set() or time.monotonic() - written >= _WRITE_AFTER:
            with suppress(LeptonError):  # a full disk is the loop's to report
                add_samples(run, waiting)
            waiting, written = [], time.monotonic()


class Probe:
    """Measures this process and a device.

    Args:
        device: Where the model is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._own = psutil.Process()
        self._own.cpu_percent()  # the first call only sets the mark
        self._workers: dict[int | None, psutil.Process] = {}
        self._tells_percent = device.type == "cuda"

    def measure(self) -> dict[str, float]:
        """The values now; the processor's since the last call."""
        values = self._measure_processes()
        if self._device.type != "cpu":
            values |= self._measure_device()
        return values

    def _measure_processes(self) -> dict[str, float]:
        percent = memory = 0.0
        workers = {}
        for child in multiprocessing.active_children():  # psutil would look at every process of the machine
            with suppress(psutil.Error):
                workers[child.pid] = self._workers.get(child.pid) or psutil.Process(child.pid)
        self._workers = workers
        for process in (self._own, *workers.values()):
            with suppress(psutil.Error):
                percent += process.cpu_percent()
                memory += process.memory_info().rss
        return {"cpu_percent": percent, "memory": memory}

    def _measure_device(self) -> dict[str, float]:
        import torch

        values: dict[str, float] = {}
        with suppress(RuntimeError, AttributeError, ValueError):  # a backend that does not count
            values["device_memory"] = torch.accelerator.memory_reserved(self._device)
        if self._tells_percent:
            try:
                values["device_percent"] = torch.cuda.utilization(self._device)
            except Exception:  # no nvidia-ml-py, or a driver that does not tell: it will not the next time
                self._tells_percent = False
        return values
