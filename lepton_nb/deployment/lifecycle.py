"""Starting and ending the server's process. Ends only what was started here: by id and start time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from lepton_nb.deployment.ports import reachable_host
from lepton_nb.deployment.state import ServiceState
from lepton_nb.errors import DeploymentError
from lepton_nb.runs import home
from lepton_nb.runs.process import child_environment, is_alive
from lepton_nb.runs.process import started as started_at

_START_LIMIT = 120.0  # seconds a service may take to load its package
_DRAIN = 15.0  # seconds it may take to end by itself

_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""Servers this process started: to be reaped, and to hold open the pipe a ``kernel`` lifetime hangs on."""


class Server:
    """A server that imports what it needs, and waits to be told that its package is there.

    Attributes:
        pid: Its process id.
        started: Its start time, as `runs.process.started` tells it.
    """

    def __init__(
        self, state: ServiceState, listener: socket.socket, process: subprocess.Popen[bytes]
    ) -> None:
        host, port = listener.getsockname()[:2]
        self.pid = process.pid
        self.started = started_at(process.pid)
        self._url = f"http://{reachable_host(host)}:{port}"
        self._state = state
        self._process = process
        self._mark = state.log_path.stat().st_size

    def load(self, lifetime: str) -> None:
        """Let it serve what the settings in the service's folder say, and wait until it answers.

        Raises:
            DeploymentError: If it ends or does not answer; with the last lines of its log.
        """
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which is noticed below
            stdin.write(b"\n")
        if lifetime == "detached":
            stdin.close()
        _wait_until_ready(self._process, self._url, self._state, self._mark)


@contextmanager
def starting(state: ServiceState, listener: socket.socket) -> Iterator[Server]:
    """Start a server on a bound socket; where the block fails, nothing half started stays behind.

    Raises:
        DeploymentError: If no process can be started.
    """
    log = state.open_log()
    try:
        with listener:
            fd = listener.fileno()
            command = [sys.executable, "-m", "lepton_nb.serve", "--wait"]
            process = subprocess.Popen(
                [*command, "--state-dir", str(state.path), "--fd", str(fd)],
                bufsize=0,  # a word to a server that has died is lost at once, not when the pipe is closed
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=state.path,
                env=child_environment(LEPTON_HOME=str(home())),
                pass_fds=[fd],
                start_new_session=True,
            )
            _CHILDREN[process.pid] = process
            server = Server(state, listener, process)
    except OSError as error:
        raise DeploymentError(f"The server cannot be started: {error.strerror}.") from None
    finally:
        os.close(log)
    try:
        yield server
    except BaseException:  # also a kernel interrupt
        end(server.pid, server.started, patience=2.0)
        raise


def end(pid: int | None, started: float | None, *, patience: float = _DRAIN) -> bool:
    """End a server: ask it to finish its requests, and kill it if it does not within `patience` seconds.

    Returns:
        Whether it was running.
    """
    if pid is None or not is_alive(pid, started):
        _reap()
        return False
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + patience
    while is_alive(pid, started) and time.monotonic() < deadline:
        _reap()
        time.sleep(0.02)
    for member in family:  # psutil checks the start time before it sends
        with suppress(psutil.NoSuchProcess):
            if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                member.kill()
    _reap()
    return True


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, state: ServiceState, mark: int) -> None:
    # The socket listens already: the first answer comes the moment the server has loaded its package.
    deadline = time.monotonic() + _START_LIMIT
    with httpx.Client(base_url=url, trust_env=False, timeout=_START_LIMIT) as client:
        while time.monotonic() < deadline:
            try:
                if client.get("/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                raise DeploymentError(
                    f"The service {state.path.name} ended while starting: {_reason(state, mark)}",
                    f"The whole log: {state.log_path}",
                )
    raise DeploymentError(
        f"The service {state.path.name} did not answer within {_START_LIMIT:g} s.",
        f"Its log: {state.log_path}",
    )


def _reason(state: ServiceState, mark: int) -> str:
    """The error in what the log got since `mark`, else its last lines."""
    with state.log_path.open("rb") as file:
        file.seek(mark)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    errors = [line.partition(" ERROR ")[2] for line in lines if " ERROR " in line]
    return errors[-1] if errors else "\n".join(lines[-5:]) or "it wrote nothing"


def _reap() -> None:
    for pid, process in list(_CHILDREN.items()):
        if process.poll() is not None:
            if process.stdin is not None:
                process.stdin.close()
            del _CHILDREN[pid]


def find_servers() -> list[dict[str, Any]]:
    """Every front process of this user whose service folder lies in this store.

    Returns:
        For each ``pid`` and ``started`` (to stop it by), ``since`` (unix seconds) and ``state_dir``.
    """
    found = []
    for process, line in _processes("lepton_nb.serve", "--state-dir"):
        folder = Path(line[line.index("--state-dir") + 1])
        if folder.parent == home() / "services":
            started, since = started_at(process.pid), process.create_time()
            found.append({"pid": process.pid, "started": started, "since": since, "state_dir": folder})
    return found


def find_lost_workers() -> list[tuple[int, float]]:
    """Processes that run a model of this store for a front that is gone, as ``(pid, start time)``."""
    found = []
    for process, _ in _processes("lepton_nb.serve.worker", "--fd"):
        with suppress(psutil.Error):
            ours = process.environ().get("LEPTON_HOME") == str(home())
            parent = process.parent()
            if ours and (parent is None or "lepton_nb.serve" not in parent.cmdline()):
                found.append((process.pid, started_at(process.pid)))
    return found


def _processes(module: str, option: str) -> Iterator[tuple[psutil.Process, list[str]]]:
    """Running processes of a module with that option, and their command lines."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            if module in line and option in line[:-1] and process.status() != psutil.STATUS_ZOMBIE:
                yield process, line
