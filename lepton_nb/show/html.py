"""HTML for a notebook's outputs: no script, no style sheet, and the colours of whatever surrounds it.

What is not `Markup` is a text, and is escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from lepton_nb.show.numbers import number

_CELL = "padding:3px 14px 3px 0;vertical-align:top;border-bottom:1px solid rgba(128,128,128,.3);text-align:"
_LEFT, _RIGHT = f"{_CELL}left", f"{_CELL}right;font-variant-numeric:tabular-nums"
_QUIET = "opacity:.65"
_TABLE = "color:inherit;background:transparent;border-collapse:collapse;font-size:13px;margin:4px 0"
_CARD = (
    "display:inline-block;max-width:100%;color:inherit;border:1px solid rgba(128,128,128,.4);"
    "border-radius:6px;padding:8px 14px;font-size:13px;line-height:1.5"
)


class Markup(str):
    """HTML as it is."""

    __slots__ = ()


def markup(value: Any) -> Markup:
    """A value in HTML: a float as a `number`, everything else as its text."""
    if isinstance(value, Markup):
        return value
    return Markup(escape(number(value) if isinstance(value, float) else str(value)))


def element(tag: str, content: Any, style: str = "") -> Markup:
    """One element around a value."""
    attribute = f' style="{style}"' if style else ""
    return Markup(f"<{tag}{attribute}>{markup(content)}</{tag}>")


def joined(parts: Iterable[Any], between: str = "") -> Markup:
    """Values one after another."""
    return Markup(between.join(map(markup, parts)))


def bold(content: Any) -> Markup:
    return element("b", content)


def code(content: Any) -> Markup:
    return element("code", content)


def quiet(content: Any, tag: str = "span") -> Markup:
    """What is said beside the rest."""
    return element(tag, content, _QUIET)


def coloured(content: Any, colour: str) -> Markup:
    return element("span", content, f"color:{colour};white-space:nowrap")


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], right: Collection[int] = ()) -> Markup:
    """A table; without a head where that is empty.

    Args:
        right: The columns that stand at the right, besides cells that hold a float.
    """

    def styled(place: int, value: Any) -> str:
        return _RIGHT if place in right or isinstance(value, float) else _LEFT

    names = [
        element("th", name, f"{styled(i, '')};{_QUIET};font-weight:normal") for i, name in enumerate(head)
    ]
    lines = [joined(element("td", value, styled(i, value)) for i, value in enumerate(row)) for row in rows]
    top = element("thead", element("tr", joined(names))) if names else ""
    body = element("tbody", joined(element("tr", line) for line in lines))
    return element("table", Markup(f"{top}{body}"), _TABLE)


def card(title: Any, facts: Mapping[str, Any], foot: Markup | None = None) -> Markup:
    """A name and what is known of it; facts that are empty are left out."""
    known = [Markup(f"{quiet(name)}{element('span', fact)}") for name, fact in facts.items() if fact]
    grid = "display:grid;grid-template-columns:auto 1fr;gap:0 14px;margin-top:4px"
    return element(
        "div", joined([element("div", title), element("div", joined(known), grid), foot or Markup()]), _CARD
    )
