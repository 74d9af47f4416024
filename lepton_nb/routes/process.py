"""A process of routes as the front sees it: started, given requests, ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from lepton_nb.processes.channel import Kind, pack_pair, pack_status, split_pair
from lepton_nb.processes.settings import LONGER, Settings
from lepton_nb.processes.spawning import Child

log = logging.getLogger("lepton_nb.serve")

Ask = Callable[[bytes, bytes], Awaitable[tuple[int, bytes]]]
"""``(content type, body) -> (status, JSON)``: asks the model."""

_GRACE = 1.0  # seconds in which cancelled work may end by itself


class NoAnswerError(Exception):
    """A request has no answer from a route; `status` and message are what its client gets."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Exchange:
    """One request in a route process.

    Attributes:
        deadline: When it is overdue; infinite once its answer is complete.
    """

    def __init__(self, limit: float) -> None:
        self.frames: asyncio.Queue[tuple[Kind, bytes] | NoAnswerError] = asyncio.Queue()
        self.limit = limit
        self.deadline = time.monotonic() + limit
        self.overdue = False

    def extend(self) -> None:
        self.deadline = time.monotonic() + self.limit

    def complete(self) -> None:
        self.deadline = float("inf")


class RoutesProcess(Child):
    """One process of routes.

    Args:
        environment: What the user's code finds in ``os.environ``.

    Attributes:
        on_exit: Called once when it is gone, whatever ended it.
    """

    def __init__(self, settings: Settings, ask: Ask, environment: Mapping[str, str]) -> None:
        limits = {"--memory-limit": settings.memory_limit, "--max-body": settings.max_body}
        options = [text for name, value in limits.items() for text in (name, str(value))]
        trusted = ["--trusted"] if settings.trusted else []
        command = ["--package", settings.package, *options, *trusted]
        super().__init__("lepton_nb.routes", command, environment)
        self.environment = environment
        self.settings = settings
        self.on_exit: Callable[[RoutesProcess], None] = lambda _process: None
        self._ask = ask
        self._exchanges: dict[int, Exchange] = {}
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        return len(self._exchanges)

    def open(self, head: bytes, body: bytes) -> tuple[int, Exchange]:
        """Send a request; its answer comes through the exchange."""
        self._count += 1
        exchange = Exchange(self.settings.time_limit)
        self._exchanges[self._count] = exchange
        self.send(Kind.REQUEST, self._count, pack_pair(head), body)
        return self._count, exchange

    def check_time(self) -> None:
        """Cancel what is overdue, and end the process where that does not help."""
        now = time.monotonic()
        for number, exchange in list(self._exchanges.items()):
            if exchange.deadline > now:
                continue
            if exchange.overdue:
                log.error("a route ran longer than %g s: ending process %d", exchange.limit, self.pid)
                self.kill(f"ran longer than {exchange.limit:g} s and was ended")
                return
            exchange.overdue = True
            exchange.deadline = now + _GRACE
            exchange.frames.put_nowait(NoAnswerError(504, f"no answer within {exchange.limit:g} s; {LONGER}"))
            self.send(Kind.CANCEL, number)

    def close(self) -> None:
        """Let it end once all it works on is done."""
        self.send(Kind.CLOSE)

    def receive(self, kind: Kind, request: int, payload: bytes) -> None:
        if kind is Kind.ASK:
            task = asyncio.get_running_loop().create_task(self._ask_model(request, payload))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif kind is Kind.DONE:
            self._exchanges.pop(request, None)
        elif request in self._exchanges:
            exchange = self._exchanges[request]
            if kind is Kind.LAST:
                exchange.complete()
            exchange.frames.put_nowait((kind, payload))
        else:
            super().receive(kind, request, payload)

    def ended(self) -> None:
        for exchange in self._exchanges.values():
            exchange.frames.put_nowait(
                NoAnswerError(503, f"the process of the routes {self.ending} while it worked on this request")
            )
        self._exchanges.clear()
        self.on_exit(self)

    async def _ask_model(self, request: int, payload: bytes) -> None:
        status, body = await self._ask(*split_pair(payload))
        self.send(Kind.ANSWER, request, pack_status(status), body)
