"""A run as the store tells of it, for a panel in a process that does not train it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from lepton_nb.callbacks import Control
from lepton_nb.errors import StoreError
from lepton_nb.runs import Run, queue
from lepton_nb.runs.states import ACTIVE, STATUSES


class RemoteControl(Control):
    """Passes requests on to the process that trains the run."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def stop(self) -> None:
        with suppress(StoreError):  # it has ended meanwhile: the panel is about to show it
            self._run.request("stop")
            super().stop()

    def pause(self) -> None:
        with suppress(StoreError):
            self._run.request("pause")

    def resume(self) -> None:
        with suppress(StoreError):
            self._run.request("resume")

    def change_lr(self, value: float) -> None:
        with suppress(StoreError):
            self._run.request("lr", value)


class Observed:
    """A run seen through the store; `Shown`. `look` reads it again.

    Args:
        run: An object of this view's own, as it is read on another thread.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.control: Control = RemoteControl(run)
        self.place: queue.QueuePlace | None = None
        self.best_epoch: int | None = None
        self.look()

    def look(self) -> None:
        """Bring everything up to date.

        Raises:
            NotFoundError: If the run was deleted.
            StoreError: If the store cannot be read now.
        """
        run = self.run.refresh()
        self.place = queue.place_of(run) if run.status == "queued" else None
        self.best_epoch = run.vitals.get("best_epoch")
        if self.best_epoch is None and run.best_value is not None:
            self.best_epoch = next((found.epoch for found in run.checkpoints() if found.best), None)

    @property
    def ended(self) -> bool:
        return self.phase in STATUSES and self.phase not in ACTIVE

    @property
    def phase(self) -> str:
        if self.place is not None and not self.place.ahead:
            return "starting"  # its turn: its process loads torch, the model and the data
        if self.run.status != "running":
            return self.run.status
        # A heartbeat comes with what was measured, so at the end of a validation and not within it.
        return "training" if self.run.attempt and self.run.vitals else "starting"

    @property
    def data_name(self) -> str:
        return self.run.data

    @property
    def device(self) -> str:
        return str(self._vital("device", "not yet known"))

    @property
    def device_reason(self) -> str:
        return str(self._vital("device_reason", ""))

    @property
    def monitor(self) -> str:
        return self.run.monitor

    @property
    def mode(self) -> str:
        return self.run.mode

    @property
    def epoch(self) -> int:
        return self.run.epoch

    @property
    def epochs(self) -> int:
        return self.run.epochs

    @property
    def step(self) -> int:
        return self.run.step

    @property
    def steps_per_epoch(self) -> int | None:
        steps: int | None = self._vital("steps_per_epoch", None)
        return steps

    @property
    def total_steps(self) -> int | None:
        return self.run.total_steps

    @property
    def metrics(self) -> dict[str, float]:
        return {"items_per_second": self.items_per_second}

    @property
    def items_per_second(self) -> float:
        return float(self._vital("items_per_second", 0.0))

    @property
    def elapsed(self) -> float:
        return self.run.seconds

    @property
    def eta(self) -> float | None:
        eta: float | None = self._vital("eta", None)
        return eta

    @property
    def lr(self) -> float:
        return float(self._vital("lr", 0.0))

    @property
    def memory_bytes(self) -> int:
        return int(self._vital("memory", 0))

    @property
    def best_value(self) -> float | None:
        return self.run.best_value

    @property
    def stop_reason(self) -> str:
        if self.phase == "interrupted":
            return f"its process ({self.run.pid}) is gone"
        return self.run.error or str(self._vital("stop_reason", ""))

    @property
    def samples(self) -> list[str]:
        return list(self._vital("samples", ()))

    def _vital(self, name: str, default: Any) -> Any:
        return self.run.vitals.get(name, default)
