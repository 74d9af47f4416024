"""The version before, still loaded: a rollback to it takes no time."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from lepton_nb.processes.settings import Settings
from lepton_nb.processes.spawning import Child

C = TypeVar("C", bound=Child)


class Standby(Generic[C]):
    """Holds the process that was live before the last switch, for a while.

    Args:
        seconds: How long; 0 never holds one.

    Attributes:
        worker: The process, if one is held.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.worker: C | None = None
        self._timer: asyncio.TimerHandle | None = None

    def put(self, worker: C) -> None:
        """Hold this worker, and let go of the one held so far."""
        self.release()
        if self.seconds <= 0:
            worker.close()
            return
        self.worker = worker
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self.release)

    def take(self, wanted: Settings) -> C | None:
        """The held worker, no longer held, where it serves what is wanted."""
        worker = self.worker
        if worker is None or worker.gone or worker.settings != wanted:
            return None
        self._forget()
        return worker

    def release(self) -> None:
        """Let the held worker end."""
        worker = self.worker
        self._forget()
        if worker is not None:
            worker.close()

    def lose(self, worker: C) -> None:
        """A worker has ended by itself."""
        if worker is self.worker:
            self._forget()

    def _forget(self) -> None:
        self.worker = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
