"""What a service is started with: ``service.json`` in its state folder, or the command line's options."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

LONGER = "whoever starts it raises that with --time-limit SECONDS"
"""What a request is told that took too long."""


@dataclass(frozen=True)
class Settings:
    """Settings of one service.

    Attributes:
        name: Name of the deployment.
        package: Directory of the package to serve.
        version: Its version number, shown to clients.
        host: Address to bind.
        port: Port to bind; 0 takes a free one.
        grpc_port: Port of the gRPC service; 0 takes a free one, -1 starts none.
        token: Bearer token of the clients; empty only where nobody else can reach the service.
        admin_token: Bearer token of ``/admin``; empty turns those routes off.
        allowed_hosts: Names besides the bound one and loopback's that a ``Host`` header may have, with any
            port; ``*`` allows all.
        origins: Web pages that may ask from a browser (CORS); ``*`` allows all.
        open_metrics: Answer ``/metrics`` without a token, for a Prometheus that finds its targets by itself.
        format: ``onnx``, ``pt2`` or ``source``; empty takes the package's preferred one.
        device: Device for ``pt2`` and ``source``, as torch names it.
        threads: Threads of one operator; 0 is one per core.
        lifetime: ``detached``, or ``kernel`` to end when standard input closes.
        trusted: Serve code (``pt2``, ``source``) without looking the package up in the user's store.
        max_body: Largest request body in bytes.
        max_queue: Requests that may wait; more are refused with 503.
        max_held: Bytes of request bodies held at once (arriving, waiting, running); more are refused.
        max_batch: Requests taken into one batch.
        max_items: Items in one run of the model; larger batches are split.
        time_limit: Seconds a request may take; then it gets 504, and what runs it is ended.
        start_limit: Seconds a worker may take to load a package.
        drain_limit: Seconds that requests in flight get to finish at shutdown.
        memory_limit: Bytes of memory a worker may use; 0 is four fifths of what is free at the start.
        keep_warm: Seconds that the version before stays loaded after a switch, for a rollback at once.
    """

    name: str
    package: str
    version: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    grpc_port: int = -1
    token: str = field(default="", repr=False)
    admin_token: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    open_metrics: bool = False
    format: str = ""
    device: str = "cpu"
    threads: int = 0
    lifetime: str = "detached"
    trusted: bool = False
    max_body: int = 32 << 20
    max_queue: int = 512
    max_held: int = 256 << 20
    max_batch: int = 64
    max_items: int = 256
    time_limit: float = 30.0
    start_limit: float = 120.0
    drain_limit: float = 10.0
    memory_limit: int = 0
    keep_warm: float = 600.0

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Settings from a JSON file.

        Raises:
            ValueError: If a setting is unknown or missing.
        """
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if not isinstance(data, dict):
            raise ValueError(f"{path} holds no settings")
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(f"{path} has unknown settings: {', '.join(unknown)}")
        try:
            return cls.from_dict(data)
        except TypeError as error:
            raise ValueError(f"{path}: {error}") from None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Settings:
        """Settings from what JSON made of them, in which tuples are lists."""
        tuples = {name: tuple(data.get(name, ())) for name in ("allowed_hosts", "origins")}
        return cls(**{**data, **tuples})

    def without_tokens(self) -> dict[str, Any]:
        """What a process may know that runs a model, and may run the user's own code."""
        return asdict(replace(self, token="", admin_token=""))
