"""Every route of the extension; ``README.md`` says what each takes and answers."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import Application

from lepton_nb.lab.handler import ROOM, LabHandler, NoSuchRoute
from lepton_nb.lab.room import Room
from lepton_nb.lab.run_routes import RunsHandler

API: tuple[tuple[str, type[LabHandler]], ...] = (
    (r"runs", RunsHandler),
    (r"(.*)", NoSuchRoute),
)


def add_handlers(application: Application) -> None:
    """Add the routes to Jupyter Server's application."""
    settings: dict[str, Any] = application.settings
    settings[ROOM] = Room()
    base = settings["base_url"]
    application.add_handlers(
        ".*$", [(url_path_join(base, "lepton/api", path), handler) for path, handler in API]
    )
