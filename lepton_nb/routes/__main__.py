"""The process of the routes: `python -m lepton_nb.routes`. Runs the user's routes for the front.

It loads the captured source of one package, says which routes there are, and answers requests until the front
closes. Spawned by the front; nothing else talks to it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
import traceback
from types import TracebackType

import orjson

from lepton_nb.errors import LeptonError
from lepton_nb.packaging import Package
from lepton_nb.packaging.own import require_own
from lepton_nb.processes.channel import Kind, send_frame
from lepton_nb.processes.child import tie_to_the_front
from lepton_nb.processes.memory import limit_growth
from lepton_nb.processes.settings import Settings
from lepton_nb.routes.app import RoutesApp
from lepton_nb.routes.asgi import RoutesEnd, contained_task
from lepton_nb.routes.model import Model
from lepton_nb.routes.openapi import describe
from lepton_nb.routes.route import routes_of, takes_model
from lepton_nb.routes.source import RouteSource
from lepton_nb.tasks import get_task

log = logging.getLogger("lepton_nb.routes")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    tie_to_the_front()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    connection = socket.socket(fileno=options.fd)
    channel = RoutesEnd(options.max_body)
    try:
        app = load(options.package, channel, trusted=options.trusted)
    except (Exception, SystemExit) as error:
        message = error.message if isinstance(error, LeptonError) else _explain(error)
        send_frame(connection, Kind.FAILED, orjson.dumps({"error": message}))
        return 1
    paths, schemas = describe(app.routes.values())
    content = orjson.dumps({"paths": paths, "schemas": schemas})
    if options.memory_limit:
        limit_growth(options.memory_limit)
    connection.setblocking(False)
    asyncio.run(_run(connection, channel, app, content))
    return 0


def load(path: str, channel: RoutesEnd, *, trusted: bool) -> RoutesApp:
    """The application of a package's routes.

    Raises:
        LeptonError: If the package is damaged, not of this user's store, or its functions are no routes.
        Exception: Whatever the user's code raises while it loads.
    """
    package = Package.load(path)
    if not trusted:
        require_own(package)
    codec = get_task(package.signature.task).codec(package.signature)
    model = Model(codec, channel.ask)
    source = RouteSource.read(package.path)
    target = source.targets(source.load())
    if isinstance(target, type):
        target = target(model) if takes_model(target) else target()
    own = source.own_files
    return RoutesApp(routes_of(target), model, own.__contains__)


async def _run(connection: socket.socket, channel: RoutesEnd, app: RoutesApp, ready: bytes) -> None:
    channel.app = app
    asyncio.get_running_loop().set_task_factory(contained_task)
    await asyncio.get_running_loop().create_unix_connection(lambda: channel, sock=connection)
    channel.send(Kind.READY, 0, ready)
    await channel.ended.wait()
    sys.stdout.flush()
    os._exit(0)  # as where the front has gone


def _explain(error: BaseException) -> str:
    """The error and the user's line, for the notebook; the traceback goes to the log."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("Cell ")
    ]
    traceback.print_exception(type(error), error, _from_user(error.__traceback__))
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"the routes cannot be loaded: {type(error).__name__}: {error}{where}"


def _from_user(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and not first.tb_frame.f_code.co_filename.startswith("Cell "):
        first = first.tb_next
    return first or trace


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lepton_nb.routes")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--package", required=True)
    parser.add_argument("--memory-limit", type=int, default=0)
    parser.add_argument("--max-body", type=int, default=Settings.max_body)
    parser.add_argument("--trusted", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
