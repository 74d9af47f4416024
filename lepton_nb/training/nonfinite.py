"""What to do about a loss that is NaN or infinite: stop with the cause in words, or leave the batch out."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch

from lepton_nb.callbacks import TrainState
from lepton_nb.errors import TrainingError
from lepton_nb.models import first_non_finite
from lepton_nb.models.objectives import returned
from lepton_nb.models.seeding import private_rng
from lepton_nb.training.gradients import NonFiniteLossError

MOST_IN_A_ROW = 10  # batches left out one after the other; more is not bad luck


class NonFinite:
    """Answers a `NonFiniteLossError` for one run.

    Args:
        loss: How a batch goes through the model, see `returned`.
        skip: Leave the step out and go on, in place of ending the run.
        autocast: Context of the forward pass.
    """

    def __init__(
        self,
        state: TrainState,
        loss: Any,
        autocast: AbstractContextManager[Any],
        *,
        skip: bool,
    ) -> None:
        self.state, self.loss, self.autocast, self.skip = state, loss, autocast, skip
        self._in_a_row, self._step = 0, -1

    def answer(self, error: NonFiniteLossError) -> None:
        """Leave the step out.

        Raises:
            TrainingError: If the run is to stop: what happened, where, and what to type.
        """
        state = self.state
        self._in_a_row = self._in_a_row + 1 if state.step == self._step else 1
        self._step = state.step
        place = f"step {state.step + 1} (batch {state.batch} of epoch {state.epoch + 1})"
        if not self.skip or self._in_a_row > MOST_IN_A_ROW:
            again = f", the {self._in_a_row}th time in a row" if self.skip else ""
            raise TrainingError(
                f"The loss became {error.value:g} at {place}{again}: {self._cause(error)}.", self._hint()
            )
        state.optimizer.zero_grad(set_to_none=True)
        said = f"Left out {place}: the loss became {error.value:g}, {self._cause(error)}."
        state.run.warnings.append(said)
        state.run.append_log(said)

    def _cause(self, error: NonFiniteLossError) -> str:
        """Which layer it comes from, by running the batch once more; the weights are those it met."""
        buffers = [(buffer, buffer.clone()) for buffer in self.state.model.buffers()]
        with private_rng(), torch.no_grad(), self.autocast:
            model, batch = self.state.model, error.batch
            found = first_non_finite(model, batch.inputs, lambda: returned(self.loss, model, batch))
        for buffer, before in buffers:
            buffer.copy_(before)
        if found is not None:
            return found
        if error.value == error.value and abs(error.value) != float("inf"):
            return "a gradient is not finite, though the loss is"
        return "the model's output is finite, so the loss function makes it of the output and the target"

    def _hint(self) -> str:
        run = self.state.run
        kept = max((checkpoint.step for checkpoint in run.checkpoints()), default=0)
        return (
            f"The weights of step {kept} are kept. Go on from there: %lepton resume {run.ref} "
            f"--lr {self.state.lr / 10:.2g}, or --clip 1, or --on-nan skip to leave such batches out."
        )
