"""Pictures decoded when training first asks for them, for folders that take long to read.

The first epoch decodes while it trains, and keeps the pixels: in memory, or in a mapped file where they do
not fit there. The second epoch, and the next kernel, read them as if they had been decoded before. What every
number depends on is decoded at once: the held-out splits, and a sample of the training pictures.
"""

from __future__ import annotations

import math
import threading
import warnings
import weakref
from collections.abc import Callable

import numpy as np

from lepton_nb.data.duplicates import find_leaks
from lepton_nb.data.pictures.decoding import (
    Decoded,
    PictureForm,
    Read,
    decode,
    fits_in_memory,
    skipped,
)
from lepton_nb.data.pictures.pixel_cache import (
    discard_mapped,
    keep_mapped,
    map_pixels,
    read_entry,
    write_entry,
)
from lepton_nb.data.report import Finding
from lepton_nb.data.sources import Progress
from lepton_nb.data.splitting import Parts
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural

SAMPLE = 1024  # training pictures by which pixels are normalised
BLOCK = 1024  # pictures decoded between two reports of the progress
AHEAD = 3  # batches being decoded while one is used
CHUNK = 8  # pictures a thread decodes at a time: a batch is to be shared by all threads

NameOf = Callable[[int], str]


class Stream:
    """The pictures of a pool, each decoded once: when `fill` first asks for it.

    Args:
        read: Gives picture ``i`` to the decoder.
        name_of: What to call picture ``i``.
        parts: Rows of the pool by split.
        form: What they become.
        key: Where the pixels are kept for the next time; None keeps none.

    Attributes:
        decoded: What is known so far.
        first: The rows that are decoded at once.
        sample: Those of them that stand for the training pictures in the statistics.

    Raises:
        DataError: If there is no room to keep the pixels.
    """

    def __init__(self, read: Read, name_of: NameOf, parts: Parts, form: PictureForm, key: str | None) -> None:
        train = np.sort(parts["train"])
        spread = np.linspace(0, len(train) - 1, min(len(train), SAMPLE)).round().astype(int)
        self.sample = train[np.unique(spread)]
        held_out = [rows for split, rows in parts.items() if split != "train"]
        self.first = np.unique(np.concatenate([self.sample, *held_out]))
        self._read, self._name_of, self._parts = read, name_of, parts
        self._form, self._key = form, key
        count = sum(len(rows) for rows in parts.values())
        kept = _kept(key, count, form)
        self.decoded = _nothing_yet(count, form, key) if kept is None else kept
        self._done = np.full(count, kept is not None)
        if kept is None and isinstance(self.decoded.pixels, np.memmap):
            # One that nobody goes on with must not stay; one that is kept has another place by then.
            weakref.finalize(self, discard_mapped, self.decoded.pixels)

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to decode."""
        return bool(self._done.all())

    def has(self, row: int) -> bool:
        """Whether a picture is decoded."""
        return bool(self._done[row])

    def start(self, progress: Progress | None) -> list[Finding]:
        """Decode what every number depends on; what to say about it."""
        if self.complete:
            return [Finding("Decoded pixels came from the cache."), *self._found()]
        for start in range(0, len(self.first), BLOCK):
            self._decode(self.first[start : start + BLOCK])
            if progress is not None:
                progress(min(start + BLOCK, len(self.first)), len(self.first))
        left = int((~self._done).sum())
        if not left:
            return self._finish()
        return [
            Finding(
                f"{plural(left, 'picture')} of train will be decoded in the first epoch, which tells whether "
                f"they can be read and are in no other split; pixels are normalised by {len(self.sample):,}."
            )
        ]

    def fill(self, rows: np.ndarray) -> np.ndarray:
        """Decode those of the rows ``(N,)`` that are not yet.

        Returns:
            Which of them can be read: bool ``(N,)``.
        """
        missing = np.unique(rows[~self._done[rows]])
        if len(missing):
            self._decode(missing)
            if self.complete:
                # Not awaited: writing them to disk must not hold up the epoch.
                threading.Thread(target=self._tell, name="pixels").start()
        return ~np.isin(rows, list(self.decoded.bad))

    def refuse(self, rows: np.ndarray) -> DataError:
        """What to say where these rows cannot be left out."""
        first = int(rows[0])
        return DataError(
            f"{plural(len(rows), 'picture')} of train cannot be read: {self._name_of(first)}, "
            f"{self.decoded.bad[first]}.",
            "Read the data again without stream, which leaves them out, or repair the files.",
        )

    def _decode(self, rows: np.ndarray) -> None:
        whole = self.decoded
        assert whole.pixels is not None
        got = decode(
            lambda i: self._read(int(rows[i])),
            len(rows),
            self._form,
            into=np.zeros((len(rows), *whole.pixels.shape[1:]), dtype=np.uint8),
            chunk=CHUNK,
        )
        whole.pixels[rows], whole.digests[rows], whole.sums[rows] = got.pixels, got.digests, got.sums
        for i, reason in got.bad.items():
            whole.bad[int(rows[i])] = reason
        self._done[rows] = True

    def _tell(self) -> None:
        for finding in self._finish():
            warnings.warn(" ".join([finding.text, *finding.examples]), stacklevel=1)

    def _finish(self) -> list[Finding]:
        """All are decoded: keep them for the next time; what only now is known."""
        if self._key is not None:
            if isinstance(self.decoded.pixels, np.memmap):
                keep_mapped(self._key, self.decoded, self.decoded.pixels)
            else:
                write_entry(self._key, self.decoded)
        return self._found()

    def _found(self) -> list[Finding]:
        """Which pictures cannot be read of those not decoded at once, and which are in two splits."""
        reasons, findings = self.decoded.bad, []
        bad = set(reasons) - set(self.first.tolist())
        if bad:
            findings.append(skipped({i: reasons[i] for i in bad}, self._name_of, " of train"))
        readable = {split: np.setdiff1d(rows, list(reasons)) for split, rows in self._parts.items()}
        _, leaks = find_leaks(
            {split: self.decoded.digests[rows] for split, rows in readable.items()},
            lambda split, i: self._name_of(int(readable[split][i])),
            noun="picture",
            remove=False,
        )
        return findings + leaks


def _kept(key: str | None, count: int, form: PictureForm) -> Decoded | None:
    """What was decoded at an earlier time."""
    if key is None:
        return None
    return read_entry(key, count, mapped=not fits_in_memory(count, form))


def _nothing_yet(count: int, form: PictureForm, key: str | None) -> Decoded:
    """Room for the pixels in memory, else in a mapped file."""
    shape = (count, *form.shape)
    pixels: np.ndarray | None = None
    if fits_in_memory(count, form):
        pixels = np.zeros(shape, dtype=np.uint8)
    elif key is not None:
        pixels = map_pixels(shape)
    if pixels is None:
        raise DataError(
            f"{plural(count, 'decoded picture')} of {'×'.join(map(str, form.shape))} take "
            f"{math.prod(shape) / 1e9:.1f} GB; there is no room for them, in memory or in the cache on disk.",
            "Free some, choose a smaller image size, or read them without stream: decoded in every epoch.",
        )
    return Decoded.nothing(count, form.shape[0], pixels)
