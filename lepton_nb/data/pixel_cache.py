"""Decoded pixels kept on disk, so that the next kernel does not decode the same files again.

One folder an entry under ``$LEPTON_HOME/cache/pixels``, written beside its place and renamed, so that a
reader finds all of it or nothing. The key is a hash of every file's name, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import PIL

from lepton_nb.data.decoding import Decoded
from lepton_nb.data.duplicates import digest
from lepton_nb.runs import home

LIMIT = 8 * 2**30  # bytes all entries may take; the longest unused go first
MIN_BYTES = 4 * 2**20  # smaller data sets decode in no time
CHECKED = 64  # pictures of an entry whose hash is checked when it is read
FORMAT = 1


def cache_key(root: Path, files: Iterable[str], mode: str, size: tuple[int, int]) -> str:
    """A hash that changes when a file is added, removed, renamed or written to, or is decoded otherwise."""
    hasher = hashlib.sha256(f"{FORMAT}|{PIL.__version__}|{root}|{mode}|{size}".encode())
    for file in files:
        stat = os.stat(root / file)
        hasher.update(os.fsencode(file) + f"|{stat.st_size}|{stat.st_mtime_ns}|".encode())
    return hasher.hexdigest()[:32]


def read_entry(key: str, count: int) -> Decoded | None:
    """The entry, or None where there is none or it is damaged."""
    entry = _folder() / key
    try:
        meta = json.loads((entry / "meta.json").read_text())
        pixels, digests, sums = (np.load(entry / f"{part}.npy") for part in ("pixels", "digests", "sums"))
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
    if shutil.disk_usage(folder).free < 3 * pixels.nbytes:
        return None
    _make_room(folder, pixels.nbytes)
    scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    try:
        np.save(scratch / "pixels.npy", pixels)
        np.save(scratch / "digests.npy", decoded.digests)
        np.save(scratch / "sums.npy", decoded.sums)
        (scratch / "meta.json").write_text(json.dumps({"bad": decoded.bad}))
        os.rename(scratch, folder / key)
    except OSError:  # a full disk, or another process that was faster: the pixels in memory are enough
        shutil.rmtree(scratch, ignore_errors=True)
        return None
    return folder / key


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
