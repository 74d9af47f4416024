"""Decoding every picture of a data set once, in threads: the pixels, what they hash to, and which are bad."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
from PIL import Image

from lepton_nb.data.duplicates import EXAMPLES, digest
from lepton_nb.data.pictures.options import Size
from lepton_nb.data.pictures.stats import channel_sums
from lepton_nb.data.report import Finding
from lepton_nb.data.sources import Progress
from lepton_nb.show.words import plural
from lepton_nb.tasks import InputError
from lepton_nb.tasks.images import Fit, load_image, open_header, upright_size
from lepton_nb.tasks.wide_pictures import ValueRange, is_wide

MEMORY_SHARE = 0.4  # of the free memory that decoded pixels may take
LARGEST_KEPT_SIDE = 256  # pictures of one size up to this keep it
DEFAULT_SIDE = 224  # what larger or mixed pictures are resized to, at most
PROBED = 2000  # pictures whose header decides on size and mode
CHUNK = 64  # pictures a thread decodes before it reports

Mode = Literal["RGB", "L"]


@dataclass(frozen=True)
class PictureForm:
    """What every picture of a data set becomes.

    Attributes:
        mode: ``RGB`` or ``L``.
        size: ``(height, width)``.
        value_range: What is black and what white in pictures of more than 8 bits a channel, where there are.
        fit: How pictures of another shape come to that size.
    """

    mode: Mode
    size: Size
    value_range: ValueRange | None = None
    fit: Fit = "stretch"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> PictureForm:
        """That of a signature's preprocessing."""
        height, width = settings["size"]
        value_range = settings.get("range")
        return cls(
            settings["mode"],
            (int(height), int(width)),
            None if value_range is None else (float(value_range[0]), float(value_range[1])),
            settings.get("fit", "stretch"),
        )

    def to_dict(self) -> dict[str, Any]:
        """What a signature's preprocessing says of it."""
        settings: dict[str, Any] = {"mode": self.mode, "size": list(self.size)}
        if self.value_range is not None:
            settings["range"] = list(self.value_range)
        return settings if self.fit == "stretch" else {**settings, "fit": self.fit}

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``."""
        return (3 if self.mode == "RGB" else 1, *self.size)

    def load(self, source: Path | Image.Image) -> np.ndarray:
        """A picture as uint8 ``(C, H, W)``."""
        return load_image(content(source), self.mode, self.size, value_range=self.value_range, fit=self.fit)


Read = Callable[[int], Path | Image.Image]


@dataclass
class Decoded:
    """What one pass over all pictures gives.

    Attributes:
        pixels: uint8 ``(N, C, H, W)``; None where they do not fit in memory.
        digests: uint64 ``(N,)`` over the decoded pixels.
        sums: Sum and sum of squares of each picture's channels, int64 ``(N, 2, C)``.
        bad: Why picture ``i`` cannot be read.
    """

    pixels: np.ndarray | None
    digests: np.ndarray
    sums: np.ndarray
    bad: dict[int, str]

    @classmethod
    def nothing(cls, count: int, channels: int, pixels: np.ndarray | None) -> Decoded:
        """Room for what `count` pictures will give, with this room for their pixels."""
        digests = np.zeros(count, dtype=np.uint64)
        return cls(pixels, digests, np.zeros((count, 2, channels), dtype=np.int64), {})

    def without(self, rows: Iterable[int]) -> Decoded:
        """The same without those pictures."""
        left = np.setdiff1d(np.arange(len(self.digests)), list(rows))
        if len(left) == len(self.digests):
            return self
        pixels = None if self.pixels is None else self.pixels[left]
        return Decoded(pixels, self.digests[left], self.sums[left], {})


def skipped(reasons: Mapping[int, str], name_of: Callable[[int], str], where: str = "") -> Finding:
    """What to say about pictures that cannot be read.

    Args:
        reasons: Why, by number.
        where: What part of the data they are of, as in ``" of train"``.
    """
    bad = sorted(reasons)
    examples = tuple(f"{name_of(i)}: {reasons[i]}" for i in bad[:EXAMPLES])
    text = f"{plural(len(bad), 'unreadable or truncated file')}{where} skipped."
    return Finding(text, examples, warning=True)


def fits_in_memory(count: int, form: PictureForm) -> bool:
    """Whether that many decoded pictures take no more than their share of the free memory."""
    needed: int = count * math.prod(form.shape)
    return needed <= MEMORY_SHARE * int(psutil.virtual_memory().available)


def decode(
    read: Read,
    count: int,
    form: PictureForm,
    *,
    progress: Progress | None = None,
    into: np.ndarray | None = None,
    chunk: int = CHUNK,
) -> Decoded:
    """Decode pictures 0..count-1; a bad one is noted, not raised.

    Args:
        read: Gives picture ``i``: its path, bytes or a PIL image. Called from several threads.
        form: What they become.
        progress: Called with the number done and the total.
        into: Zeros for the pixels, where they do not fit in memory; without it they are not kept then.
        chunk: Pictures a thread decodes at a time.
    """
    if into is None and fits_in_memory(count, form):
        into = np.zeros((count, *form.shape), dtype=np.uint8)
    result = Decoded.nothing(count, form.shape[0], into)

    def work(start: int) -> None:
        stop = min(start + chunk, count)
        block = np.zeros((stop - start, *form.shape), dtype=np.uint8)
        for i in range(start, stop):
            try:
                block[i - start] = form.load(read(i))
            except (InputError, OSError) as error:
                result.bad[i] = str(error).replace("the body", "it")
        result.digests[start:stop] = [digest(pixels.data) for pixels in block]
        result.sums[start:stop] = channel_sums(block)
        if result.pixels is not None:
            result.pixels[start:stop] = block

    in_threads(
        work, range(0, count, chunk), lambda done: progress and progress(min(done * chunk, count), count)
    )
    return result


def content(source: Path | Image.Image) -> bytes | Image.Image:
    """A file's bytes, read at once: PIL's many small reads cost a third of decoding a small picture."""
    return source.read_bytes() if isinstance(source, Path) else source


def in_threads(work: Callable[[int], Any], items: Sequence[int], done: Callable[[int], Any]) -> None:
    """Run `work` on every item in threads; an error or an interrupt ends it at once.

    Args:
        done: Called in this thread with the number of items finished.
    """
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        for number, _ in enumerate(pool.map(work, items), start=1):
            done(number)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def probe(read: Read, count: int) -> tuple[Mode, Counter[Size], bool]:
    """Mode and sizes by the headers of at most `PROBED` pictures spread evenly over all.

    Returns:
        ``L`` where all are grey, else ``RGB``; how many pictures have each ``(height, width)``; whether some
        have more than 8 bits a channel.
    """
    modes: Counter[str] = Counter()
    sizes: Counter[Size] = Counter()
    wide = False
    for i in np.unique(np.linspace(0, count - 1, min(count, PROBED)).round().astype(int)):
        try:
            mode, size, more = _header(read(int(i)))
        except (InputError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue  # named by `decode`
        modes["L" if mode in ("1", "L", "LA") or mode[0] in "IF" else "RGB"] += 1
        sizes[size] += 1
        wide = wide or more
    return ("L" if set(modes) == {"L"} else "RGB"), sizes, wide


def _header(source: Path | Image.Image) -> tuple[str, Size, bool]:
    """A picture's mode, its ``(height, width)`` upright, and whether it has more than 8 bits a channel."""
    if isinstance(source, Path):
        with open_header(source) as picture:
            return _header(picture)
    wide = is_wide(source)  # before the next line, which decodes a PNG
    return source.mode, upright_size(source), wide


