"""`Deployment`: a running service as one object, found again by name from any notebook."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from lepton_nb.deployment import card, lifecycle
from lepton_nb.deployment.accelerator import choose_device
from lepton_nb.deployment.client import ServiceClient, codec_of
from lepton_nb.deployment.drift import Drift
from lepton_nb.deployment.ports import reachable_host
from lepton_nb.deployment.state import ServiceState
from lepton_nb.errors import DeploymentError, NotFoundError
from lepton_nb.runs import DeploymentRecord, RunStore
from lepton_nb.runs.process import is_alive
from lepton_nb.tasks import Codec


class Deployment:
    """A service in a process of its own.

    Args:
        record: What the store knows of it.
        store: The store.
    """

    def __init__(self, record: DeploymentRecord, store: RunStore) -> None:
        self.record = record
        self.store = store
        self.state = ServiceState.of(record.name)
        self.drift = Drift()

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def url(self) -> str:
        return self.record.url

    @property
    def grpc_address(self) -> str | None:
        """``host:port`` of its gRPC service; None where it was deployed without one."""
        port = self.state.read_settings().get("grpc_port", -1)
        return f"{reachable_host(self.record.host)}:{port}" if port >= 0 else None

    @property
    def version(self) -> int:
        """Version of the package that is live."""
        return self.record.version

    @property
    def token(self) -> str:
        """What clients send: ``Authorization: Bearer TOKEN``."""
        return self.state.tokens()[0]

    @cached_property
    def client(self) -> ServiceClient:
        return ServiceClient(self.name, self.url, *self.state.tokens())

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return is_alive(self.record.pid, self.record.pid_started)

    def refresh(self) -> Deployment:
        """Read the record again: another notebook may have switched the version.

        Raises:
            NotFoundError: If it was stopped.
        """
        record = self.store.get_deployment(self.name)
        if record.url != self.record.url:
            self.__dict__.pop("client", None)
        self.record = record
        return self

    def status(self) -> str:
        """``ready``, ``starting``, ``recovering``, ``failing``, ``draining``, ``unreachable`` or ``gone``."""
        return str(self.client.health()["status"]) if self.alive else "gone"

    def stats(self) -> dict[str, Any]:
        """State, version, requests, errors, latency in milliseconds, queue and memory, as they are now.

        Where the process is gone there is only ``{"state": "gone"}``.

        Raises:
            DeploymentError: If it runs but does not answer.
        """
        return self.client.stats() if self.alive else {"name": self.name, "state": "gone"}

    def changed(self) -> list[str]:
        """What the notebook or the runs have that is not live, one sentence each; empty where nothing is.

        Classes, functions and constants of the model are compared with the notebook's, the weights with those
        of the model in this process that was deployed, and the package with its run.
        """
        try:
            package = self.store.get_package(self.record.package, self.record.version)
        except NotFoundError:
            return []
        return self.drift.reasons(package, self.store)

    def logs(self, n: int = 50) -> str:
        """The last `n` lines of its log."""
        return self.state.tail(n)

    def predict(self, value: Any) -> list[Any]:
        """Ask for the answer to a real input (a picture, a sentence, a row, an array), or to a list of them.

        Returns:
            One answer for each item.

        Raises:
            ArgumentError: If it is no input of the model.
            DeploymentError: If the service does not answer.
        """
        return self.client.predict(self._codec(), value)

    def stream(self, value: Any) -> Iterator[Any]:
        """Ask for the answer to one real input in pieces: those of a text, joined, are the text.

        Raises:
            ArgumentError: If it is no input of the model, or the model answers in one piece.
            DeploymentError: If the service does not answer, or breaks off.
        """
        return self.client.stream(self._codec(), value)

    def _codec(self) -> Codec:
        self.require_alive()
        return codec_of(self.store.get_package(self.record.package, self.record.version).path)

    def stop(self) -> None:
        """End it: requests in flight are finished. Its name keeps its token for the next time."""
        with self.state.locked():
            lifecycle.end(self.record.pid, self.record.pid_started)
            self.store.delete_deployment(self.name)
        self.record.status = "stopped"

    def rollback(self) -> Deployment:
        """Put the version before this one back, under the same URL and token.

        Raises:
            DeploymentError: If there is none, or it cannot be loaded; what is live stays live.
        """
        with self.state.locked():
            self.refresh()
            history = self.state.read_history()
            if len(history) < 2:
                raise DeploymentError(
                    f"There is no version of {self.name} before {self.version}.",
                    "A second %lepton deploy under the same name makes one.",
                )
            self.switch(*history[-2])
            self.settle(history[:-1])
        return self

    def switch(self, package: str, version: int, *, with_environment: bool = False) -> None:
        """Have the running server load another package, check it, and send it all further requests.

        Args:
            with_environment: Its routes get the environment of this process; else that which they had.

        Raises:
            DeploymentError: If it refuses; what was live stays live.
        """
        self.require_alive()
        record = self.store.get_package(package, version)
        with_environment = with_environment and (record.path / "handlers.json").is_file()
        device = choose_device(record.formats)
        self.client.activate(record.path, version, device, with_environment=with_environment)
        self.record.package, self.record.version = package, version

    def settle(self, history: list[tuple[str, int]]) -> None:
        """Write down what is live now, and what was before it."""
        self.state.write_history(history)
        self.record.previous_version = history[-2][1] if len(history) > 1 else None
        self.record.status = "ready"
        self.store.save_deployment(self.record)

    def require_alive(self) -> None:
        """Raise a `DeploymentError` where the process is gone."""
        if not self.alive:
            raise DeploymentError(
                f"The service {self.name} is not running any more.",
                f"%lepton deploy starts it again under the same URL; %lepton logs {self.name} shows its end.",
            )

    def __repr__(self) -> str:
        return f"<Deployment {self.name} version {self.version} {self.status()} at {self.url}>"

    def _repr_html_(self) -> str:
        return card.card(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Data for the lab to draw, beside the card and the line of text."""
        return {card.MIME: card.card_bundle(self)}
