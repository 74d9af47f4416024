"""Fields of a dataclass as options of a line: name, type, default and help have one source."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import Field
from typing import Any, Literal, get_args, get_origin

from lepton_nb.magics.parser import integer, number


def add_field(
    group: argparse._ArgumentGroup,
    field: Field[Any],
    hint: Any,
    *,
    metavar: str = "",
    kind: Callable[[str], Any] | None = None,
) -> argparse.Action:
    """Add a field as the option of its name, which is absent from the result where it is not on the line.

    Args:
        group: Where to add it.
        field: One whose metadata have its ``doc``.
        hint: Its type, resolved.
        metavar: What stands for the value in the help; by the type where it is not given.
        kind: What reads the value; by the type where it is not given.
    """
    flag = "--" + field.name.replace("_", "-")
    options: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS}
    if get_origin(hint) is Literal:
        text = field_help(field, ", ".join(get_args(hint)))
        return group.add_argument(flag, choices=get_args(hint), metavar="NAME", help=text, **options)
    if hint is bool:
        return group.add_argument(
            flag, action=argparse.BooleanOptionalAction, help=field_help(field), **options
        )
    kind = kind or _kind(hint)
    usual = "N" if kind is integer else "X" if kind is number else field.name.upper()
    return group.add_argument(flag, type=kind, metavar=metavar or usual, help=field_help(field), **options)


def field_help(field: Field[Any], choices: str = "") -> str:
    """The field's documentation, what it may be, and its default."""
    text = str(field.metadata["doc"]) + (f": {choices}" if choices else "")
    if field.default is None:
        return text.replace("%", "%%")
    default = {True: "yes", False: "no"}[field.default] if isinstance(field.default, bool) else field.default
    shown = f"{default:g}" if isinstance(default, float) else default
    return f"{text} (default: {shown})".replace("%", "%%")


def _kind(hint: Any) -> Callable[[str], Any]:
    """What reads a value of this type from a line."""
    kinds = get_args(hint) or (hint,)
    if str in kinds:
        return str
    if int in kinds:
        return integer
    if float in kinds:
        return number
    return _names


def _names(text: str) -> tuple[str, ...]:
    """Type of an option: names with commas between them."""
    return tuple(name.strip() for name in text.split(","))
