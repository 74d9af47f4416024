"""The checkpoints of one run: which there are, which to load, and which to let go.

The folder is the only record of them: a file's header says which step it is and whether it was the best, and
appears with the file itself by one rename. So there is nothing a crash could leave out of step.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lepton_nb.errors import NotFoundError, StoreError
from lepton_nb.runs.checkpoint import read_about, read_state, write_state
from lepton_nb.runs.home import private_folder, sweep
from lepton_nb.runs.retention import Retention


@dataclass(frozen=True)
class Checkpoint:
    """A saved state of a run.

    Attributes:
        step: Optimizer steps done.
        epoch: Index of the epoch in progress when it was saved.
        value: The monitored metric, where these weights were validated.
        best: Whether it is the best of the run so far.
        attempt: Which start of the run saved it; later attempts supersede earlier ones.
        sha256: Digest of its content.
        size: Bytes on disk.
        created_at: Unix seconds.
    """

    path: Path
    step: int
    epoch: int
    value: float | None
    best: bool
    attempt: int
    sha256: str
    size: int
    created_at: float


Which = Literal["last", "best"] | int


class CheckpointFolder:
    """The checkpoint files of one run.

    Args:
        folder: Where they lie; made on the first save.
        owner: The run, as messages name it.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner

    def save(
        self,
        state: Mapping[str, Any],
        *,
        step: int,
        epoch: int,
        value: float | None,
        best: bool,
        attempt: int,
        keep: Retention,
        mode: Literal["min", "max"],
    ) -> Checkpoint:
        """Write a checkpoint; once it is safely on disk, remove those that need not stay.

        Raises:
            StoreError: If it cannot be written; the ones before it are intact.
        """
        sweep(private_folder(self.folder))
        path = self.folder / f"{attempt:04d}-{step:010d}.safetensors"
        about = {
            "step": step,
            "epoch": epoch,
            "value": value,
            "best": best,
            "attempt": attempt,
            "created_at": time.time(),
        }
        digest = write_state(path, state, about)
        for old in keep.surplus(self.list(), mode):
            with suppress(OSError):
                old.path.unlink()
        return Checkpoint(path=path, sha256=digest, size=path.stat().st_size, **about)  # type: ignore[arg-type]

    def list(self) -> list[Checkpoint]:
        """Those whose header can be read, newest first; at most one is the best."""
        found: list[Checkpoint] = []
        for path in self._paths():
            with suppress(StoreError, FileNotFoundError):
                found.append(_describe(path))
        best = next((item for item in found if item.best), None)
        return [replace(item, best=item is best) for item in found]

    def load(self, which: Which) -> tuple[Checkpoint, dict[str, Any], str | None]:
        """A checkpoint, its state, and a warning where it is not the one asked for.

        Raises:
            NotFoundError: If there is none of that step.
            StoreError: If none can be read.
        """
        damaged: list[str] = []
        for _ in range(3):  # a live run may remove what was just listed
            paths = self._candidates(which)
            for path in paths:
                try:
                    checkpoint, state = _describe(path), read_state(path)
                except FileNotFoundError:
                    continue
                except StoreError:
                    damaged.append(str(_place(path)[1]))
                    continue
                warning = (
                    f"The checkpoint of step {', '.join(damaged)} is damaged; step {checkpoint.step} is used."
                )
                return checkpoint, state, warning if damaged else None
            if damaged or not paths:
                break
        if damaged:
            raise StoreError(
                f"Run {self.owner} has no readable checkpoint; damaged: step {', '.join(damaged)}.",
                f"Train it again, or put the files in {self.folder} back from a backup.",
            )
        raise StoreError(
            f"Run {self.owner} has no checkpoint.", "It was stopped before its first one; train it again."
        )

    def _paths(self) -> Sequence[Path]:
        """All files, newest first: a later attempt is newer, whatever its step."""
        return sorted(self.folder.glob("[0-9]*-*.safetensors"), key=_place, reverse=True)

    def _candidates(self, which: Which) -> Sequence[Path]:
        paths = self._paths()
        if which == "last":
            return paths
        if which == "best":
            # Unreadable ones could have been the best: they come early, so that their loss is told.
            rest = {item.path for item in self.list() if not item.best}
            return sorted(paths, key=lambda path: path in rest)
        steps = [_place(path)[1] for path in paths]
        if paths and which not in steps:
            shown = ", ".join(str(step) for step in sorted(set(steps)))
            raise NotFoundError(
                f"Run {self.owner} has no checkpoint of step {which}.",
                f"There is last, best and step {shown}.",
            )
        return paths[steps.index(which) :] if paths else []


def _place(path: Path) -> tuple[int, int]:
    attempt, _, step = path.stem.partition("-")
    return int(attempt), int(step)


def _describe(path: Path) -> Checkpoint:
    about, digest = read_about(path)
    try:
        return Checkpoint(path=path, sha256=digest, size=path.stat().st_size, **about)
    except TypeError as error:
        raise StoreError(f"The checkpoint {path} was written by another version of lepton_nb.") from error
