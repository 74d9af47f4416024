"""A worker process as the front sees it: started, given one batch at a time, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import orjson

from lepton_nb.serve.frames import HEADER, Kind, Request, Result, pack_batch, unpack_result
from lepton_nb.serve.settings import Settings

# glibc would give a batch's activations back to the kernel, and fault them in again for the next one:
# with this, torch takes about a fifth less time for a batch of 32 small pictures.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class WorkerError(Exception):
    """A worker could not load its package; the message says why."""


class Worker(asyncio.Protocol):
    """One worker process.

    Attributes:
        description: What the worker said about its package when it was ready.
        on_result: Called with each batch's result.
        on_exit: Called once when the process is gone, whatever ended it.
        fate: Why it was killed, where it was.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.description: dict[str, Any] = {}
        self.on_result: Callable[[Worker, Result], None] = lambda _worker, _result: None
        self.on_exit: Callable[[Worker], None] = lambda _worker: None
        self.gone = False
        self.fate = ""
        self._buffer = bytearray()
        self._ready: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._ending: asyncio.Task[None] | None = None
        self._socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                _command(settings, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ready(self) -> None:
        """Wait until the package is loaded and its answers are checked.

        Raises:
            WorkerError: If that fails or takes longer than the settings allow; the process is gone then.
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        await loop.create_unix_connection(lambda: self, sock=self._socket)
        try:
            async with asyncio.timeout(self.settings.start_limit):
                await self._ready
        except TimeoutError:
            raise WorkerError(
                f"the package took longer than {self.settings.start_limit:g} s to load"
            ) from None
        finally:
            if self._ready.cancelled() or self._ready.exception() is not None:
                self.kill()

    def send(self, requests: list[Request]) -> None:
        """Give the worker a batch; `on_result` or `on_exit` is called later."""
        assert self._transport is not None
        self._transport.writelines(pack_batch(requests))

    def close(self) -> None:
        """Let the process end by itself: it does when its socket closes."""
        if self._transport is not None:
            self._transport.close()

    @property
    def ending(self) -> str:
        """How the process ended, to follow "the process"; vague while that is not known."""
        status = self.process.returncode
        if self.fate or status is None or status >= 0:
            return self.fate or (f"ended with status {status}" if status else "ended")
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"

    def kill(self, fate: str = "") -> None:
        """End the process now, whatever it is doing."""
        self.fate = self.fate or fate
        with suppress(ProcessLookupError):
            self.process.kill()
        self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            length, kind = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(memoryview(self._buffer)[HEADER.size : end])
            del self._buffer[:end]
            self._receive(Kind(kind), payload)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.gone = True
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        """Wait for the process, whose socket is closed, and tell."""
        await self._reap()  # it may still be a zombie for a moment
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(WorkerError(f"the process {self.ending} while loading the package"))
        self.on_exit(self)

    def _receive(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.RESULT:
            self.on_result(self, unpack_result(memoryview(payload)))
        elif self._ready is not None and not self._ready.done():
            content = orjson.loads(payload)
            if kind is Kind.READY:
                self.description = content
                self._ready.set_result(None)
            else:
                self._ready.set_exception(WorkerError(content["error"]))

    async def _reap(self) -> None:
        for wait in (0, 0.001, 0.004, *[0.02] * 50):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(wait)
        with suppress(ProcessLookupError):
            self.process.kill()
        await asyncio.to_thread(self.process.wait)


def _environment() -> dict[str, str]:
    """The worker's: it may run the user's own code, which needs no token."""
    kept = {name: value for name, value in os.environ.items() if name != "LEPTON_TOKEN"}
    return {**_KEEP_MEMORY, **kept}


def _command(settings: Settings, fd: int) -> list[str]:
    options = {
        "--fd": fd,
        "--package": settings.package,
        "--name": settings.name,
        "--version": settings.version,
        "--format": settings.format,
        "--device": settings.device,
        "--threads": settings.threads,
        "--max-items": settings.max_items,
        "--max-body": settings.max_body,
        "--memory-limit": settings.memory_limit,
    }
    pairs = [part for name, value in options.items() for part in (name, str(value))]
    trusted = ["--trusted"] if settings.trusted else []
    return [sys.executable, "-u", "-m", "lepton_nb.serve.worker", *pairs, *trusted]
