"""The user's routes as the front sees them: a process of theirs, asked over a channel, replaced if it dies.

What a route does can never take down the front or the model: where it crashes, hangs or runs out of memory,
its process ends, the requests it worked on are answered, and another process takes its place.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from lepton_nb.processes.channel import Kind
from lepton_nb.processes.environment import environment_of_child
from lepton_nb.processes.recovery import Recovery
from lepton_nb.processes.settings import Settings
from lepton_nb.processes.spawning import WorkerError
from lepton_nb.processes.standby import Standby
from lepton_nb.routes.process import Ask, Exchange, NoAnswerError, RoutesProcess
from lepton_nb.routes.relay import Relay, Send

log = logging.getLogger("lepton_nb.serve")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class OwnRoutes:
    """The live routes of a service, if it has any.

    Args:
        ask: Asks the model.
        on_restart: Called when a process has died.
        keep_warm: Seconds that the routes before stay loaded after a switch.

    Attributes:
        recovery: What has gone wrong with their processes since the last good answer.
        paths: The OpenAPI of the routes there are; also while their process is being replaced.
        schemas: What `paths` refers to.
        processes: Every process there is: the live one, those that finish their work, one on standby.
    """

    def __init__(self, ask: Ask, on_restart: Callable[[], None], keep_warm: float) -> None:
        self.recovery = Recovery()
        self.live: RoutesProcess | None = None
        self.processes: set[RoutesProcess] = set()
        self._standby: Standby[RoutesProcess] = Standby(keep_warm)
        self._ask = ask
        self._on_restart = on_restart
        self._wanted: Settings | None = None
        self._environment: Mapping[str, str] = environment_of_child()  # in memory only: it may hold secrets
        self.paths: dict[str, Any] = {}
        self.schemas: dict[str, Any] = {}
        self._up = asyncio.Event()
        self._replacing: asyncio.Task[None] | None = None

    async def bring_up(
        self, settings: Settings, environment: Mapping[str, str] | None = None
    ) -> RoutesProcess | None:
        """A process with the routes of a package, ready; the live one where it has them already.

        Args:
            environment: Its environment; where None, whichever it has, or that of the live one.

        Raises:
            WorkerError: If they cannot be loaded.
        """
        if not (Path(settings.package) / "handlers.json").is_file():
            return None
        if self.live is not None and self.live.settings.package == settings.package:
            known: RoutesProcess | None = self.live
        else:
            known = self._standby.take(settings)
        if known is not None and environment in (None, known.environment):
            return known
        if known is not None and known is not self.live:
            known.close()
        process = RoutesProcess(settings, self._ask, environment or self._environment)
        self.processes.add(process)
        process.on_exit = self._process_gone
        await process.ready()
        return process

    def use(self, process: RoutesProcess | None, settings: Settings) -> None:
        """Send every further request to `process`; the one used so far stays loaded for a while."""
        former, self.live = self.live, process
        if former is not None and former is not process:
            if former.settings == settings:
                former.close()  # the same version in another environment: nobody goes back to it
            else:
                self._standby.put(former)
        self._wanted = settings if process is not None else None
        described = process.description if process is not None else {}
        self.paths, self.schemas = described.get("paths", {}), described.get("schemas", {})
        if process is not None:
            self._environment = process.environment
            self._up.set()

    async def answer(
        self, scope: MutableMapping[str, Any], body: bytes, receive: Receive, send: Send
    ) -> None:
        """Pass a request on, and its answer back.

        Raises:
            NoAnswerError: If there is none, and nothing has been sent.
        """
        process = await self._process()
        number, exchange = process.open(_head(scope), body)
        watch = asyncio.get_running_loop().create_task(_hang_up(receive))
        watch.add_done_callback(
            lambda _: exchange.frames.put_nowait(NoAnswerError(499, "the client has gone"))
        )
        relay, complete = Relay(send), False
        try:
            async for more in _pieces(exchange, relay):
                if more:
                    exchange.extend()
                    process.send(Kind.NEXT, number)
                else:
                    complete = True
                    self.recovery.succeeded()
        except NoAnswerError:
            if not relay.started:
                raise
            # Half an answer has been sent: returning without its end closes the connection, as it must.
        finally:
            watch.cancel()
            if not complete:
                process.send(Kind.CANCEL, number)

    def check_time(self) -> None:
        for process in list(self.processes):
            process.check_time()

    def stats(self) -> dict[str, Any] | None:
        """What the panel shows; None where there are no handlers."""
        if self._wanted is None:
            return None
        return {
            "routes": sorted(self.paths),
            "pid": self.live.pid if self.live else None,
            "in_flight": self.live.running if self.live else 0,
            "error": self.recovery.describe(),
        }

    async def close(self, patience: float) -> None:
        """Let what runs end within `patience` seconds, then end the processes."""
        self.live = self._wanted = None
        if self._replacing is not None:
            self._replacing.cancel()
        for process in self.processes:
            process.close()
        deadline = time.monotonic() + patience
        while self.processes and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for process in list(self.processes):
            process.kill()

    async def _process(self) -> RoutesProcess:
        """The live process, waited for while it is being replaced."""
        if self._wanted is None:
            raise NoAnswerError(503, "the service is shutting down")
        if self.live is None:
            if self.recovery.looping:
                raise NoAnswerError(503, f"the routes keep failing: {self.recovery.describe()}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._up.wait(), self._wanted.time_limit)
        if self.live is None:
            raise NoAnswerError(503, "the routes are being restarted")
        return self.live

    def _process_gone(self, process: RoutesProcess) -> None:
        self.processes.discard(process)
        self._standby.lose(process)
        if self.live is not process:
            return
        self.live = None
        self._up.clear()
        self._on_restart()
        self.recovery.failed(f"the process of the routes {process.ending}")
        log.error("process %d: %s", process.pid, self.recovery.describe())
        self._replacing = asyncio.get_running_loop().create_task(self._replace())

    async def _replace(self) -> None:
        """Start processes, with growing pauses, until one is ready or another version has been activated."""
        while self.live is None and self._wanted is not None:
            wanted = self._wanted
            await asyncio.sleep(self.recovery.retry_in)
            try:
                process = await self.bring_up(wanted, self._environment)
            except WorkerError as error:
                self.recovery.failed(str(error))
                log.error("the routes cannot be started again: %s", self.recovery.describe())
                continue
            if self.live is None and self._wanted is wanted:
                self.use(process, wanted)
            elif process is not None:
                process.close()


async def _pieces(exchange: Exchange, relay: Relay) -> AsyncIterator[bool]:
    """Pass the pieces of an answer on; after each, whether there are more.

    Raises:
        NoAnswerError: If there is no answer, none that HTTP has, or it breaks off.
    """
    more = True
    while more:
        frame = await exchange.frames.get()
        if isinstance(frame, NoAnswerError):
            raise frame
        kind, payload = frame
        if kind is Kind.ABORT:
            raise NoAnswerError(500, "the route broke off")
        try:
            if kind is Kind.START:
                await relay.start(payload)
                continue
            more = kind is Kind.CHUNK
            await relay.piece(payload, more=more)
        except ValueError as error:
            log.error("an answer of a route is not HTTP: %s", error)
            raise NoAnswerError(500, f"the route's answer is not HTTP: {error}") from None
        yield more


async def _hang_up(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        continue


def _head(scope: MutableMapping[str, Any]) -> bytes:
    headers = [
        [name.decode("latin-1"), value.decode("latin-1")]
        for name, value in scope["headers"]
        if name != b"authorization"  # no business of the routes'
    ]
    return orjson.dumps(
        {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "headers": headers,
        }
    )
