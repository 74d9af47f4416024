"""A form for the settings of a run, which writes the line that starts it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import traitlets

from lepton_nb.errors import LeptonError
from lepton_nb.show.html import code, element, quiet, table
from lepton_nb.training.config import TrainConfig, allowed_range
from lepton_nb.widgets.assets import joined
from lepton_nb.widgets.enhanced import Enhanced, show_enhanced

# What people usually try, narrower than what is allowed: low, high, and whether it goes by factors.
_USUAL: dict[str, tuple[float, float, bool]] = {
    "epochs": (1, 200, True),
    "batch_size": (8, 1024, True),
    "lr": (1e-5, 1.0, True),
    "warmup": (0.0, 0.3, False),
    "drop": (0.05, 0.5, False),
    "drop_after": (1, 30, False),
    "weight_decay": (1e-6, 0.5, True),
    "momentum": (0.5, 0.99, False),
    "clip": (0.1, 10.0, True),
    "accumulation": (1, 32, True),
    "unfreeze_at": (1, 20, False),
    "lr_decay": (0.5, 1.0, False),
    "label_smoothing": (0.0, 0.3, False),
    "mixup": (0.0, 1.0, False),
    "cutmix": (0.0, 1.0, False),
    "ema": (0.9, 0.9999, False),
    "swa": (0.05, 0.5, False),
    "patience": (1, 30, False),
}
_FIRST = ("epochs", "batch_size", "lr", "optimizer", "schedule")
_AUTOMATIC = ("lr", "drop_after")  # without a value they follow from other settings; others are off
Names = Callable[[], dict[str, list[str]]]
"""Gives what there is to train, and to train on: ``{"models": [...], "data": [...]}``."""


class RunForm(Enhanced):
    """The live form.

    Args:
        start: What is chosen at first: ``model`` and ``data``.
        names: Asked again whenever the form is used, for the notebook's variables come and go.
        groups: Names of settings by title.

    Attributes:
        fields: Every setting: name, kind, default, choices, ranges, documentation, group.
        names: What there is to choose from.
        chosen: What stands in the form; kept for a page that is reloaded.
        problem: What is wrong with it, in a sentence; empty where it is right.
    """

    _esm = joined("elements.js", "enhanced.js", "run_form.js")
    _css = joined("panel.css", "run_form.css")

    fields: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)

    def __init__(self, start: dict[str, str], names: Names, groups: dict[str, list[str]]) -> None:
        self._look = names
        super().__init__(fields=describe_settings(groups), names=names(), chosen=start)
        self.observe(self._check, "chosen")

    def _answer(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and content.get("ask") == "names":
            self.names = self._look()

    def _check(self, _: Any) -> None:
        """Whether the settings go together, as training would see them."""
        known = {field.name for field in dataclasses.fields(TrainConfig)}
        try:
            TrainConfig.from_options({name: value for name, value in self.chosen.items() if name in known})
        except LeptonError as error:
            self.problem = str(error).replace("\n", " ")
        else:
            self.problem = ""


def show_form(start: dict[str, str], names: Names, groups: dict[str, list[str]]) -> None:
    """Display the form; a saved notebook keeps the line and the settings it starts from."""
    form = RunForm(start, names, groups)
    show_enhanced(form, plain_line(start), static_form(start, form.fields))


def plain_line(start: dict[str, str]) -> str:
    """The line for the settings as they are by default."""
    data = f" --data {start['data']}" if start.get("data") else ""
    return f"%lepton train {start.get('model') or 'MODEL'}{data}"


def static_form(start: dict[str, str], fields: list[dict[str, Any]]) -> str:
    """What a saved notebook shows: the line, and the main settings with their defaults."""
    rows = [
        (
            f"--{field['flag']}",
            "–" if field["default"] is None else str(field["default"]),
            quiet(field["doc"]),
        )
        for field in fields
        if field["name"] in _FIRST
    ]
    return (
        f"<p><b>A form to start a run</b>. With a kernel, run the cell to use it. Its line so far:</p>"
        f"{element('p', code(plain_line(start)))}{table((), rows)}"
    )


def describe_settings(groups: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Every setting as the form needs it, the main ones first."""
    hints = get_type_hints(TrainConfig)
    titles = {name: title for title, names in groups.items() for name in names}
    fields = {field.name: field for field in dataclasses.fields(TrainConfig)}
    order = [*_FIRST, *(name for names in groups.values() for name in names if name not in _FIRST)]
    return [_describe(fields[name], hints[name], titles[name]) for name in order]


def _describe(field: dataclasses.Field[Any], hint: Any, group: str) -> dict[str, Any]:
    kinds = get_args(hint) or (hint,)
    choices = list(get_args(hint)) if get_origin(hint) is Literal else None
    whole, decimal = int in kinds and hint is not bool, float in kinds
    kind = "choice" if choices else "switch" if hint is bool else "number" if whole or decimal else "text"
    low, high = allowed_range(field.name) or (None, None)
    usual = _USUAL.get(field.name)
    return {
        "name": field.name,
        "flag": field.name.replace("_", "-"),
        "group": "" if field.name in _FIRST else group,
        "kind": kind,
        "whole": whole and not decimal,
        "default": field.default,
        "empty": "auto" if field.name in _AUTOMATIC else "off",
        "choices": choices,
        "low": low,
        "high": None if high is None or math.isinf(high) else high,
        "usual": None if usual is None else {"low": usual[0], "high": usual[1], "log": usual[2]},
        "doc": field.metadata["doc"],
    }
