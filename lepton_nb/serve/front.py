"""The front: answers HTTP, and gRPC where asked for, until it is told to stop.

Importing this takes as long as a worker takes to load a small package: `server` starts that first.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from lepton_nb.processes.settings import Settings
from lepton_nb.serve.app import Application
from lepton_nb.serve.http.auth import Gate
from lepton_nb.serve.http.connections import Connection, allow_files, watch
from lepton_nb.serve.logfile import watch_log
from lepton_nb.serve.process import Worker, WorkerError
from lepton_nb.serve.service import Service

if TYPE_CHECKING:
    from lepton_nb.serve.v2.grpc import GrpcService

log = logging.getLogger("lepton_nb.serve")

BACKLOG = 2048


async def run(settings: Settings, first: Worker, listener: socket.socket, log_path: Path | None) -> int:
    """Bring the first worker up, then serve until told to stop; the exit status."""
    port = listener.getsockname()[1]
    service = Service(settings, first)
    gate = Gate(settings.host, settings.allowed_hosts, settings.token, settings.admin_token)
    config = uvicorn.Config(
        _for_origins(Application(service, gate), settings.origins),
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.drain_limit) + 1,
    )
    server = _make_server(config)

    def stop() -> None:
        service.state = "draining"
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if settings.lifetime == "kernel":
        _watch_stdin(lambda: loop.call_soon_threadsafe(stop), settings.drain_limit)
    try:
        await service.start()
    except WorkerError as error:
        log.error("%s version %d cannot be served: %s", settings.name, settings.version, error)
        await service.close()
        return 1
    try:
        rpc = await _start_grpc(service, gate) if settings.grpc_port >= 0 else None
    except (ImportError, OSError) as error:
        log.error("gRPC cannot be served: %s", error)
        await service.close()
        return 1
    log.info("listening on http://%s:%d", settings.host, port)
    gc.collect()
    gc.freeze()
    allow_files()
    watching = [loop.create_task(watch(server.server_state.connections))]
    if log_path is not None:
        watching.append(loop.create_task(watch_log(log_path)))
    # Returns after `stop`, once the requests in flight have their answers.
    await server.serve(sockets=[listener])
    for task in watching:
        task.cancel()
    if rpc is not None:
        await rpc.stop(settings.drain_limit)
    await service.close()
    return 0


def _for_origins(application: Any, origins: tuple[str, ...]) -> Any:
    """The application, open to browsers on the named pages; as it is where there are none."""
    if not origins:
        return application
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        application,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
    )


async def _start_grpc(service: Service, gate: Gate) -> GrpcService:
    """
    Raises:
        ImportError: If grpcio is not installed.
        OSError: If the port is taken.
    """
    try:
        from lepton_nb.serve.v2.grpc import GrpcService
    except ImportError as error:
        raise ImportError(f"{error}; install it with: pip install 'lepton-nb[grpc]'") from None

    settings = service.settings
    rpc = GrpcService(service, gate, settings.host, settings.grpc_port)
    await rpc.start()
    log.info("gRPC on %s:%d", settings.host, rpc.port)
    return rpc


def _make_server(config: uvicorn.Config) -> uvicorn.Server:
    class Uvicorn(uvicorn.Server):
        """uvicorn's own handlers raise the signal again at the end, which would skip our shutdown."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Uvicorn(config)


def _watch_stdin(stop: Callable[[], object], patience: float) -> None:
    """End with the process that holds the other end of standard input, even if that was killed."""

    def watch() -> None:
        while os.read(0, 1024):
            continue
        log.info("the notebook's kernel has ended: stopping")
        stop()
        threading.Timer(patience + 5, os._exit, [1]).start()

    threading.Thread(target=watch, name="stdin", daemon=True).start()
