"""Words as people read them: how many of what, on one line, under which name."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def plural(count: int, noun: str) -> str:
    """``1 label``, ``1,200 labels``, ``3 classes``."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def shorten(text: str, length: int) -> str:
    """`text` on one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def metric_title(name: str) -> str:
    """``val_accuracy`` as ``validation accuracy``, ``train_loss`` as ``training loss``."""
    for prefix, word in (("val_", "validation "), ("train_", "training ")):
        if name.startswith(prefix):
            return word + name.removeprefix(prefix).replace("_", " ")
    return name.replace("_", " ")


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Rows of texts as lines, each column as wide as it must be; those of `right` stand at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return [line.rstrip() for line in lines]
