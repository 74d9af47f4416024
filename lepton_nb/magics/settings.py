"""The fields of `TrainConfig` as options, so that names, types, defaults and help have one source."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Collection
from typing import Any, get_args, get_type_hints

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.fields import add_field, field_help
from lepton_nb.magics.parser import MagicParser, integer
from lepton_nb.training import TrainConfig

_GROUPS = {
    "optimization": (
        "epochs",
        "batch_size",
        "lr",
        "optimizer",
        "schedule",
        "scheduler_by",
        "warmup",
        "drop",
        "drop_after",
        "weight_decay",
        "momentum",
        "clip",
        "accumulation",
    ),
    "fine-tuning": ("lora", "freeze", "unfreeze_at", "lr_decay"),
    "generalization": (
        *("label_smoothing", "class_weights", "mixup", "cutmix"),
        *("ema", "swa", "monitor", "patience", "on_nan", "restore_best"),
    ),
    "tracking": ("sink",),
    "speed and device": ("device", "precision", "compile", "channels_last", "autotune", "profile"),
}
_REST = "checkpoints and repetition"

_TYPES = get_type_hints(TrainConfig)
OPTIMIZERS: tuple[str, ...] = get_args(_TYPES["optimizer"])
"""The names that ``--optimizer`` takes beside a variable's."""


def add_settings(parser: MagicParser, only: Collection[str] | None = None) -> None:
    """Add fields of `TrainConfig`, each in a group with its likes; fields of no group come last.

    Args:
        parser: Where to add them.
        only: Names of the fields to add; all where None.
    """
    for title, names in setting_groups().items():
        wanted = [name for name in names if only is None or name in only]
        if wanted:
            group = parser.add_argument_group(title)
            for name in wanted:
                can_measure = only is None or "autotune" in only
                _add_setting(group, TrainConfig.__dataclass_fields__[name], auto=can_measure)


def setting_groups() -> dict[str, list[str]]:
    """Names of the settings under the titles that people find them by."""
    rest = {field.name: None for field in dataclasses.fields(TrainConfig)}
    groups: dict[str, list[str]] = {}
    for title, names in _GROUPS.items():
        groups[title] = list(names)
        for name in names:
            del rest[name]
    return {**groups, _REST: list(rest)}


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that stand on the line; those that do not are `TrainConfig`'s business."""
    return {
        field.name: getattr(args, field.name)
        for field in dataclasses.fields(TrainConfig)
        if hasattr(args, field.name)
    }


def _add_setting(group: argparse._ArgumentGroup, field: dataclasses.Field[Any], *, auto: bool) -> None:
    hint = _TYPES[field.name]
    if field.name == "optimizer":
        text = field_help(field, f"one of {', '.join(OPTIMIZERS)}, or an optimizer variable")
        action = group.add_argument("--optimizer", metavar="NAME", default=argparse.SUPPRESS, help=text)
        names = [(name, "value") for name in OPTIMIZERS]
        completes(action, lambda namespace, typed: names + completion.optimizers(namespace, typed))
    elif field.name == "batch_size" and auto:
        add_field(group, field, hint, metavar="N", kind=_integer_or_auto)
    else:
        add_field(group, field, hint)


def _integer_or_auto(text: str) -> int | str:
    """Type of an option."""
    return text if text == "auto" else integer(text)
