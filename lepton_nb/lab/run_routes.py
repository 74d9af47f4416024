"""The routes of runs."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from lepton_nb.lab.handler import LabHandler
from lepton_nb.lab.listing import Query, find_runs

_FILTERS = ("name", "model", "data", "task")
_LONGEST_SPARK = 200


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
