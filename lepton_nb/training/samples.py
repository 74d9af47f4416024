"""A few answers of the model after every epoch, in the panel and the run's log: what the numbers mean."""

from __future__ import annotations

from lepton_nb.batch import Batch, moved
from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.data import DataBundle
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.tasks import Task
from lepton_nb.training.averaging import WeightAverage

_ITEMS = 3


class Samples(Callback):
    """Says what `Task.samples` says of the first items of the validation split, by the weights measured."""

    def __init__(self, data: DataBundle, averaging: WeightAverage) -> None:
        self.data, self.averaging = data, averaging

    @staticmethod
    def suits(data: DataBundle) -> bool:
        """Whether the task shows any, and there is something held back to show."""
        return type(data.task).samples is not Task.samples and data.val is not None

    def on_validation_end(self, state: TrainState) -> None:
        batch = Batch(*moved(self.data.example(_ITEMS, "val"), state.device))
        averaged = self.averaging.applied(state)
        with averaged, evaluating(state.model), without_gradients(state.model):
            state.samples = self.data.task.samples(state.model, batch, self.data.signature)
        for line in state.samples:
            state.run.append_log(f"  {line}")
