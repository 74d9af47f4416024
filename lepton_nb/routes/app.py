"""The routes as one ASGI application: request to arguments, result to response, exception to status."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from starlette.background import BackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lepton_nb.routes.arguments import ArgumentsError
from lepton_nb.routes.model import Model, ModelCallError
from lepton_nb.routes.reading import BodyError, read_values
from lepton_nb.routes.responses import failure, to_response
from lepton_nb.routes.route import MODEL, Route

log = logging.getLogger("lepton_nb.routes")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class RoutesApp:
    """Answers the requests of a service's own routes. A failure is always ``{"error": …}`` with a status.

    Args:
        routes: What to answer with.
        model: The deployed model, for the routes that take it.
        is_own: Whether a file of a traceback's frame is the user's own code.
    """

    def __init__(self, routes: Iterable[Route], model: Model, is_own: Callable[[str], bool]) -> None:
        self.routes = {route.path: route for route in routes}
        self._model = model
        self._is_own = is_own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(scope["path"])
        if route is None:
            response: Response = failure(404, f"there is no {scope['path'][:80]}")
        elif scope["method"] not in route.methods:
            allow = ", ".join(route.methods)
            response = failure(405, f"{route.path} does not take {scope['method']}", {"allow": allow})
        else:
            response = await self._respond(route, Request(scope, receive))
        try:
            await response(scope, receive, send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # of a stream that had begun, or of a background task
            self._log(route, error)
            raise

    async def _respond(self, route: Route | None, request: Request) -> Response:
        assert route is not None
        tasks = BackgroundTasks()
        try:
            arguments = route.arguments.parse(await read_values(request, route.arguments))
            if route.model:
                arguments[MODEL] = self._model
            if route.background:
                arguments[route.background] = tasks
            if inspect.iscoroutinefunction(route.call):
                result = await route.call(**arguments)
            else:
                result = await run_in_threadpool(route.call, **arguments)
            response = await to_response(result)
        except BodyError as error:
            return failure(error.status, str(error))
        except ArgumentsError as error:
            return failure(422, str(error))
        except HTTPException as error:
            return failure(error.status_code, str(error.detail), error.headers)
        except ModelCallError as error:
            return failure(error.status, error.message)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # `sys.exit()` too, which is meant for this request alone
            self._log(route, error)
            return failure(500, f"{route.name} failed: {_named(error)}")
        if response.background is None:
            response.background = tasks
        return response

    def _log(self, route: Route | None, error: BaseException) -> None:
        """The traceback from the user's first line on: what led there says nothing to them."""
        trace = error.__traceback__
        while trace is not None and not self._is_own(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        lines = traceback.format_exception(type(error), error, trace or error.__traceback__)
        log.error("%s failed\n%s", route.name if route else "a route", "".join(lines).rstrip())


def _named(error: BaseException) -> str:
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
