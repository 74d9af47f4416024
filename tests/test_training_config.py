"""`TrainConfig`: what it accepts, and what it says about the rest."""

from __future__ import annotations

import pytest

from lepton_nb.errors import ArgumentError
from lepton_nb.training import RECIPES, TrainConfig


def test_options_become_fields_without_loss() -> None:
    config = TrainConfig.from_options({"epochs": 3.0, "lr": 1, "compile": True, "patience": None})
    assert (config.epochs, config.lr, config.compile, config.patience) == (3, 1.0, True, None)
    assert isinstance(config.epochs, int)
    assert isinstance(config.lr, float)


def test_every_field_is_documented() -> None:
    for name, field in TrainConfig.__dataclass_fields__.items():
        assert field.metadata["doc"], name


def test_round_trip_through_json() -> None:
    config = TrainConfig(epochs=3, schedule="one-cycle", clip=1.0)
    assert TrainConfig.from_options(config.to_dict()) == config


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"epoch": 3}, "no setting 'epoch'", "'epochs'"),
        ({"epochs": 0}, "epochs is 0; expected 1 or more", "--epochs"),
        ({"epochs": 2.5}, "epochs is 2.5, a float; expected int", ""),
        ({"epochs": True}, "epochs is True, a bool; expected int", ""),
        ({"lr": "fast"}, "lr is 'fast', a str; expected float or None", ""),
        ({"lr": -1.0}, "lr is -1; expected 0 or more", "--lr"),
        ({"label_smoothing": 1.0}, "expected from 0 to 0.99", ""),
        ({"optimizer": "adan"}, "expected one of adamw, adam, sgd, rmsprop", "Did you mean 'adam'"),
        ({"compile": 1}, "compile is 1, a int; expected bool", ""),
    ],
)
def test_a_wrong_setting_is_explained(options: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        TrainConfig.from_options(dict(options))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_the_learning_rate_depends_on_the_optimizer_unless_given() -> None:
    assert TrainConfig().peak_lr == 1e-3
    assert TrainConfig(optimizer="sgd").peak_lr == 0.1
    assert TrainConfig(optimizer="sgd", lr=0.5).peak_lr == 0.5


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_has_a_source_and_settings_that_are_valid(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.source
    config = TrainConfig.from_options(recipe.settings)
    assert {name: getattr(config, name) for name in recipe.settings} == recipe.settings
