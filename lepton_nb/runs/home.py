"""Where the store lies, and writing files there: private to the user, and whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lepton_nb.errors import StoreError
from lepton_nb.runs.process import is_alive

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# safetensors and `shutil.copytree` tell the number in their text alone.
_TOLD = re.compile(r"(?:\[Errno |\(os error )(\d+)[])]")
MOVE_HINT = "Set LEPTON_HOME to a folder you can write to, for example: %env LEPTON_HOME=/path/to/folder"


def home() -> Path:
    """The user's store: ``$LEPTON_HOME``, else ``~/.lepton``; made, for this user only, where missing.

    Raises:
        StoreError: If it cannot be made.
    """
    chosen = os.environ.get("LEPTON_HOME")
    return private_folder(Path(chosen).expanduser().absolute() if chosen else Path.home() / ".lepton")


def private_folder(path: Path) -> Path:
    """Make the folder with mode 0700 where it is missing, its parents too.

    Raises:
        StoreError: If it cannot be made.
    """
    try:
        # Not mkdir's own parents=True, which leaves the parents open to everyone.
        for folder in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise explain(error, path) from error
    return path


def explain(error: OSError, path: Path) -> StoreError:
    """The failure to write at `path`, with what to do about it."""
    if is_full(error):
        return _no_room(path, f"or delete old runs. {MOVE_HINT}")
    return StoreError(f"The run store cannot write {path}: {error.strerror or error}.", MOVE_HINT)


def is_full(error: BaseException | None) -> bool:
    """Whether something failed for want of room on a disk, or of a quota."""
    while error is not None:
        numbers = {int(number) for number in _TOLD.findall(str(error))}
        if isinstance(error, OSError) and error.errno is not None:
            numbers.add(error.errno)
        if numbers & _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def needs_room(path: Path, otherwise: str = f"or delete old runs. {MOVE_HINT}") -> Iterator[None]:
    """What fails in the block for want of room is a `StoreError`, as it is where `replacing` writes.

    Args:
        path: What the block writes.
        otherwise: What to do but to free some space there.
    """
    try:
        yield
    except Exception as error:  # also torch's, ONNX's and safetensors'
        if not isinstance(error, StoreError) and is_full(error):
            raise _no_room(path, otherwise) from error
        raise


def _no_room(path: Path, otherwise: str) -> StoreError:
    return StoreError(
        f"There is no room left to write {path}; what was there before is intact.",
        f"Free some space (df -h {path.parent}), {otherwise}",
    )


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends without an error.

    The bytes go to a temporary file beside it (mode 0600), reach the disk, and are renamed, so that a
    reader, a crash or a power cut sees the old file or the new one, never a part.

    Raises:
        StoreError: If it cannot be written; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{threading.get_ident()}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
    """Hold a lock between processes while the block runs; it is let go of also when the process is killed.

    Args:
        path: The file that stands for it; made, for this user only, where missing.
        shared: Let others hold it shared as well.
        wait: Wait until it is free; else the block gets False where it is not.
    """
    import fcntl  # not on Windows, where the rest of this package still works

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, how if wait else how | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make a rename in the folder survive a power cut; Windows has no way to, and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders that processes which are gone left in the folder."""
    for path in folder.glob(".*.tmp"):
        pid = path.name.split(".")[-2]
        if not (pid.isdecimal() and is_alive(int(pid))):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
