"""What the handlers of one server share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import httpx

from lepton_nb.lab.events import Events
from lepton_nb.lab.hardware import Machine
from lepton_nb.lab.jobs import Jobs
from lepton_nb.lab.services import Services
from lepton_nb.runs import RunStore

_THREADS = 3  # each keeps a connection to the store


class Room:
    """The store and the threads that read it. Nothing is opened before somebody asks for something."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="lepton-lab")
        self.machine = Machine()
        self.events = Events(lambda: self.store, lambda: self.services, self.machine)
        self.jobs = Jobs(lambda job: self.events.tell({"type": "job", "job": job.view()}))

    @cached_property
    def store(self) -> RunStore:
        """The run store of the server's user."""
        return RunStore()

    @cached_property
    def services(self) -> Services:
        """What asks the services of that store."""
        return Services(self.store, self.http, self.executor)

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """What speaks to services; no proxy of the environment may see that."""
        return httpx.AsyncClient(trust_env=False)
