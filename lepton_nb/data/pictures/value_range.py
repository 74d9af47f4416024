"""Which values pictures of more than 8 bits a channel use, by a sample of the training split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lepton_nb.data.pictures.decoding import Read, content, in_threads
from lepton_nb.data.report import Finding
from lepton_nb.show.words import plural
from lepton_nb.tasks import InputError
from lepton_nb.tasks.images import open_wide
from lepton_nb.tasks.wide_pictures import ValueRange

SAMPLE = 512  # pictures that are looked at
KEPT = 4096  # values of each by which a few odd ones are told from many
NEARLY_ALL = (0.1, 99.9)  # percentiles
FEW_LEVELS = 16  # fewer of the 256 levels than this for nearly all values is worth a word


def measure_range(read: Read, train: np.ndarray) -> tuple[ValueRange | None, list[Finding]]:
    """The smallest and the largest value of the training pictures that have more than 8 bits a channel.

    Args:
        train: Numbers of the training pictures.

    Returns:
        The range, or None where there is no such picture, and what to say about it.
    """
    rows = train[np.unique(np.linspace(0, len(train) - 1, min(len(train), SAMPLE)).round().astype(int))]
    found: dict[int, np.ndarray] = {}

    def look(row: int) -> None:
        values = _values(read(row))
        if values is not None and np.isfinite(values).any():
            found[row] = _summary(values)

    in_threads(look, [int(row) for row in rows], lambda _: None)
    if not found:
        return None, []
    values = np.concatenate([found[row] for row in sorted(found)])
    number = float if values.dtype.kind == "f" else int
    low, high = number(values.min()), number(values.max())
    return (low, high), _say(values, low, high, len(found), len(train))


def _values(source: Path | Image.Image) -> np.ndarray | None:
    try:
        return open_wide(content(source))
    except (InputError, OSError):
        return None  # named by `decode`


def _summary(values: np.ndarray) -> np.ndarray:
    """The ends of a picture's values, and some between them."""
    values = values[np.isfinite(values)]
    some = values[:: max(1, len(values) // KEPT)]
    return np.concatenate([[values.min(), values.max()], some])


def _say(values: np.ndarray, low: float, high: float, seen: int, total: int) -> list[Finding]:
    kind, used = "more than 8 bits a channel", f"{low:,}..{high:,}"
    if values.dtype.kind == "f":
        kind, used = "floats for pixels", f"{low:.6g}..{high:.6g}"
    elif values.dtype == np.uint16:
        used += " of 65,535"
    by = "" if seen == total else f" in {seen:,} of {plural(total, 'training picture')}"
    text = f"Pictures have {kind} and use {used}{by}: scaled from this range, also by a service"
    findings = [Finding(f"{text}; values beyond it count as its ends.", warning=True)]
    first, last = np.percentile(values, NEARLY_ALL)
    levels = round(255 * float(last - first) / ((high - low) or 1)) + 1
    if levels < FEW_LEVELS and high > low:
        text = f"Nearly all pixels are {first:.6g}..{last:.6g}, for which {plural(levels, 'level')} of 256"
        text += " are left: cut the few others off, if they are faults of the camera."
        findings.append(Finding(text, warning=True))
    return findings
