"""`deploy` and what finds, stops and rolls back services by name."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from lepton_nb.deployment import lifecycle
from lepton_nb.deployment.accelerator import choose_device
from lepton_nb.deployment.card import DeploymentTable
from lepton_nb.deployment.finding import find, find_live, nothing_called
from lepton_nb.deployment.keeping import in_use, prune
from lepton_nb.deployment.options import LIMITS, check_arguments, limits, parse_size
from lepton_nb.deployment.ports import bind, own_names, reachable_host
from lepton_nb.deployment.service import Deployment
from lepton_nb.deployment.state import ServiceState
from lepton_nb.errors import DeploymentError, LeptonError, NotFoundError, PackageError
from lepton_nb.packaging import Package, build_package
from lepton_nb.packaging.attach import carry_routes
from lepton_nb.packaging.requirements import installed_versions
from lepton_nb.processes.settings import Settings
from lepton_nb.runs import DeploymentRecord, PackageRecord, Run, RunStore
from lepton_nb.runs.records import check_name

Lifetime = Literal["detached", "kernel"]


def deploy(
    run: Run | Package | str,
    name: str | None = None,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    lifetime: Lifetime = "detached",
    memory: int | str | None = None,
    origins: Sequence[str] = (),
    allowed_hosts: Sequence[str] = (),
    grpc_port: int | None = None,
    time_limit: float | None = None,
    max_body: int | str | None = None,
    max_batch: int | None = None,
) -> Deployment:
    """Serve a run in a process of its own, ready when this returns.

    The same name again keeps its URL and token: the new version is loaded beside the old one, its answers are
    compared with the notebook's, and only then requests go to it; none is lost. Routes that the service has
    from a ``%%lepton service`` cell stay around the new model, and get the environment of this process.

    Args:
        run: The run, its name, or a package of this store.
        name: Name of the service; the run's by default.
        port: Port to listen on; a free one by default.
        host: Address to listen on; this machine alone by default, ``0.0.0.0`` for its whole network.
        lifetime: ``detached`` lives until it is stopped, ``kernel`` ends with this process, even killed.
        memory: Most memory of the process that runs the model, in bytes or as ``2g`` or ``512m``; four fifths
            of what is free by default.
        origins: Web pages that may ask from a browser, such as ``http://localhost:3000``; none by default.
        allowed_hosts: Names besides its own by which clients may reach it, such as that of a tunnel or a
            reverse proxy; ``*`` is any. This machine's loopback names are always taken, with any port.
        grpc_port: Also serve gRPC (Open Inference Protocol) there; 0 takes a free port.
        time_limit: Seconds a request may take, 30 by default; then it is ended and gets 504.
        max_body: Largest body of a request, in bytes or as ``64m``; 32 MiB by default. Larger ones get 413.
        max_batch: Requests that the model answers together at most, 64 by default.

    Raises:
        NotFoundError: If there is no such run.
        PackageError: If the model cannot be packaged.
        DeploymentError: If the service cannot be started, or refuses the package; what was live stays live.
    """
    check_arguments(host, lifetime, origins, allowed_hosts)
    limit = parse_size(memory) if memory is not None else None
    bounds = limits(time_limit, max_body, max_batch)
    store = RunStore()
    model = _Model(store.get_run(run) if isinstance(run, str) else run, store)
    name = check_name(name if name is not None else model.name, "service")
    wanted = _Wanted(
        name, host, port, lifetime, limit, tuple(origins), tuple(allowed_hosts), grpc_port, bounds
    )
    with in_use(store):
        if find_live(store, name) is not None:
            model.make()  # before the lock is held: a rollback need not wait for an export
        with ServiceState.of(name).locked():
            live = find_live(store, name)
            if live is not None:
                deployment = _switch(live, model.record_for(live), wanted)
            else:
                deployment = _start(store, model, wanted, find(store, name))
    prune(store)
    deployment.drift.watch(run.live.get("model") if isinstance(run, Run) else None)
    return deployment


def deployments() -> DeploymentTable:
    """The services of this user, whichever notebook started them."""
    store = RunStore()
    return DeploymentTable(Deployment(record, store) for record in store.list_deployments())


def get_deployment(name: str) -> Deployment:
    """A service by name.

    Raises:
        NotFoundError: If there is none; says the nearest name.
    """
    store = RunStore()
    return Deployment(store.get_deployment(name), store)


def rollback(name: str) -> Deployment:
    """Put a service back on the version it had before; URL and token stay.

    Raises:
        NotFoundError: If there is no such service.
        DeploymentError: If it has no version before, or cannot load it; what is live stays live.
    """
    return get_deployment(name).rollback()


def stop(name: str) -> None:
    """Stop a service; or ask a run that is training, in this or another process, to stop after its step.

    Where a service and a run share the name, the service is meant; ``name@2`` is the run.

    Raises:
        NotFoundError: If there is neither.
        StoreError: If the run is not training.
    """
    store = RunStore()
    service = find(store, name)
    if service is not None:
        service.stop()
        return
    try:
        run = store.get_run(name)
    except NotFoundError:
        raise nothing_called(store, name) from None
    run.request("stop")


def logs(name: str, n: int = 50) -> str:
    """The last `n` lines that a service, running or stopped, or a run wrote.

    Raises:
        NotFoundError: If there is neither.
    """
    store = RunStore()
    if find(store, name) is not None:
        return ServiceState.of(name).tail(n)
    try:
        run = store.get_run(name)
    except NotFoundError:
        if ServiceState.of(check_name(name, "service")).log_path.exists():
            return ServiceState.of(name).tail(n)
        raise nothing_called(store, name) from None
    return "\n".join((run.read_text(run.log_path.name) or "").splitlines()[-n:])


class _Model:
    """What is to be served: a package, or the run of which one is made when it is needed."""

    def __init__(self, source: Run | Package, store: RunStore) -> None:
        self.name = source.manifest.name if isinstance(source, Package) else source.name
        self._source = source
        self._store = store
        self._keeps_routes = not isinstance(source, Package)

    def make(self) -> Package:
        if not isinstance(self._source, Package):
            self._source = build_package(self._source)
        return self._source

    def record_for(self, former: Deployment | None) -> PackageRecord:
        """The package in the store; one that was made of a run has the routes that the service had.

        Raises:
            DeploymentError: If it is not there.
        """
        package = self.make()
        record = self._store.find_package_by_sha(package.sha256)
        if record is None:
            raise DeploymentError(
                f"{package.path} is not a package of this store.",
                f"Serve it with: python -m lepton_nb.serve --package {package.path}",
            )
        return _with_routes(record, former) if former is not None and self._keeps_routes else record


@dataclass(frozen=True)
class _Wanted:
    """What the caller of `deploy` asked for."""

    name: str
    host: str
    port: int | None
    lifetime: Lifetime
    memory: int | None
    origins: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    grpc_port: int | None
    limits: dict[str, int | float]


def _switch(live: Deployment, record: PackageRecord, wanted: _Wanted) -> Deployment:
    """Put another version behind a running service."""
    if _differs(wanted, live) or (wanted.lifetime == "kernel" and live.record.lifetime != "kernel"):
        raise DeploymentError(
            f"The service {wanted.name} already runs at {live.url}, lifetime {live.record.lifetime}; "
            "its addresses, names, lifetime, memory, limits and origins cannot change while it runs.",
            f"%lepton stop {wanted.name} first, or leave the options out.",
        )
    before = live.state.read_history()
    now = (record.name, record.version)
    was = (live.record.package, live.record.version)
    live.switch(*now, with_environment=True)
    try:
        live.settle(before if before and before[-1] == now else [*before, now])
    except BaseException:  # no room to write it down: what the store says is live stays live
        with suppress(LeptonError):
            live.switch(*was)
        raise
    return live


def _differs(wanted: _Wanted, live: Deployment) -> bool:
    """Whether something was asked for that the running server does not have."""
    known = live.state.read_settings()
    return (
        wanted.host != live.record.host
        or wanted.port not in (None, live.record.port)
        or wanted.grpc_port not in (None, known.get("grpc_port"))
        or wanted.memory not in (None, known.get("memory_limit"))
        or any(known.get(name, getattr(Settings, name)) != value for name, value in wanted.limits.items())
        or (wanted.origins != () and set(wanted.origins) != set(known.get("origins", ())))
        or (wanted.allowed_hosts != () and set(wanted.allowed_hosts) != set(_added_names(live)))
    )


def _start(store: RunStore, model: _Model, wanted: _Wanted, former: Deployment | None) -> Deployment:
    """Start a server for a service that does not run; one that ended without being stopped keeps its port,
    and who may ask.

    The package is made while the server's processes import what they need.
    """
    state = ServiceState.of(wanted.name)
    listener = _listen(wanted, former)
    port = listener.getsockname()[1]
    grpc_port = _grpc_port(wanted, state)
    names = wanted.allowed_hosts or (_added_names(former) if former else ())
    before = state.read_settings() if former else {}
    origins = wanted.origins or before.get("origins", ())
    bounds = {name: before[name] for name in LIMITS if name in before} | wanted.limits
    with lifecycle.starting(state, listener) as server:
        package = model.record_for(former)
        token, admin_token = state.tokens()
        state.write_settings(
            {
                "name": wanted.name,
                "package": str(package.path),
                "version": package.version,
                "host": wanted.host,
                "port": port,
                "grpc_port": grpc_port,
                "token": token,
                "admin_token": admin_token,
                "allowed_hosts": [*own_names(wanted.host), *names],
                "device": choose_device(package.formats),
                "lifetime": wanted.lifetime,
                "memory_limit": wanted.memory or 0,
                "origins": origins,
                **bounds,
            }
        )
        state.write_versions(installed_versions())
        server.load(wanted.lifetime)
        record = DeploymentRecord(
            name=wanted.name,
            url=f"http://{reachable_host(wanted.host)}:{port}",
            host=wanted.host,
            port=port,
            pid=server.pid,
            pid_started=server.started,
            package=package.name,
            version=package.version,
            lifetime=wanted.lifetime,
            state_dir=state.path,
        )
        deployment = Deployment(record, store)
        history = state.read_history() if former else []
        now = (package.name, package.version)
        deployment.settle(history if history and history[-1] == now else [*history, now])
    return deployment


def _listen(wanted: _Wanted, former: Deployment | None) -> socket.socket:
    """The port that was asked for, that the service had before it ended, or a free one."""
    if wanted.port is not None or former is None:
        return bind(wanted.host, wanted.port or 0)
    try:
        return bind(wanted.host, former.record.port)
    except DeploymentError as error:
        raise DeploymentError(
            f"{wanted.name} was at {former.url} and shall keep that URL. {error.message}",
            "End that process, or take a free port and another URL with --port 0.",
        ) from None


def _added_names(service: Deployment) -> list[str]:
    """The names that a service was allowed besides its own."""
    own = own_names(service.record.host)
    return [name for name in service.state.read_settings().get("allowed_hosts", ()) if name not in own]


def _grpc_port(wanted: _Wanted, state: ServiceState) -> int:
    """The port for gRPC: that of before where none is asked for, -1 for none."""
    port: int = state.read_settings().get("grpc_port", -1) if wanted.grpc_port is None else wanted.grpc_port
    if port < 0:
        return -1
    if importlib.util.find_spec("grpc") is None:
        raise DeploymentError("gRPC needs a package that is not installed.", "pip install 'lepton-nb[grpc]'")
    with bind(wanted.host, port) as probe:  # gRPC binds for itself; this says who has the port, or finds one
        return int(probe.getsockname()[1])


def _with_routes(record: PackageRecord, live: Deployment) -> PackageRecord:
    """The package with the routes that the service has: a new model is no reason to lose them."""
    try:
        former = live.store.get_package(live.record.package, live.record.version)
        kept = carry_routes(Package.load(former.path), Package.load(record.path), live.name, live.store)
    except (NotFoundError, PackageError):
        return record  # what was live is gone from the disk
    return live.store.find_package_by_sha(kept.sha256) or record
