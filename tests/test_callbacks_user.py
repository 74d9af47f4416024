"""The user's own callbacks: what may be one, what it may keep, what is refused."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import lepton_nb
from lepton_nb import Callback
from lepton_nb.callbacks import TrainState
from lepton_nb.errors import ArgumentError
from tests.test_training_resume import StopAt
from tests.training_helpers import TinyNet, blobs


class Counter(Callback):
    """Counts steps, also across a resume."""

    made: ClassVar[list[Counter]] = []

    def __init__(self) -> None:
        self.count = 0
        self.made.append(self)

    def on_step_end(self, state: TrainState) -> None:
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.count = saved["count"]


def test_an_object_a_class_and_a_function_are_callbacks() -> None:
    epochs: list[int] = []
    counter = Counter()
    run = lepton_nb.train(
        TinyNet, blobs(), epochs=2, callbacks=[counter, Counter, lambda state: epochs.append(state.epoch)]
    )
    assert epochs == [0, 1]
    assert counter.count == Counter.made[-1].count == run.step


def test_what_a_callback_keeps_comes_back_on_resume() -> None:
    part = lepton_nb.train(TinyNet, blobs(), epochs=4, batch_size=32, callbacks=[Counter(), StopAt(9)])
    counter = Counter()
    run = lepton_nb.resume(part, model=TinyNet(), data=blobs(), callbacks=[counter])
    assert counter.count == run.step > 9


def test_something_else_is_refused_before_there_is_a_run() -> None:
    with pytest.raises(ArgumentError, match=r"A callback is a int; expected a lepton_nb\.Callback"):
        lepton_nb.train(TinyNet, blobs(), callbacks=[3])  # type: ignore[list-item]
    assert not lepton_nb.list_runs()
