"""Decoded pixels kept on disk: for the next kernel, and in place of memory where they do not fit there.

One folder an entry under ``$LEPTON_HOME/cache/pixels``, written beside its place and renamed, so that a
reader finds all of it or nothing. The key is a hash of every file's name, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from lepton_nb.data.duplicates import digest
from lepton_nb.data.pictures.decoding import Decoded, PictureForm
from lepton_nb.runs import home
from lepton_nb.runs.home import sweep

LIMIT = 8 * 2**30  # bytes all entries may take; the longest unused go first
MIN_BYTES = 4 * 2**20  # smaller data sets decode in no time
MAP_SHARE = 0.5  # of the free disk that pixels too many for memory may take
CHECKED = 64  # pictures of an entry whose hash is checked when it is read
FORMAT = 1


def cache_key(root: Path, files: Iterable[str], form: PictureForm) -> str:
    """A hash that changes when a file is added, removed, renamed or written to, or is decoded otherwise."""
    hasher = hashlib.sha256(f"{FORMAT}|{PIL.__version__}|{root}|{form.mode}|{form.size}".encode())
    if form.value_range is not None:
        hasher.update(f"|{form.value_range}".encode())
    if form.fit != "stretch":
        hasher.update(f"|{form.fit}".encode())
    for file in files:
        stat = os.stat(root / file)
        hasher.update(os.fsencode(file) + f"|{stat.st_size}|{stat.st_mtime_ns}|".encode())
    return hasher.hexdigest()[:32]


def read_entry(key: str, count: int, *, mapped: bool = False) -> Decoded | None:
    """The entry, or None where there is none or it is damaged.

    Args:
        mapped: Leave the pixels on disk, mapped into memory.
    """
    entry = _folder() / key
    try:
        meta = json.loads((entry / "meta.json").read_text())
        pixels = np.load(entry / "pixels.npy", mmap_mode="c" if mapped else None)
        digests, sums = (np.load(entry / f"{part}.npy") for part in ("digests", "sums"))
        os.utime(entry)
    except (OSError, ValueError, EOFError):
        shutil.rmtree(entry, ignore_errors=True)
        return None
    decoded = Decoded(pixels, digests, sums, {int(i): reason for i, reason in meta["bad"].items()})
    if not _is_whole(decoded, count):
        shutil.rmtree(entry, ignore_errors=True)
        return None
    return decoded


def write_entry(key: str, decoded: Decoded) -> Path | None:
    """Keep decoded pixels; None where they are few, too many, or the disk has no room to spare."""
    pixels = decoded.pixels
    if pixels is None or not MIN_BYTES <= pixels.nbytes <= LIMIT // 2:
        return None
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    if shutil.disk_usage(folder).free < 3 * pixels.nbytes:
        return None
    _make_room(folder, pixels.nbytes)
    scratch = _new_scratch(folder)
    try:
        np.save(scratch / "pixels.npy", pixels)
        return _complete(scratch, key, decoded)
    except OSError:  # a full disk, or another process that was faster: the pixels in memory are enough
        shutil.rmtree(scratch, ignore_errors=True)
        return None


def map_pixels(shape: tuple[int, ...]) -> np.memmap[Any, Any] | None:
    """A file of uint8 zeros mapped into memory, for pixels that do not fit there; None without room on disk.

    The room is reserved at once: to run out of it while writing to a mapped file kills the process.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    if math.prod(shape) > MAP_SHARE * shutil.disk_usage(folder).free:
        return None
    scratch = _new_scratch(folder)
    try:
        pixels = np.lib.format.open_memmap(scratch / "pixels.npy", "w+", dtype=np.uint8, shape=shape)
        with open(scratch / "pixels.npy", "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except (OSError, AttributeError):  # a full disk, or a system that cannot reserve
        shutil.rmtree(scratch, ignore_errors=True)
        return None
    return pixels


def keep_mapped(key: str, decoded: Decoded, pixels: np.memmap[Any, Any]) -> Path | None:
    """Make an entry of what was decoded into `map_pixels`; None where another process was faster."""
    pixels.flush()
    scratch = _scratch_of(pixels)
    try:
        return _complete(scratch, key, decoded)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)
        return None


def discard_mapped(pixels: np.memmap[Any, Any]) -> None:
    """Remove the file of `map_pixels`."""
    shutil.rmtree(_scratch_of(pixels), ignore_errors=True)


def _scratch_of(pixels: np.memmap[Any, Any]) -> Path:
    assert pixels.filename is not None
    return Path(pixels.filename).parent


def _new_scratch(folder: Path) -> Path:
    """Named as `sweep` knows what a process that is gone has left."""
    return Path(tempfile.mkdtemp(prefix=".pixels-", suffix=f".{os.getpid()}.tmp", dir=folder))


def _complete(scratch: Path, key: str, decoded: Decoded) -> Path:
    """Write the other parts beside the pixels, and put the folder in its place."""
    np.save(scratch / "digests.npy", decoded.digests)
    np.save(scratch / "sums.npy", decoded.sums)
    (scratch / "meta.json").write_text(json.dumps({"bad": decoded.bad}))
    os.rename(scratch, scratch.parent / key)
    return scratch.parent / key


def _is_whole(decoded: Decoded, count: int) -> bool:
    """Whether every part has `count` items and a sample of the pixels still hashes to its digests."""
    pixels, digests = decoded.pixels, decoded.digests
    if pixels is None or not len(pixels) == len(digests) == len(decoded.sums) == count:
        return False
    sample = np.linspace(0, count - 1, min(count, CHECKED)).round().astype(int)
    return all(i in decoded.bad or digest(pixels[i].tobytes()) == digests[i] for i in sample)


def _folder() -> Path:
    return home() / "cache" / "pixels"


def _make_room(folder: Path, needed: int) -> None:
    """Remove the longest unused entries until `needed` bytes more stay within `LIMIT`."""
    entries = [path for path in folder.iterdir() if path.is_dir()]
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in entries}
    total = sum(sizes.values())
    for path in sorted(entries, key=lambda path: path.stat().st_mtime):
        if total + needed <= LIMIT:
            return
        shutil.rmtree(path, ignore_errors=True)
        total -= sizes[path]
