"""The doctor's look at services: which run, which are lost, and what of it can be put right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lepton_nb.deployment import lifecycle
from lepton_nb.deployment.ports import port_owner, reachable_host
from lepton_nb.deployment.report import Report
from lepton_nb.deployment.service import Deployment
from lepton_nb.deployment.state import ServiceState
from lepton_nb.errors import DeploymentError
from lepton_nb.packaging.requirements import installed_versions
from lepton_nb.runs import DeploymentRecord, RunStore


def examine_services(report: Report, store: RunStore) -> None:
    """Report every service, record lost ones again, and end what can never be reached."""
    servers = lifecycle.find_servers()
    for server in servers:
        _record_again(report, store, server)
    known = store.list_deployments()
    for record in known:
        _examine(report, Deployment(record, store))
    for server in servers:
        if server["pid"] not in {record.pid for record in known}:
            _end_lost(report, server)
    for pid, started in lifecycle.find_lost_workers():
        lifecycle.end(pid, started, patience=1.0)
        report.add("mended", "services", f"ended process {pid}, which ran a model for a server that is gone")


def _examine(report: Report, service: Deployment) -> None:
    record = service.record
    if not service.alive:
        service.store.delete_deployment(record.name)
        report.add(
            "mended",
            "services",
            f"{record.name} is gone (process {record.pid} ended, or the machine was restarted): "
            "its record is removed",
            f"%lepton logs {record.name} shows its end; %lepton deploy starts it again with its token.",
        )
        return
    status = service.status()
    _reconcile(report, service)
    text = f"{record.name} version {record.version}: {status} at {record.url}, process {record.pid}"
    if status == "ready":
        report.add("ok", "services", text)
    else:
        owner = port_owner(record.port)
        text += f"; port {record.port} belongs to {owner}" if owner else ""
        report.add("problem", "services", text, f"%lepton logs {record.name}")
    _private(report, service.state)
    _versions(report, service)


def _reconcile(report: Report, service: Deployment) -> None:
    """Write down what is live, where a deploy was cut off between its switch and its record."""
    try:
        live = Path(service.stats()["package"])
    except DeploymentError:
        return
    record = service.record
    package = next((item for item in service.store.list_packages() if item.path == live), None)
    if package is None or (package.name, package.version) == (record.package, record.version):
        return
    text = (
        f"{record.name} has {package.name} version {package.version} live; its record said {record.version}"
    )
    record.package, record.version = package.name, package.version
    service.settle([*service.state.read_history(), (package.name, package.version)])
    report.add("mended", "services", text)


def _private(report: Report, state: ServiceState) -> None:
    for path in (state.path, *sorted(state.path.iterdir())):
        if path.stat().st_mode & 0o077:
            path.chmod(0o700 if path.is_dir() else 0o600)
            report.add("mended", "services", f"{path} was readable by others; now it is not")


def _versions(report: Report, service: Deployment) -> None:
    """A server goes on with the libraries it has loaded when they are upgraded under it."""
    before, now = service.state.read_versions(), installed_versions()
    changed = [f"{name} {before[name]} → {now[name]}" for name in before if now.get(name, "") != before[name]]
    if changed:
        name = service.name
        report.add(
            "warning",
            "versions",
            f"{name} runs what was installed when it was started: {', '.join(changed)}",
            f"%lepton stop {name}, then %lepton deploy starts it with what is installed now.",
        )


def _record_again(report: Report, store: RunStore, server: dict[str, Any]) -> None:
    """Give a running server its record back: it was lost, or names another start."""
    folder: Path = server["state_dir"]
    if ServiceState(folder).busy or any(
        record.name == folder.name and Deployment(record, store).alive for record in store.list_deployments()
    ):
        return
    state = ServiceState(folder)
    settings, history = state.read_settings(), state.read_history()
    if not settings or not history:
        return
    package, version = history[-1]
    if not any(item.version == version for item in store.list_packages(package)):
        return
    host, port = settings.get("host", "127.0.0.1"), settings["port"]
    record = DeploymentRecord(
        name=folder.name,
        url=f"http://{reachable_host(host)}:{port}",
        host=host,
        port=port,
        pid=server["pid"],
        pid_started=server["started"],
        package=package,
        version=version,
        previous_version=history[-2][1] if len(history) > 1 else None,
        lifetime=settings.get("lifetime", "detached"),
        state_dir=folder,
        created_at=server["since"],
        status="ready",
    )
    if Deployment(record, store).client.answers_to_its_token():
        store.save_deployment(record)
        text = f"{folder.name} runs (process {server['pid']}) without a record; it has one again"
        report.add("mended", "services", text)


def _end_lost(report: Report, server: dict[str, Any]) -> None:
    """End a server that nothing could ever stop again."""
    if ServiceState(server["state_dir"]).busy:
        return
    lifecycle.end(server["pid"], server["started"])
    name = server["state_dir"].name
    report.add("mended", "services", f"ended process {server['pid']}, a server of {name} without a record")
