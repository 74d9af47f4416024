"""Telling the lab what changes, while it listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lepton_nb
from lepton_nb.errors import LeptonError
from lepton_nb.lab.hardware import Machine
from lepton_nb.lab.notifying import ServiceNews, of_runs
from lepton_nb.lab.services import LOOK_EVERY, Services
from lepton_nb.lab.watching import Watch
from lepton_nb.runs import RunStore

Message = dict[str, Any]
Listener = Callable[[Message], None]

STORE_EVERY = 0.5  # seconds between two looks at the store, and so between two messages about runs
HARDWARE_EVERY = 5.0

log = logging.getLogger("lepton_nb.lab")


class Events:
    """Watches the store, the services and the machine for as long as somebody listens.

    Args:
        store: Makes the store, when it is first needed.
        services: Makes what asks the services.
        machine: What looks at the hardware.
    """

    def __init__(
        self, store: Callable[[], RunStore], services: Callable[[], Services], machine: Machine
    ) -> None:
        self._store = store
        self._services = services
        self._machine = machine
        self._listeners: set[Listener] = set()
        self._tasks: list[asyncio.Task[None]] = []
        # One thread: SQLite's data_version is a connection's own.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lepton-watch")

    @property
    def watching(self) -> bool:
        return bool(self._tasks)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every message from now on."""
        self._listeners.add(listener)
        if not self._tasks:
            watches = (self._watch_store, self._watch_services, self._watch_hardware)
            self._tasks = [asyncio.get_running_loop().create_task(self._keep(watch)) for watch in watches]

    def leave(self, listener: Listener) -> None:
        """Call it no more. With the last one the watching ends."""
        self._listeners.discard(listener)
        if not self._listeners:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def tell(self, message: Message) -> None:
        """Send a message to everyone who listens."""
        for listener in list(self._listeners):
            listener(message)

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def _watch_store(self) -> None:
        watch = Watch(await self._in_thread(self._store))
        await self._in_thread(watch.start)
        while True:
            await asyncio.sleep(STORE_EVERY)
            changes = await self._in_thread(watch.look)
            if changes.runs or changes.removed_runs:
                self.tell({"type": "runs", "changed": changes.runs, "removed": changes.removed_runs})
            if changes.packages or changes.removed_packages:
                packages = {"changed": changes.packages, "removed": changes.removed_packages}
                self.tell({"type": "packages", **packages})
            for message in of_runs(changes):
                self.tell(message)

    async def _watch_services(self) -> None:
        services, news = self._services(), ServiceNews()
        known: dict[str, dict[str, Any]] = {}
        first = True
        while True:
            views = await services.look()
            now = {view["name"]: view for view in views}
            changed = [view for name, view in now.items() if _told(known.get(name)) != _told(view)]
            removed = [name for name in known if name not in now]
            if changed or removed:
                self.tell({"type": "deployments", "changed": changed, "removed": removed})
            for message in news.of_services(views, first=first):
                self.tell(message)
            known, first = now, False
            await asyncio.sleep(LOOK_EVERY)

    async def _watch_hardware(self) -> None:
        while True:
            seen = await asyncio.to_thread(self._machine.look)
            self.tell({"type": "hardware", **seen})
            await asyncio.sleep(HARDWARE_EVERY)

    async def _keep(self, watch: Callable[[], Awaitable[None]]) -> None:
        """Watch for as long as somebody listens; what fails is logged, and begun anew after a while."""
        pause = 1.0
        while True:
            try:
                await watch()
            except LeptonError as error:  # a store that cannot be read just now
                log.warning("%s", error)
            except Exception:
                log.exception("watching failed; it goes on in %g s", pause)
            await asyncio.sleep(pause)
            self.tell({"type": "hello", "version": lepton_nb.__version__})  # something may have been missed
            pause = min(30.0, 2 * pause)


def _told(view: dict[str, Any] | None) -> Any:
    """What of a service is worth a message: not its age, nor every kilobyte of its memory."""
    if view is None:
        return None
    stats = view["stats"] or {}
    quiet = {**stats, "uptime_seconds": None, "memory_bytes": (stats.get("memory_bytes") or 0) >> 22}
    return {**view, "stats": quiet}
