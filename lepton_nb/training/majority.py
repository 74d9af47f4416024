"""Saying at the end of a run that its best accuracy is that of always saying the most frequent class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from lepton_nb.batch import Tree
from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.runs import Run
from lepton_nb.signature import Signature
from lepton_nb.tasks.majority import majority_note
from lepton_nb.tasks.meters import Meter

if TYPE_CHECKING:
    from lepton_nb.training.loop import Work

MONITOR = "val_accuracy"
_FILE = "class_counts.json"


class Majority(Callback):
    """Counts the classes of what is validated, and compares the best accuracy with the most frequent one.

    Args:
        work: Whose meters it listens to.
        signature: Names the classes.
    """

    def __init__(self, work: Work, signature: Signature) -> None:
        self.names = list(signature.class_names)
        self.counts: list[int] = []
        make = work.meter
        work.meter = lambda: _Counting(make(), len(self.names), self.counts)

    def on_fit_end(self, state: TrainState) -> None:
        if not self.counts:
            return
        state.run.write_json(_FILE, {"names": self.names, "counts": self.counts})
        said = note_of(state.run, state.best_value)
        if said is not None:
            state.run.warn(said)


class _Counting:
    """A meter that counts the classes it is shown, the first time they are all shown."""

    def __init__(self, meter: Meter, classes: int, counts: list[int]) -> None:
        self.meter, self.known = meter, counts
        self.counts = torch.zeros(classes, dtype=torch.int64)

    def update(self, outputs: Tree, target: Tree) -> None:
        self.meter.update(outputs, target)
        if isinstance(target, Tensor) and target.ndim == 1 and not target.is_floating_point():
            self.counts += torch.bincount(target.cpu(), minlength=len(self.counts))

    def merge(self, other: Self) -> None:
        self.meter.merge(other.meter)
        self.counts += other.counts

    def compute(self) -> dict[str, float]:
        if self.counts.any():
            self.known[:] = self.counts.tolist()
        return self.meter.compute()


def note_of(run: Run, accuracy: float | None) -> str | None:
    """What to say of the best accuracy of a run, also of one of an earlier kernel."""
    known = run.read_json(_FILE)
    if known is None or accuracy is None or run.monitor != MONITOR:
        return None
    return majority_note(accuracy, known["counts"], known["names"], MONITOR)
