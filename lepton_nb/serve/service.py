"""The running service: which worker is live, replacing it when it dies, switching it when asked."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from lepton_nb.serve.batcher import Batcher
from lepton_nb.serve.frames import Result
from lepton_nb.serve.metrics import Metrics
from lepton_nb.serve.process import Worker, WorkerError
from lepton_nb.serve.settings import Settings

log = logging.getLogger("lepton_nb.serve")

State = Literal["starting", "ready", "recovering", "failing", "draining"]

_TICK = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_FAILING_AFTER = 3  # deaths in a row, without one answer between


class Service:
    """One deployment: its settings, its live worker and its queue.

    Attributes:
        description: What the live worker said about its package.
        last_error: Why the last worker died or could not start; empty while all is well.
    """

    def __init__(self, settings: Settings, first: Worker) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.batcher = Batcher(
            max_queue=settings.max_queue,
            max_held=settings.max_held,
            max_batch=settings.max_batch,
            time_limit=settings.time_limit,
            on_batch=self._batch_done,
        )
        self.description: dict[str, Any] = {}
        self.state: State = "starting"
        self.last_error = ""
        self._first = first
        self._deaths = 0
        self._switching = asyncio.Lock()
        self._workers: set[Worker] = {first}
        self._tasks: set[asyncio.Task[None]] = set()
        self.metrics.queue.set_function(lambda: len(self.batcher.waiting))
        self.metrics.in_flight.set_function(lambda: self.batcher.in_flight)

    @property
    def version(self) -> int:
        return self.settings.version

    async def start(self) -> None:
        """Bring the first worker up.

        Raises:
            WorkerError: If its package cannot be served.
        """
        self._spawn(self._keep_time())
        await self._bring_up(self._first)
        log.info("%s version %d is live: %s", self.settings.name, self.version, self._what())

    def refusal(self, size: int) -> str:
        """Why a request with a body of `size` bytes cannot be taken now; empty where it can."""
        if self.state == "failing":
            return f"the model cannot be started: {self.last_error}"
        return self.batcher.refusal(size)

    async def activate(self, package: str, version: int, format_: str = "", device: str = "cpu") -> None:
        """Load another package beside the live one, check its answers, then switch to it.

        Raises:
            WorkerError: If it cannot be served; the live one goes on.
        """
        async with self._switching:
            wanted = replace(self.settings, package=package, version=version, format=format_, device=device)
            worker = self._new_worker(wanted)
            try:
                await self._bring_up(worker)
            except WorkerError as error:
                log.error("version %d was not activated: %s", version, error)
                raise
            log.info("%s switched to version %d: %s", self.settings.name, version, self._what())

    def retry_after(self) -> int:
        """Seconds after which a refused client should try again."""
        rate = self.metrics.rate
        return max(1, min(30, math.ceil(len(self.batcher.waiting) / rate))) if rate > 0 else 1

    def stats(self) -> dict[str, Any]:
        """Everything the panel shows."""
        worker = self.batcher.worker
        return {
            "name": self.settings.name,
            "state": self.state,
            "version": self.version,
            "package": self.settings.package,
            "error": self.last_error,
            **{
                key: self.description.get(key)
                for key in ("model", "run", "task", "format", "device", "parity")
            },
            **self.metrics.summary(),
            "queue": len(self.batcher.waiting),
            "queue_limit": self.batcher.max_queue,
            "in_flight": self.batcher.in_flight,
            "pid": os.getpid(),
            "worker_pid": worker.pid if worker else None,
            "memory_bytes": _memory(os.getpid()) + (_memory(worker.pid) if worker else 0),
        }

    async def close(self) -> None:
        """Finish what is in flight within the drain limit, then end the workers."""
        self.state = "draining"
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain_limit):
                while self.batcher.waiting or self.batcher.in_flight:
                    await asyncio.sleep(0.01)
        self.batcher.refuse("the service is shutting down")
        for task in self._tasks:
            task.cancel()
        for worker in list(self._workers):
            worker.on_exit = lambda _worker: None
            self.batcher.lose(worker)
            worker.kill()
        log.info("stopped")

    def _new_worker(self, settings: Settings) -> Worker:
        worker = Worker(settings)
        self._workers.add(worker)
        return worker

    async def _bring_up(self, worker: Worker) -> None:
        """Wait for a worker, then make it the live one."""
        worker.on_exit = self._workers.discard
        await worker.ready()
        worker.on_exit = self._worker_gone
        self.settings = worker.settings
        self.description = worker.description
        self.batcher.use(worker)
        self.state = "ready"
        self.metrics.set_version(self.settings.name, self.version)

    def _worker_gone(self, worker: Worker) -> None:
        """A worker that was live has ended: on purpose after a switch, else it is replaced."""
        self._workers.discard(worker)
        live = self.batcher.worker is worker
        self.batcher.lose(worker)
        if not live:
            return
        self._deaths += 1
        self.metrics.observe_restart()
        self.last_error = f"worker {worker.pid} ended unexpectedly"
        log.error("%s; starting another", self.last_error)
        self.state = "recovering"
        self._spawn(self._replace())

    async def _replace(self) -> None:
        """Start workers, with growing pauses, until one is ready or another version has been activated."""
        while self._idle():
            if self._deaths > 1:
                await asyncio.sleep(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._deaths - 2)))
            async with self._switching:
                if not self._idle():
                    return
                try:
                    await self._bring_up(self._new_worker(self.settings))
                except WorkerError as error:
                    self._deaths += 1
                    self.last_error = str(error)
                    log.error("the worker cannot be replaced: %s", error)
            if self._deaths >= _FAILING_AFTER and self._idle():
                self.state = "failing"
                self.batcher.refuse(f"the model cannot be started: {self.last_error}")

    def _idle(self) -> bool:
        return self.batcher.worker is None

    def _batch_done(self, requests: int, result: Result) -> None:
        self._deaths = 0
        self.last_error = ""
        self.metrics.observe_batch(requests, result.items, result.milliseconds / 1e3)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self.batcher.check_time()
            self.metrics.tick()

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _what(self) -> str:
        described = self.description
        label = " (runs source)" if described["format"] == "source" else ""
        how = f"{described['format']}{label} on {described['device']}"
        return f"{described['model']} of {described['run']}, {how}"


def _memory(pid: int) -> int:
    """Resident bytes of a process that may just have ended."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
