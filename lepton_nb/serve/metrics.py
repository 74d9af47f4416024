"""Numbers about the service: for Prometheus, and for the panel in the notebook."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ASKING = ("/predict", "/v2/models/{model}/infer")  # the routes that ask the model
_ERRORS = {
    **dict.fromkeys((400, 415, 422), "input"),
    **dict.fromkeys((401, 403), "unauthorized"),
    **dict.fromkeys((404, 405), "unknown"),
    413: "too_large",
    421: "host",
    499: "client_gone",
    500: "failure",
    503: "busy",
    504: "timeout",
}
_RECENT = 2048
_SETTLING = 5.0  # seconds over which the rate in the panel is smoothed

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counts everything the service does. Cheap enough for every request.

    Attributes:
        asking: The routes that count as requests in the panel: those to the model, and the user's own.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time to the answer.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "lepton_errors", "Requests answered with an error.", ["kind"], registry=registry
        )
        self._handled = Counter(
            "grpc_server_handled",
            "RPCs completed.",
            ["grpc_service", "grpc_method", "grpc_code"],
            registry=registry,
        )
        self._handling = Histogram(
            "grpc_server_handling_seconds",
            "Time to the answer.",
            ["grpc_service", "grpc_method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batch = Histogram(
            "lepton_batch_requests", "Requests in a batch.", buckets=_BATCHES, registry=registry
        )
        self._model = Histogram(
            "lepton_model_duration_seconds",
            "Time the model ran on a batch.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._items = Counter("lepton_items", "Items the model ran on.", registry=registry)
        self._restarts = Counter(
            "lepton_worker_restarts", "Workers replaced because they died or hung.", registry=registry
        )
        self._version = Gauge("lepton_model_version", "Version that is live.", ["name"], registry=registry)
        self.queue = Gauge("lepton_queue_depth", "Requests waiting for the model.", registry=registry)
        self.in_flight = Gauge(
            "lepton_requests_in_flight", "Requests the model is working on.", registry=registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._batches: deque[int] = deque(maxlen=256)
        self.asking = frozenset(ASKING)
        self.requests = 0
        self.errors = 0
        self.restarts = 0
        self.rate = 0.0  # predictions a second
        self._started = self._ticked = time.monotonic()
        self._counted = 0

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """One answered request. `path` must be one of the routes, not what the client sent.

        Args:
            status: What was answered; 0 where the client had gone.
        """
        status = status or 499
        key = (method, path, status)
        children = self._children.get(key)
        if children is None:
            children = (self._requests.labels(method, path, str(status)), self._seconds.labels(path))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)
        if status >= 400:
            self._errors.labels(_ERRORS.get(status, "other")).inc()
        if path in self.asking:
            self._observe_question(status >= 400, seconds)

    def observe_grpc(self, service: str, method: str, status: int, code: str, seconds: float) -> None:
        """One answered RPC; `status` is the HTTP status that means the same as its code."""
        self._handled.labels(service, method, code).inc()
        self._handling.labels(service, method).observe(seconds)
        if status >= 400:
            self._errors.labels(_ERRORS.get(status, "other")).inc()
        if method == "ModelInfer":
            self._observe_question(status >= 400, seconds)

    def _observe_question(self, failed: bool, seconds: float) -> None:
        self.requests += 1
        self.errors += failed
        self._recent.append(seconds)

    def observe_batch(self, requests: int, items: int, seconds: float) -> None:
        self._batch.observe(requests)
        self._model.observe(seconds)
        self._items.inc(items)
        self._batches.append(requests)

    def observe_restart(self) -> None:
        self._restarts.inc()
        self.restarts += 1

    def set_version(self, name: str, version: int) -> None:
        self._version.labels(name).set(version)

    def tick(self) -> None:
        """Bring the rate up to date; called several times a second."""
        now = time.monotonic()
        elapsed, self._ticked = now - self._ticked, now
        if elapsed > 0:
            newest = (self.requests - self._counted) / elapsed
            self.rate += (newest - self.rate) * min(1.0, elapsed / _SETTLING)
        self._counted = self.requests

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def summary(self) -> dict[str, Any]:
        """What the panel shows; latencies in milliseconds, over the last 2048 predictions."""
        latencies = sorted(self._recent)
        return {
            "uptime_seconds": time.monotonic() - self._started,
            "requests": self.requests,
            "errors": self.errors,
            "restarts": self.restarts,
            "requests_per_second": round(self.rate, 2),
            "latency_ms": {f"p{q}": _quantile(latencies, q / 100) for q in (50, 95, 99)},
            "batch_mean": sum(self._batches) / len(self._batches) if self._batches else None,
        }


def _quantile(ordered: list[float], q: float) -> float | None:
    """Milliseconds below which a fraction `q` of the seconds in `ordered` lies."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1e3 if ordered else None
