"""A log that does not fill the disk: it begins anew once it is long, and the part before is kept once."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

_LONGEST = 16 << 20  # bytes
_PAUSE = 10.0  # seconds between two looks


async def watch_log(path: Path) -> None:
    """Look at the log now and then; never returns."""
    while True:
        await asyncio.sleep(_PAUSE)
        keep_short(path, _LONGEST)


def keep_short(path: Path, longest: int) -> bool:
    """Where the log that standard error goes to is too long, move its content to ``<name>.1`` beside it.

    The file itself stays: this process and its children append to it through descriptors they have open.

    Returns:
        Whether it was too long.
    """
    try:
        here, log = os.fstat(2), path.stat()
    except OSError:
        return False
    if not stat.S_ISREG(log.st_mode) or not os.path.samestat(here, log) or log.st_size <= longest:
        return False
    with suppress(OSError):  # a full disk: the log is cut all the same
        before = path.with_name(path.name + ".1")
        shutil.copyfile(path, before)
        before.chmod(0o600)
    os.truncate(path, 0)
    return True
