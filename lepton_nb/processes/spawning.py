"""A child process of the front: started with one end of a socket pair, watched, ended, waited for."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from lepton_nb.processes.channel import Channel, Kind
from lepton_nb.processes.settings import Settings

_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class WorkerError(Exception):
    """A child could not load its package; the message says why."""


class Child(Channel):
    """One process, started by ``python -m MODULE --fd N``, and the front's end of the socket to it.

    Attributes:
        settings: What it serves.
        description: What it said of that when it was ready.
        gone: Whether its socket is closed.
        fate: Why it was killed, where it was.
    """

    settings: Settings

    def __init__(self, module: str, options: Sequence[str], environment: Mapping[str, str]) -> None:
        self.gone = False
        self.fate = ""
        self._ready: asyncio.Future[None] | None = None
        self.description: dict[str, Any] = {}
        self._ending: asyncio.Task[None] | None = None
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-u", "-m", module, "--fd", str(theirs.fileno()), *options]
        with theirs:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=environment
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ready(self) -> None:
        """Wait until it says that it is.

        Raises:
            WorkerError: If it fails or takes longer than the settings allow; the process is gone then.
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

    @property
    def crashed(self) -> bool:
        """Whether it ended by an error of its own code, not by somebody's decision."""
        return not self.fate and -(self.process.returncode or 0) in _CRASHES

    def kill(self, fate: str = "") -> None:
        """End the process now, whatever it is doing."""
        self.fate = self.fate or fate
        with suppress(ProcessLookupError):
            self.process.kill()
        if self._transport is not None:
            self._transport.close()

    def ended(self) -> None:
        """The process is gone, and `ending` known."""

    def receive(self, kind: Kind, request: int, payload: bytes) -> None:  # noqa: ARG002
        if kind is Kind.READY:
            self.description = orjson.loads(payload)
            self._settle()
        elif kind is Kind.FAILED:
            self._settle(orjson.loads(payload)["error"])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.gone = True
        self._ending = asyncio.get_running_loop().create_task(self._end())

    def _settle(self, error: str = "") -> None:
        """It is ready, or says why it cannot be."""
        if self._ready is not None and not self._ready.done():
            if error:
                self._ready.set_exception(WorkerError(error))
            else:
                self._ready.set_result(None)

    async def _end(self) -> None:
        """Wait for the process, whose socket is closed, and tell."""
        await self._reap()  # it may still be a zombie for a moment
        self._settle(f"the process {self.ending} while loading the package")
        self.ended()

    async def _reap(self) -> None:
        for wait in (0, 0.001, 0.004, *[0.02] * 50):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(wait)
        with suppress(ProcessLookupError):
            self.process.kill()
        await asyncio.to_thread(self.process.wait)
