"""What the handlers of one server share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from lepton_nb.runs import RunStore

_THREADS = 3  # each keeps a connection to the store


class Room:
    """The store and the threads that read it. Nothing is opened before somebody asks for something."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="lepton-lab")

    @cached_property
    def store(self) -> RunStore:
        """The run store of the server's user."""
        return RunStore()
