"""The search: its space, its trials as runs, pruning, interrupts and going on."""

from __future__ import annotations

import math
import signal
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lepton_nb
from lepton_nb.errors import ArgumentError, NotFoundError, TrainingError
from lepton_nb.training import find_study
from lepton_nb.training.space import Dimension, parse_space, space_text
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow

SPACE = "lr=1e-5..1:log,batch_size=32|64"
FAST: dict[str, Any] = {"epochs": 4, "restore_best": False}


def test_a_space_is_read_and_written() -> None:
    space = parse_space("lr=1e-4..1e-1:log,batch-size=32|64,epochs=2..8,optimizer=sgd|adamw,clip=none|1.0")
    assert space == [
        Dimension("lr", low=1e-4, high=0.1, log=True),
        Dimension("batch_size", (32, 64)),
        Dimension("epochs", low=2, high=8, whole=True),
        Dimension("optimizer", ("sgd", "adamw")),
        Dimension("clip", (None, 1.0)),
    ]
    assert parse_space(space_text(space)) == space
    assert parse_space({"lr": "0.1..0.5", "batch_size": [32, 64]})[1].choices == (32, 64)


@pytest.mark.parametrize(
    ("search", "message", "hint"),
    [
        ("", "nothing to search", "--search"),
        ("learning_rate=1..2", "no setting 'learning_rate'", ""),
        ("lr=1..0.1", "must rise", ""),
        ("lr=0..1:log", "above 0", ""),
        ("lr=fast|slow", "lr is 'fast', a str", ""),
        ("optimizer=sgd|adan", "optimizer is 'adan'", "adam"),
        ("batch_size", "no value for batch_size", "--search"),
    ],
)
def test_a_wrong_space_is_explained(search: str, message: str, hint: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        lepton_nb.tune(TinyNet, blobs(), search=search)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_every_trial_is_a_run_and_the_best_one_is_found() -> None:
    seen: list[int] = []
    study = lepton_nb.tune(
        TinyNet, blobs(), search=SPACE, trials=5, name="s", progress=lambda s: seen.append(s.counted), **FAST
    )
    assert seen == [0, 1, 2, 3, 4, 5]
    runs = lepton_nb.list_runs("s")
    assert [run.ref for run in runs] == [f"s@{n}" for n in range(5, 0, -1)]
    assert study.best.best_value == max(run.best_value or 0 for run in runs)
    assert study.best.params["lr"] == study.best_params["lr"]
    assert list(study.frame()["run"]) == [f"s@{n}" for n in range(1, 6)]
    assert study.best.live["model"] is not None
    assert "data:image/png" in study._repr_html_()
    again = find_study("s")
    assert again.best_params == study.best_params
    assert [trial.state for trial in again.trials] == [trial.state for trial in study.trials]


def test_bad_trials_are_pruned_and_marked() -> None:
    study = lepton_nb.tune(
        TinyNet, blobs(), search="lr=1e-6|1e-2", trials=12, name="s", **{**FAST, "epochs": 6}
    )
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.run.epoch < 6 for trial in pruned)
    assert {run.ref for run in lepton_nb.list_runs(tags={"pruned": ""})} == {t.run.ref for t in pruned}


def test_an_instance_stays_as_it_is_and_every_trial_starts_from_it() -> None:
    model = TinyNet()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    study = lepton_nb.tune(model, blobs(), search="lr=1e-9|2e-9", trials=2, prune=False, **FAST)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    first = [trial.run.history()["loss"][1][0] for trial in study.trials]
    assert first[0] == pytest.approx(first[1], rel=1e-3)
    assert same_weights(model, model)


def test_an_interrupt_ends_the_search_and_the_same_call_goes_on() -> None:
    class Interrupting(TinyNet):
        steps = 0

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                Interrupting.steps += 1
                if Interrupting.steps == 30:
                    signal.raise_signal(signal.SIGINT)
            return super().forward(x)

    study = lepton_nb.tune(Interrupting, blobs(), search="lr=1e-3..1e-1:log", trials=4, name="s", **FAST)
    assert "interrupted" in study.ended
    assert 0 < study.counted < 4
    assert study.trials[-1].state == "interrupted"
    study = lepton_nb.tune(Interrupting, blobs(), search="lr=1e-3..1e-1:log", trials=4, name="s", **FAST)
    assert study.counted == 4
    assert len(study.trials) == 5
    rates = [trial.params["lr"] for trial in study.trials]
    assert len(set(rates)) == 5


def test_another_space_model_or_name_is_told_apart() -> None:
    lepton_nb.tune(TinyNet, blobs(), search="lr=1e-3|1e-2", trials=1, name="s", **FAST)
    with pytest.raises(ArgumentError, match=r"was over lr=0\.001\|0\.01, not lr=0\.1\|1"):
        lepton_nb.tune(TinyNet, blobs(), search="lr=0.1|1", name="s", **FAST)
    with pytest.raises(ArgumentError, match="was of TinyNet on blobs"):
        lepton_nb.tune(nn.Linear(6, 3), blobs(), search="lr=1e-3|1e-2", name="s", **FAST)
    with pytest.raises(NotFoundError) as caught:
        find_study("t")
    assert "'s'" in (caught.value.hint or "")
    with pytest.raises(ArgumentError, match="both set and searched"):
        lepton_nb.tune(TinyNet, blobs(), search="lr=0.1|1", lr=0.1)


def test_a_trial_that_diverges_fails_alone_and_all_of_them_fail_the_search() -> None:
    class Fragile(nn.Module):
        """NaN where the weights have moved far."""

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            far = self.fc.weight.detach().abs().max() > 5
            return self.fc(x) * (math.nan if far and self.training else 1.0)

    study = lepton_nb.tune(Fragile, blobs(), search="lr=1e-2|100.0", trials=6, name="s", prune=False, **FAST)
    states = {trial.params["lr"]: trial.state for trial in study.trials}
    assert states == {1e-2: "complete", 100.0: "failed"}
    with pytest.raises(TrainingError):
        lepton_nb.tune(Fragile, blobs(), search="lr=100.0|200.0", trials=2, name="t", **FAST)


def test_one_trial_that_fails_by_the_users_own_code_or_cannot_begin_does_not_end_the_search() -> None:
    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and len(target) == 16 and not target.requires_grad:
            raise RuntimeError("sixteen")
        return nn.functional.cross_entropy(out, target)

    study = lepton_nb.tune(
        TinyNet, blobs(), search="batch_size=16|32", trials=4, loss=loss, epochs=1, name="own-code"
    )
    assert {trial.state for trial in study.trials} == {"complete", "failed"}
    study = lepton_nb.tune(TinyNet, blobs(), search="cutmix=0.0|1.0", trials=4, epochs=1, name="refused")
    assert len(study.trials) + len(study.refused) == 4
    assert study.ranked
    assert "cutmix pastes boxes of pictures" in str(study)
