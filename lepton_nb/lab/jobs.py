"""Work that takes long, each in a process of its own: evaluating, deploying, switching and stopping services.

The server only waits for them. A job's process outlives the server, so that nothing is half done.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import lepton_nb
from lepton_nb.errors import ArgumentError, LeptonError, NotFoundError
from lepton_nb.runs import home

_KEPT = 50
_AT_ONCE = 2
_LOG_LINES = 200
_LONGEST_LINE = 4000


class BusyError(LeptonError):
    """The same work is being done already."""


@dataclass
class Job:
    """One piece of work.

    Attributes:
        kind: What is done, a name of `lepton_nb.lab.work.ACTIONS`.
        target: The run or service it is done to.
        result: What came of it.
        log: The last lines its process wrote.
    """

    kind: str
    target: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: Literal["waiting", "running", "done", "failed", "cancelled"] = "waiting"
    message: str | None = None
    hint: str | None = None
    result: Any = None
    log: str = ""
    started_at: float = field(default_factory=time.time)
    ended_at: float | None = None

    def view(self) -> dict[str, Any]:
        return asdict(self)


class Jobs:
    """The jobs of one server.

    Args:
        tell: Called with a job whenever its state changes.
    """

    def __init__(self, tell: Callable[[Job], None]) -> None:
        self._tell = tell
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)

    def list(self) -> list[Job]:
        """The newest first."""
        return list(reversed(self._jobs.values()))

    def start(self, kind: str, target: str, arguments: Mapping[str, Any]) -> Job:
        """Begin a job.

        Raises:
            BusyError: If the same is being done to the target.
        """
        for other in self._jobs.values():
            if (other.kind, other.target) == (kind, target) and other.ended_at is None:
                raise BusyError(f"{kind.capitalize()} of {target} is under way already.", "Wait for its end.")
        job = Job(kind, target)
        self._jobs[job.id] = job
        for old in [old.id for old in self._jobs.values() if old.ended_at is not None][:-_KEPT]:
            del self._jobs[old]
        task = asyncio.get_running_loop().create_task(self._run(job, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._tell(job)
        return job

    def cancel(self, job_id: str) -> Job:
        """Interrupt a job's process, as the kernel's interrupt button would.

        Raises:
            NotFoundError: If there is no such job.
            ArgumentError: If it has ended.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFoundError(f"There is no job {job_id!r}.")
        if job.ended_at is not None:
            raise ArgumentError(f"The job has ended: {job.state}.")
        job.state = "cancelled"
        process = self._processes.get(job_id)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        return job

    async def _run(self, job: Job, arguments: Mapping[str, Any]) -> None:
        try:
            async with self._places:
                if job.state != "cancelled":
                    job.state = "running"
                    self._tell(job)
                    await self._work(job, arguments)
        except OSError as error:
            job.state, job.message = "failed", f"The process cannot be started: {error.strerror}."
        finally:
            job.ended_at = time.time()
            self._tell(job)

    async def _work(self, job: Job, arguments: Mapping[str, Any]) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lepton_nb.lab.work"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            cwd=home(),
            start_new_session=True,
            limit=16 << 20,
        )
        self._processes[job.id] = process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps({"action": job.kind, "arguments": dict(arguments)}).encode())
        process.stdin.close()
        log: deque[str] = deque(maxlen=_LOG_LINES)
        outcome, _ = await asyncio.gather(process.stdout.read(), _follow(process.stderr, log))
        code = await process.wait()
        del self._processes[job.id]
        job.log = "\n".join(log)
        if job.state == "cancelled":
            return
        try:
            said = json.loads(outcome)
        except ValueError:
            said = {
                "message": f"The process ended with code {code}: {log[-1] if log else 'it wrote nothing'}"
            }
        job.result, job.message, job.hint = said.get("result"), said.get("message"), said.get("hint")
        job.state = "done" if job.message is None else "failed"


async def _follow(stream: asyncio.StreamReader, log: deque[str]) -> None:
    while line := await stream.readline():
        log.append(line.decode("utf-8", "replace").rstrip()[:_LONGEST_LINE])


def _environment() -> dict[str, str]:
    own = str(Path(lepton_nb.__file__).parents[1])
    paths = [own, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "LEPTON_HOME": str(home()),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",  # a file of the user's called random.py must not stand in for Python's
        "PYTHONUNBUFFERED": "1",
        "MPLBACKEND": "agg",
    }
