"""The routes of runs."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.lab import details
from lepton_nb.lab.handler import ConflictError, LabHandler
from lepton_nb.lab.listing import Query, find_runs
from lepton_nb.lab.views import run_view
from lepton_nb.runs import RunStore
from lepton_nb.runs.states import ACTIVE

_FILTERS = ("name", "model", "data", "task")
_LONGEST_SPARK = 200
_POINTS, _MOST_POINTS = 800, 20_000
_LINES, _MOST_LINES = 200, 5_000
_ACTIONS = ("stop", "pause", "resume", "lr", "annotate", "delete", "evaluate")


class RunsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        query = Query(
            search=self.text("search"),
            statuses=self.names("status"),
            equal=tuple((name, value) for name in _FILTERS if (value := self.text(name))),
            tag=self.text("tag"),
            sort=self.text("sort", "-created_at"),
            offset=self.number("offset", 0, most=10**9),
            limit=self.number("limit", 100),
            spark=max(2, self.number("spark", 32, most=_LONGEST_SPARK)),
        )
        self.answer(await self.in_thread(find_runs, self.room.store, query))


class RunHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self, ref: str) -> None:
        self.answer(await self.in_thread(details.run_detail, self.room.store, ref))


class HistoryHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self, ref: str) -> None:
        after = details.Cursor.parse(self.text("after"))
        points = max(2, self.number("points", _POINTS, most=_MOST_POINTS))
        asked = (self.room.store, ref, self.names("metrics"), points, after)
        self.answer(await self.in_thread(details.run_history, *asked))


class HardwareUseHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self, ref: str) -> None:
        points = max(2, self.number("points", _POINTS, most=_MOST_POINTS))
        self.answer(await self.in_thread(details.run_hardware, self.room.store, ref, points))


class RunLogHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self, ref: str) -> None:
        lines = self.number("lines", _LINES, most=_MOST_LINES)
        self.answer(await self.in_thread(details.run_log, self.room.store, ref, lines))


class CompareHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        points = max(2, self.number("points", _POINTS, most=_MOST_POINTS))
        asked = (self.room.store, self.names("runs"), self.names("metrics"), points)
        self.answer(await self.in_thread(details.compare_runs, *asked))


class RunActionsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def post(self, ref: str) -> None:
        body = self.body()
        action = body.pop("action", None)
        if action not in _ACTIONS:
            raise ArgumentError(f"There is no action {action!r}.", did_you_mean(str(action), _ACTIONS))
        run = await self.in_thread(self.room.store.get_run, ref)
        arguments: dict[str, Any] | None = None
        if action == "evaluate":
            arguments = {"run": run.id, "split": _string(body, "split")}
        elif action == "resume" and run.status not in ACTIVE:
            arguments = {"run": run.id, "epochs": _whole(body, "epochs")}
        if arguments is not None:
            self.answer({"job": self.room.jobs.start(action, run.ref, arguments).view()}, 202)
        else:
            self.answer(await self.in_thread(_ask, self.room.store, ref, action, body))


def _ask(store: RunStore, ref: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
    run = store.get_run(ref)
    if action == "delete":
        _delete(store, ref)
        return {"deleted": run.ref}
    if action == "annotate":
        run.annotate(notes=_string(body, "notes"), tags=_tags(body))
    elif action == "lr":
        run.request("lr", body.get("value"))
    else:
        run.request(action)  # type: ignore[arg-type]
    return {"run": run_view(run.refresh())}


def _delete(store: RunStore, ref: str) -> None:
    """Delete a run that is no longer needed.

    Raises:
        ConflictError: If a service serves it.
        StoreError: If it is being trained.
    """
    run = store.get_run(ref)
    packages = {(record.name, record.version) for record in store.list_packages() if record.run_id == run.id}
    serving = [d.name for d in store.list_deployments() if (d.package, d.version) in packages]
    if serving:
        raise ConflictError(
            f"The service {serving[0]} serves run {run.ref}.", f"Stop it first: %lepton stop {serving[0]}"
        )
    store.delete_run(run)


def _string(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ArgumentError(f"{name} is a {type(value).__name__}, expected a text.")
    return value


def _whole(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ArgumentError(f"{name} is {value!r}, expected a whole number.")
    return value


def _tags(body: dict[str, Any]) -> dict[str, str | None]:
    tags = body.get("tags") or {}
    if not isinstance(tags, dict) or not all(isinstance(value, str | None) for value in tags.values()):
        raise ArgumentError(
            "tags is not an object of texts, or of null for a tag to take away.",
            '{"tags": {"stage": "candidate"}}',
        )
    return tags
