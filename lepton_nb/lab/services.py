"""Services as the lab shows them: their records, what they say of themselves, and how that went over time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import httpx

from lepton_nb.deployment.service import Deployment
from lepton_nb.runs import DeploymentRecord, RunStore

LOOK_EVERY = 2.0  # seconds
_KEPT = 900  # looks: half an hour
_PATIENCE = 2.0  # seconds a service may take to answer
_STATS = (
    *("requests", "errors", "requests_per_second", "latency_ms", "batch_mean", "queue", "queue_limit"),
    *("in_flight", "memory_bytes", "uptime_seconds", "restarts", "model", "run", "task", "format", "device"),
)
_CHARTED = ("requests_per_second", "errors", "queue", "memory_bytes")
_RECORD = ("name", "url", "host", "port", "pid", "package", "version", "previous_version", "lifetime")
BAD = ("recovering", "failing", "unreachable", "gone")


def _view(
    record: DeploymentRecord, state: str, problem: str | None, stats: Any, versions: int
) -> dict[str, Any]:
    return {
        **{name: getattr(record, name) for name in _RECORD},
        "created_at": record.created_at,
        "state": state,
        "problem": problem,
        "stats": stats,
        "actions": ["stop", *(["rollback"] if versions > 1 and state != "gone" else []), "token", "deploy"],
    }


class Services:
    """Asks services how they are.

    Args:
        store: Where they are recorded.
        http: What asks them.
        executor: Threads to read the store in.
    """

    def __init__(self, store: RunStore, http: httpx.AsyncClient, executor: Executor) -> None:
        self._store = store
        self._executor = executor
        self._http = http
        self._series: dict[str, deque[dict[str, Any]]] = {}

    async def look(self) -> list[dict[str, Any]]:
        """Every service as it is now, the newest first."""
        known = await asyncio.get_running_loop().run_in_executor(self._executor, self._known)
        views = await asyncio.gather(*(self._look_at(*each) for each in known))
        for name in set(self._series) - {view["name"] for view in views}:
            del self._series[name]
        return list(views)

    def series(self, name: str) -> dict[str, list[Any]]:
        """What was seen of a service while somebody looked, the oldest first, at most of half an hour."""
        seen = self._series.get(name, ())
        keys = ("time", *_CHARTED, "requests", "p50", "p95", "p99")
        return {key: [look.get(key) for look in seen] for key in keys}

    def _known(self) -> list[tuple[DeploymentRecord, bool, str, int]]:
        found = []
        for record in self._store.list_deployments():
            service = Deployment(record, self._store)
            history = service.state.read_history()
            found.append((record, service.alive, service.state.tokens()[1], len(history)))
        return found

    async def _look_at(
        self, record: DeploymentRecord, alive: bool, admin_token: str, versions: int
    ) -> dict[str, Any]:
        if not alive:
            return _view(record, "gone", "Its process has ended.", None, versions)
        try:
            headers = {"Authorization": f"Bearer {admin_token}"}
            answer = await self._http.get(f"{record.url}/admin/stats", headers=headers, timeout=_PATIENCE)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error) or type(error).__name__
            return _view(record, "unreachable", f"It does not answer: {reason}", None, versions)
        if answer.is_error:
            return _view(record, "unreachable", str(said.get("error", answer.status_code)), None, versions)
        stats = {name: said.get(name) for name in _STATS}
        self._note(record.name, stats)
        return _view(record, str(said.get("state", "ready")), said.get("error") or None, stats, versions)

    def _note(self, name: str, stats: dict[str, Any]) -> None:
        latency = stats.get("latency_ms") or {}
        seen = self._series.setdefault(name, deque(maxlen=_KEPT))
        now = time.time()
        with suppress(IndexError):
            if now - seen[-1]["time"] < LOOK_EVERY / 2:  # several looked at once
                return
        quantiles = {key: latency.get(key) for key in ("p50", "p95", "p99")}
        charted = {key: stats.get(key) for key in (*_CHARTED, "requests")}
        seen.append({"time": now, **charted, **quantiles})
