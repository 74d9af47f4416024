"""The running service: which worker is live, replacing it when it dies, switching it when asked."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

import orjson

from lepton_nb.processes.environment import environment_of_child
from lepton_nb.processes.memory import resident
from lepton_nb.processes.recovery import Recovery
from lepton_nb.processes.settings import Settings
from lepton_nb.processes.standby import Standby
from lepton_nb.routes.front import OwnRoutes
from lepton_nb.routes.process import RoutesProcess
from lepton_nb.serve.batcher import Batcher
from lepton_nb.serve.batches import Request, Result
from lepton_nb.serve.metrics import ASKING, Metrics
from lepton_nb.serve.process import Worker, WorkerError
from lepton_nb.show.numbers import limit as limit_text

log = logging.getLogger("lepton_nb.serve")

State = Literal["starting", "ready", "recovering", "failing", "draining"]

_TICK = 0.1


class Service:
    """One deployment: its settings, its live worker and its queue.

    Attributes:
        description: What the live worker said about its package.
        recovery: What has gone wrong with the workers since the last good answer.
        standby: The version before, still loaded.
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
            on_retired=self._retire,
        )
        self.own_routes = OwnRoutes(self._ask_model, self.metrics.observe_restart, settings.keep_warm)
        self.description: dict[str, Any] = {}
        self.state: State = "starting"
        self.recovery = Recovery()
        self.standby: Standby[Worker] = Standby(settings.keep_warm)
        self._first = first
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
            return f"the model keeps failing: {self.recovery.describe()}"
        return self.batcher.refusal(size)

    async def activate(
        self,
        package: str,
        version: int,
        format_: str = "",
        device: str = "cpu",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Load another package beside the live one, check its answers, then switch to it.

        The version that was live before is still loaded for a while: going back to it takes no time.

        Args:
            environment: What its routes find in ``os.environ``; where None, what they have or had.

        Raises:
            WorkerError: If it cannot be served; the live one goes on.
        """
        async with self._switching:
            wanted = replace(self.settings, package=package, version=version, format=format_, device=device)
            given = environment_of_child(environment) if environment is not None else None
            warm = self.standby.take(wanted)
            try:
                if warm is not None:
                    await self._go_live(warm, given)
                else:
                    await self._bring_up(self._new_worker(wanted), given)
            except WorkerError as error:
                log.error("version %d was not activated: %s", version, error)
                raise
            self.recovery.succeeded()
            log.info("%s switched to version %d: %s", self.settings.name, version, self._what())

    def retry_after(self) -> int:
        """Seconds after which a refused client should try again."""
        if self.state == "failing":
            return max(1, math.ceil(self.recovery.retry_in))
        rate = self.metrics.rate
        return max(1, min(30, math.ceil(len(self.batcher.waiting) / rate))) if rate > 0 else 1

    def health(self) -> dict[str, Any]:
        """What anybody may know; in a crash loop also how often it failed, and when it is tried again."""
        health = {"status": self.state, "name": self.settings.name, "version": self.version}
        if self.state == "failing":
            health |= {"failures": self.recovery.failures, "retry_in": round(self.recovery.retry_in, 1)}
        return health

    def stats(self) -> dict[str, Any]:
        """Everything the panel shows."""
        worker, warm = self.batcher.worker, self.standby.worker
        return {
            "name": self.settings.name,
            "state": self.state,
            "version": self.version,
            "package": self.settings.package,
            "error": self.recovery.describe(),
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
            "routes": self.own_routes.stats(),
            "memory_bytes": resident(os.getpid()) + sum(resident(child.pid) for child in self._children()),
            "memory_limit": self.settings.memory_limit,
            "standby_version": warm.settings.version if warm else None,
        }

    async def close(self) -> None:
        """Finish what is in flight within the drain limit, then end the workers."""
        self.state = "draining"
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain_limit):
                while self.batcher.waiting or self.batcher.in_flight:
                    await asyncio.sleep(0.01)
        await self.own_routes.close(self.settings.drain_limit)
        for task in self._tasks:
            task.cancel()
        for worker in list(self._workers):
            worker.on_exit = lambda _worker: None
            self.batcher.lose(worker)
            worker.kill()
        self.batcher.refuse("the service is shutting down")
        log.info("stopped")

    async def _ask_model(self, content_type: bytes, body: bytes) -> tuple[int, bytes]:
        """What the model answers to a route of the user's; as a client would be answered."""
        refusal = self.refusal(len(body))
        if refusal:
            return 503, orjson.dumps({"error": refusal})
        with self.batcher.holding(len(body)):
            answer = await self.batcher.submit(Request(content_type, body), lambda: False)
        return answer.status, answer.body

    def _children(self) -> list[Worker | RoutesProcess]:
        return [*self._workers, *self.own_routes.processes]

    def _new_worker(self, settings: Settings) -> Worker:
        worker = Worker()
        worker.load(settings)
        self._workers.add(worker)
        return worker

    async def _bring_up(self, worker: Worker, environment: Mapping[str, str] | None = None) -> None:
        """Wait for a worker, then make it the live one."""
        worker.on_exit = self._workers.discard
        await worker.ready()
        await self._go_live(worker, environment)

    async def _go_live(self, worker: Worker, environment: Mapping[str, str] | None) -> None:
        """Send all further requests to a worker that is loaded and checked, once its routes are, too."""
        try:
            routes = await self.own_routes.bring_up(worker.settings, environment)
        except WorkerError:
            worker.kill()
            raise
        if worker.gone:
            raise WorkerError("the process running the model ended while the routes were loaded")
        worker.on_exit = self._worker_gone
        self.settings = worker.settings
        self.own_routes.use(routes, worker.settings)
        self.metrics.asking = frozenset((*ASKING, *self.own_routes.paths))
        self.description = worker.description
        self.batcher.use(worker)
        self.state = "ready"
        self.metrics.set_version(self.settings.name, self.version)

    def _retire(self, worker: Worker) -> None:
        """A worker has answered its last batch: keep it for a rollback where it is another version."""
        if worker.settings == self.settings:
            worker.close()
        else:
            self.standby.put(worker)

    def _worker_gone(self, worker: Worker) -> None:
        """A worker that was loaded has ended: on purpose after a switch, else it is replaced."""
        self._workers.discard(worker)
        self.standby.lose(worker)
        live = self.batcher.worker is worker
        self.batcher.lose(worker)
        if not live:
            return
        self.metrics.observe_restart()
        self._failed(f"the process running the model {worker.ending}")
        log.error("worker %d: %s", worker.pid, self.recovery.describe())
        self._spawn(self._replace())

    async def _replace(self) -> None:
        """Start workers, with growing pauses, until one is ready or another version has been activated."""
        while self._idle():
            await asyncio.sleep(self.recovery.retry_in)
            async with self._switching:
                if not self._idle():
                    return
                try:
                    await self._bring_up(self._new_worker(self.settings))
                except WorkerError as error:
                    self._failed(str(error))
                    log.error("the worker cannot be replaced: %s", self.recovery.describe())

    def _failed(self, error: str) -> None:
        self.recovery.failed(error)
        self.state = "failing" if self.recovery.looping else "recovering"
        if self.recovery.looping:
            self.batcher.refuse(f"the model keeps failing: {self.recovery.describe()}")

    def _idle(self) -> bool:
        return self.batcher.worker is None

    def _batch_done(self, requests: int, result: Result) -> None:
        self.recovery.succeeded()
        self.metrics.observe_batch(requests, result.items, result.milliseconds / 1e3)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self.batcher.check_time()
            self.own_routes.check_time()
            self.metrics.tick()
            self._keep_memory()

    def _keep_memory(self) -> None:
        """End a child that has grown too large, by a leak or slowly enough to be noticed here."""
        limit = self.settings.memory_limit
        for child in self._children():
            if limit and not child.fate and resident(child.pid) > limit:
                log.error("process %d uses more than %s of memory: ending it", child.pid, limit_text(limit))
                child.kill(f"used more than {limit_text(limit)} of memory and was ended")

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _what(self) -> str:
        described = self.description
        label = " (runs source)" if described["format"] == "source" else ""
        how = f"{described['format']}{label} on {described['device']}"
        return f"{described['model']} of {described['run']}, {how}"
