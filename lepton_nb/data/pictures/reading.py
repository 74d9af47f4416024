"""Reading the pictures of a source: which size and mode, decoded or from the cache, without the bad ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from lepton_nb.data.assemble import refuse_emptied
from lepton_nb.data.duplicates import digests
from lepton_nb.data.pictures.decoding import (
    MEMORY_SHARE,
    Decoded,
    PictureForm,
    choose_size,
    content,
    decode,
    fits_in_memory,
    probe,
    skipped,
)
from lepton_nb.data.pictures.options import Size
from lepton_nb.data.pictures.pixel_cache import (
    discard_mapped,
    keep_mapped,
    map_pixels,
    read_entry,
    write_entry,
)
from lepton_nb.data.pictures.pool import ImagePool
from lepton_nb.data.pictures.stats import to_picture
from lepton_nb.data.pictures.streaming import Stream
from lepton_nb.data.pictures.value_range import measure_range
from lepton_nb.data.report import Finding
from lepton_nb.data.sources import Progress
from lepton_nb.data.splitting import Parts
from lepton_nb.errors import DataError
from lepton_nb.tasks.images import Fit, load_image
from lepton_nb.tasks.wide_pictures import is_wide


class PictureSource(Protocol):
    """Labelled pictures by number; called from several threads.

    Attributes:
        labels: Class indices ``(N,)``.
    """

    labels: np.ndarray

    @property
    def contents(self) -> np.ndarray | None:
        """What stands for the content of each, uint64 ``(N,)``; None for that of its pixels."""

    def read(self, i: int) -> Path | Image.Image:
        """Picture `i` for the decoder."""

    def raw(self, i: int) -> Image.Image:
        """Picture `i` as a person sees it."""

    def name_of(self, i: int) -> str:
        """What to call picture `i`."""

    def cache_key(self, rows: np.ndarray, form: PictureForm) -> str | None:
        """Where the decoded pictures `rows` are kept; None where they are not worth keeping."""


def read_pictures(
    source: PictureSource,
    parts: Parts,
    asked: Size | None,
    *,
    cache: bool,
    progress: Progress | None,
    stream: bool = False,
    resize: Fit = "stretch",
) -> tuple[ImagePool, Parts, list[Finding]]:
    """The pictures that the parts name, and the parts as rows of the pool.

    Args:
        parts: Numbers of the source's pictures, by split.
        asked: ``(height, width)``, or None to choose by the pictures.
        stream: Whether most training pictures are left to the first epoch.
        resize: How they get their size.

    Raises:
        DataError: If none of the training pictures can be read.
    """
    rows = np.sort(np.concatenate(list(parts.values())))
    mode, sizes, wide = probe(lambda i: source.read(int(rows[i])), len(rows))
    size, findings = choose_size(sizes, asked, resize)
    value_range, said = measure_range(source.read, parts["train"]) if wide else (None, [])
    findings += said
    form = PictureForm(mode, size, value_range, resize)
    parts = {split: np.searchsorted(rows, members) for split, members in parts.items()}
    streamed = _open_stream(source, rows, parts, form, cache) if stream else None
    if streamed is None:
        decoded, said = _decode(source, rows, form, cache, progress)
    else:
        decoded, said = streamed.decoded, streamed.start(progress)
    findings += said
    bad = decoded.bad if streamed is None else {i: decoded.bad[i] for i in decoded.bad if i in streamed.first}
    parts, skipped = _without_bad(parts, bad, lambda i: source.name_of(int(rows[i])))

    def raw(i: int) -> Image.Image:
        try:
            return _raw(source, int(rows[i]), form)
        except OSError as error:
            if decoded.pixels is None or not (streamed is None or streamed.has(i)):
                raise DataError(
                    f"{source.name_of(int(rows[i]))} cannot be read any more: {error}."
                ) from error
            return to_picture(decoded.pixels[i])  # the file has gone, its pixels have not

    pool = ImagePool(
        labels=source.labels[rows],
        digests=decoded.digests if streamed is None else _stamps(source, rows),
        contents=decoded.digests if source.contents is None else source.contents[rows],
        sums=decoded.sums,
        pixels=None if decoded.pixels is None else torch.from_numpy(decoded.pixels),
        form=form,
        read=lambda i: source.read(int(rows[i])),
        name_of=lambda i: source.name_of(int(rows[i])),
        raw=raw,
        mapped=isinstance(decoded.pixels, np.memmap),
        stream=streamed,
    )
    return pool, parts, findings + skipped


def _raw(source: PictureSource, i: int, form: PictureForm) -> Image.Image:
    """A picture as a person sees it; one of more than 8 bits says in which range it is shown."""
    picture = source.raw(i)
    if form.value_range is None:
        return picture
    if not is_wide(picture):  # or PIL has already left out the lower bits of its colours
        return to_picture(load_image(content(source.read(i)), form.mode, None, value_range=form.value_range))
    picture.info["range"] = form.value_range
    return picture


def _open_stream(
    source: PictureSource, rows: np.ndarray, parts: Parts, form: PictureForm, cache: bool
) -> Stream:
    return Stream(
        lambda i: source.read(int(rows[i])),
        lambda i: source.name_of(int(rows[i])),
        parts,
        form,
        source.cache_key(rows, form) if cache else None,
    )


def _stamps(source: PictureSource, rows: np.ndarray) -> np.ndarray:
    """What stands for pictures nobody has decoded: name and size of their files."""
    sources = (source.read(int(i)) for i in rows)
    sizes = (item.stat().st_size if isinstance(item, Path) else 0 for item in sources)
    names = (source.name_of(int(i)) for i in rows)
    return digests(f"{name}|{size}".encode() for name, size in zip(names, sizes, strict=True))


def _decode(
    source: PictureSource, rows: np.ndarray, form: PictureForm, cache: bool, progress: Progress | None
) -> tuple[Decoded, list[Finding]]:
    """From the cache where it has them, else by decoding, keeping the result where it may."""
    key = source.cache_key(rows, form) if cache else None
    fits = fits_in_memory(len(rows), form)
    kept = read_entry(key, len(rows), mapped=not fits) if key else None
    if kept is not None:
        return kept, [Finding("Decoded pixels came from the cache (cache=False decodes the files again).")]
    if not fits:
        return _decode_to_disk(source, rows, form, key, progress)
    decoded = decode(lambda i: source.read(int(rows[i])), len(rows), form, progress=progress)
    entry = write_entry(key, decoded) if key and decoded.pixels is not None else None
    if entry is None or decoded.pixels is None:
        return decoded, []
    megabytes = decoded.pixels.nbytes / 1e6
    return decoded, [
        Finding(f"Decoded pixels ({megabytes:.0f} MB) are kept in {entry.parent} for next time.")
    ]


def _decode_to_disk(
    source: PictureSource,
    rows: np.ndarray,
    form: PictureForm,
    key: str | None,
    progress: Progress | None,
) -> tuple[Decoded, list[Finding]]:
    """Pictures too many for memory: decoded into a mapped file, or in every epoch if that has no room."""
    pixels = map_pixels((len(rows), *form.shape)) if key else None
    try:
        decoded = decode(lambda i: source.read(int(rows[i])), len(rows), form, progress=progress, into=pixels)
    except BaseException:
        if pixels is not None:
            discard_mapped(pixels)
        raise
    entry = keep_mapped(key, decoded, pixels) if key and pixels is not None else None
    kept = read_entry(key, len(rows), mapped=True) if key and pixels is not None else None
    if kept is None or kept.pixels is None:
        said = "The pictures do not fit in memory: they are decoded again in every epoch, in threads."
        return replace(decoded, pixels=None), [Finding(said)]
    where = f" in {entry.parent}" if entry is not None else ""
    return kept, [
        Finding(
            f"The pictures do not fit in memory ({MEMORY_SHARE:.0%} of what is free): decoded once into a"
            f" file of {kept.pixels.nbytes / 1e9:.1f} GB{where}, which training reads in every epoch."
        )
    ]


def _without_bad(
    parts: Parts, reasons: Mapping[int, str], name_of: Callable[[int], str]
) -> tuple[Parts, list[Finding]]:
    if not reasons:
        return parts, []
    bad = np.array(sorted(reasons))
    finding = skipped(reasons, name_of)
    left = {split: members[~np.isin(members, bad)] for split, members in parts.items()}
    if not len(left["train"]):
        raise DataError(
            f"None of the {len(parts['train']):,} training pictures can be read: {finding.examples[0]}."
        )
    refuse_emptied(parts, left, [finding])
    return left, [finding]
