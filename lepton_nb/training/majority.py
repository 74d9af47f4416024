"""Saying at the end of a run that its best accuracy is that of always saying the most frequent class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.runs import Run
from lepton_nb.signature import Signature
from lepton_nb.tasks.majority import majority_note

if TYPE_CHECKING:
    from lepton_nb.training.loop import Work

MONITOR = "val_accuracy"
_FILE = "class_counts.json"


class Majority(Callback):
    """Counts the classes of what is validated, and compares the best accuracy with the most frequent one.

    Args:
        work: Whose scores it listens to.
        signature: Names the classes.
    """

    def __init__(self, work: Work, signature: Signature) -> None:
        self.names = list(signature.class_names)
        self.counts: list[int] = []
        self._score, work.score = work.score, self.score

    def score(self, preds: Tensor, target: Tensor) -> dict[str, float]:
        """What the task's own score says."""
        if not self.counts and target.ndim == 1 and not target.is_floating_point():
            self.counts = torch.bincount(target, minlength=len(self.names)).tolist()
        return self._score(preds, target)

    def on_fit_end(self, state: TrainState) -> None:
        if not self.counts:
            return
        state.run.write_json(_FILE, {"names": self.names, "counts": self.counts})
        said = note_of(state.run, state.best_value)
        if said is not None:
            state.run.warn(said)


def note_of(run: Run, accuracy: float | None) -> str | None:
    """What to say of the best accuracy of a run, also of one of an earlier kernel."""
    known = run.read_json(_FILE)
    if known is None or accuracy is None or run.monitor != MONITOR:
        return None
    return majority_note(accuracy, known["counts"], known["names"], MONITOR)
