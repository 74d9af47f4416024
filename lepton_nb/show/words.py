"""Words as people read them: how many of what, on one line, under which name."""

from __future__ import annotations


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