def choose_size(sizes: Counter[Size], asked: Size | None, resize: str) -> tuple[Size, list[Finding]]:
    """The ``(height, width)`` all pictures get, and what to say about it.

    Pictures of one size keep it up to `LARGEST_KEPT_SIDE`; others become squares of at most `DEFAULT_SIDE`.
    """
    if not sizes:  # nothing can be read, which decoding will explain
        return asked or (DEFAULT_SIDE, DEFAULT_SIDE), []
    first = next(iter(sizes))
    if len(sizes) == 1 and (asked == first or (asked is None and max(first) <= LARGEST_KEPT_SIDE)):
        return first, []
    have = f"Pictures are {_shape(first)}"
    if len(sizes) > 1:
        have = f"Pictures have {len(sizes)} sizes from {_shape(min(sizes))} to {_shape(max(sizes))}"
    if asked is not None:
        return asked, [Finding(f"{have}: {_HOW[resize]} to {_shape(asked)}.")]
    sides = sorted(min(size) for size in sizes.elements())
    side = min(DEFAULT_SIDE, sides[len(sides) // 2])
    text = f"{have}: {_HOW[resize]} to {_shape((side, side))} (image_size=… chooses another)."
    return (side, side), [Finding(text)]


_HOW = {"stretch": "resized", "fit": "fitted with black edges", "crop": "cut from the middle and resized"}


def _shape(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
