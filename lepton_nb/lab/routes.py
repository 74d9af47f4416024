"""Every route of the extension; ``README.md`` says what each takes and answers."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import Application, RequestHandler

from lepton_nb.lab import run_routes as runs
from lepton_nb.lab import store_routes as stored
from lepton_nb.lab import writing_routes as writing
from lepton_nb.lab.handler import ROOM, NoSuchRoute
from lepton_nb.lab.proxy import ServiceProxy, SlashHandler
from lepton_nb.lab.room import Room
from lepton_nb.lab.socket import EventsSocket

_REF = "([^/]+)"
"""A name, ``name@2`` or an id. It is only ever looked up in the store, never made into a path."""

API: tuple[tuple[str, type[RequestHandler]], ...] = (
    ("runs", runs.RunsHandler),
    (f"runs/{_REF}", runs.RunHandler),
    (f"runs/{_REF}/history", runs.HistoryHandler),
    (f"runs/{_REF}/hardware", runs.HardwareUseHandler),
    (f"runs/{_REF}/log", runs.RunLogHandler),
    (f"runs/{_REF}/actions", runs.RunActionsHandler),
    ("compare", runs.CompareHandler),
    ("packages", stored.PackagesHandler),
    ("deployments", stored.DeploymentsHandler),
    (f"deployments/{_REF}", stored.DeploymentHandler),
    (f"deployments/{_REF}/log", stored.DeploymentLogHandler),
    (f"deployments/{_REF}/actions", stored.DeploymentActionsHandler),
    ("datasets", stored.DatasetsHandler),
    ("cells", writing.CellsHandler),
    ("commands", writing.CommandsHandler),
    ("templates", writing.TemplatesHandler),
    (f"templates/{_REF}", writing.TemplateHandler),
    ("hardware", stored.HardwareHandler),
    ("jobs", stored.JobsHandler),
    ("jobs/([0-9a-f]+)/actions", stored.JobActionsHandler),
    ("events", EventsSocket),
    ("(.*)", NoSuchRoute),
)

SERVICES: tuple[tuple[str, type[RequestHandler]], ...] = (
    (f"{_REF}/proxy", SlashHandler),
    (f"{_REF}/proxy/(.*)", ServiceProxy),
)


def add_handlers(application: Application) -> None:
    """Add the routes to Jupyter Server's application."""
    settings: dict[str, Any] = application.settings
    settings[ROOM] = Room()
    base = settings["base_url"]
    api = [(url_path_join(base, "lepton/api", path), handler) for path, handler in API]
    services = [(url_path_join(base, "lepton/services", path), handler) for path, handler in SERVICES]
    application.add_handlers(".*$", [*api, *services])
