"""The routes of what is written into notebooks: cells, copies of templates, and help on the magic line."""

from __future__ import annotations

from functools import cache
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web

from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.lab.cells import Wish, write_cells
from lepton_nb.lab.handler import LabHandler
from lepton_nb.lab.templates import get_template, templates


class CellsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        wish = Wish(
            action=self.text("action"),
            run=self.text("run"),
            runs=tuple(self.names("runs")),
            deployment=self.text("deployment"),
            model=self.text("model"),
            data=self.text("data"),
        )
        self.answer({"cells": await self.in_thread(write_cells, self.room.store, wish)})


class CommandsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer({"commands": await self.in_thread(_commands)})


class TemplatesHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        known = await self.in_thread(templates)
        self.answer({"templates": [template.view() for template in known.values()]})


class TemplateHandler(LabHandler):
    @web.authenticated
    @authorized
    async def post(self, template_id: str) -> None:
        """Put a copy under a free name into a folder of the user's, through Jupyter's own contents."""
        template = await self.in_thread(get_template, template_id)
        folder = self.body().get("path", "")
        if not isinstance(folder, str):
            raise ArgumentError(f"path is a {type(folder).__name__}, expected the path of a folder.")
        contents: Any = self.contents_manager
        folder = folder.strip("/")
        if not await ensure_async(contents.dir_exists(folder)):
            raise NotFoundError(f"There is no folder {folder!r}.")
        name = await ensure_async(contents.increment_filename(f"{template.id}.ipynb", folder))
        model = {"type": "notebook", "format": "json", "content": template.content}
        saved = await ensure_async(contents.save(model, f"{folder}/{name}".strip("/")))
        self.answer({"path": saved["path"]}, 201)


@cache
def _commands() -> list[dict[str, Any]]:
    """The commands of the magic; its parser is only loaded when somebody asks."""
    from lepton_nb.magics.commands import build_parser
    from lepton_nb.magics.describe import describe_commands

    return describe_commands(build_parser())
