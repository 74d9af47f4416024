"""Starting the server: the worker first, then the listening socket and the event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lepton_nb.processes.memory import usual_limit
from lepton_nb.processes.settings import Settings
from lepton_nb.serve.process import Worker

log = logging.getLogger("lepton_nb.serve")


def serve(settings: Settings, fd: int | None, log_path: Path | None = None) -> int:
    """Run a service until it is told to stop.

    Args:
        fd: A bound socket inherited from whoever launched this; None binds the settings' address.
        log_path: The file that standard error goes to, to be kept short; None where that is not ours to do.

    Returns:
        The exit status: 0 after a requested stop, 1 where the package cannot be served.
    """
    return _serve(Worker(), settings, fd, log_path)


def serve_when_told(read: Callable[[], Settings], fd: int | None, log_path: Path | None) -> int:
    """Import everything, in the worker as well; then wait for a byte on standard input, and serve.

    Whoever launched this makes the package meanwhile, and ends standard input where that fails.

    Args:
        read: Gives the settings, once they are known.
    """
    first = Worker()
    import lepton_nb.serve.front  # noqa: F401

    if not os.read(0, 1):
        first.kill()
        return 0
    try:
        settings = read()
    except BaseException:
        first.kill()
        raise
    return _serve(first, settings, fd, log_path)


def _serve(first: Worker, settings: Settings, fd: int | None, log_path: Path | None) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = replace(settings, memory_limit=settings.memory_limit or usual_limit())
    first.load(settings)  # while this process imports what it needs
    from lepton_nb.serve.front import BACKLOG, run

    try:
        listener = _listen(settings, fd, BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        log.error("cannot listen on %s port %d: %s", settings.host, settings.port, why)
        first.kill()
        return 1
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(settings, first, listener, log_path))


def _listen(settings: Settings, fd: int | None, backlog: int) -> socket.socket:
    if fd is not None:
        listener = socket.socket(fileno=fd)
    else:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    listener.listen(backlog)
    listener.setblocking(False)
    return listener
