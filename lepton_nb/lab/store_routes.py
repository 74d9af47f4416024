"""The routes of packages, services, data sets, jobs and the machine."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from lepton_nb.deployment.card import curl_line
from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import ArgumentError, NotFoundError, did_you_mean
from lepton_nb.lab.datasets import list_datasets
from lepton_nb.lab.details import tail
from lepton_nb.lab.handler import LabHandler
from lepton_nb.lab.views import package_views
from lepton_nb.runs import RunStore
from lepton_nb.runs.records import check_name

_ACTIONS = ("deploy", "stop", "rollback", "token")
_LINES, _MOST_LINES = 200, 5_000


class PackagesHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer({"packages": await self.in_thread(package_views, self.room.store)})


class DeploymentsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer({"deployments": await self.room.services.look()})


class DeploymentHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        about = await self.in_thread(_about, self.room.store, name)
        views = await self.room.services.look()
        view = next((view for view in views if view["name"] == name), None)
        if view is None:
            raise NotFoundError(f"The service {name!r} has just been stopped.")
        page = url_path_join(self.base_url, "lepton/services", name, "proxy/")
        self.answer({"deployment": view, "series": self.room.services.series(name), "page": page, **about})


class DeploymentLogHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        lines = self.number("lines", _LINES, most=_MOST_LINES)
        self.answer({"text": await self.in_thread(_log, self.room.store, name, lines)})


class DeploymentActionsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        body = self.body()
        action = body.get("action")
        if action not in _ACTIONS:
            raise ArgumentError(f"There is no action {action!r}.", did_you_mean(str(action), _ACTIONS))
        if action == "token":
            self.answer(await self.in_thread(_token, self.room.store, name))
            return
        if action == "deploy":
            arguments = await self.in_thread(_deploy_arguments, self.room.store, name, body)
        else:
            await self.in_thread(self.room.store.get_deployment, name)
            arguments = {"name": name}
        self.answer({"job": self.room.jobs.start(action, name, arguments).view()}, 202)


class DatasetsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.in_thread(list_datasets, self.room.store))


class HardwareHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await asyncio.to_thread(self.room.machine.look))


class JobsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer({"jobs": [job.view() for job in self.room.jobs.list()]})


class JobActionsHandler(LabHandler):
    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        action = self.body().get("action")
        if action != "cancel":
            raise ArgumentError(f"There is no action {action!r}.", "A job can be cancelled: 'cancel'.")
        self.answer({"job": self.room.jobs.cancel(job_id).view()})


def _about(store: RunStore, name: str) -> dict[str, Any]:
    service = Deployment(store.get_deployment(name), store)
    versions = [{"package": package, "version": version} for package, version in service.state.read_history()]
    return {"versions": versions, "curl": curl_line(service)}


def _log(store: RunStore, name: str, lines: int) -> str:
    return tail(Deployment(store.get_deployment(name), store).state.log_path, lines)


def _token(store: RunStore, name: str) -> dict[str, Any]:
    service = Deployment(store.get_deployment(name), store)
    return {"token": service.token, "url": service.url}


def _deploy_arguments(store: RunStore, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """What to deploy, checked before a process is started for it."""
    check_name(name, "service")
    run, package, version = body.get("run"), body.get("package"), body.get("version")
    if isinstance(run, str) and package is None:
        return {"name": name, "run": store.get_run(run).id}
    if run is None and isinstance(package, str) and (version is None or isinstance(version, int)):
        record = store.get_package(package, version)
        return {"name": name, "package": record.name, "version": record.version}
    raise ArgumentError("It is not said what to deploy.", '{"action": "deploy", "run": "cnn"}')
