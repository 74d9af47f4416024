"""What is worth a notification: a run that ended, a service that got worse or better."""

from __future__ import annotations

from typing import Any

from lepton_nb.lab.services import BAD
from lepton_nb.lab.watching import Changes
from lepton_nb.runs.states import ACTIVE

Message = dict[str, Any]

_ENDS = {
    "finished": ("run-ended", "success", "{ref} has finished{best}."),
    "stopped": ("run-ended", "warning", "{ref} was stopped in epoch {epoch} of {epochs}."),
    "failed": ("run-failed", "error", "{ref} failed: {error}"),
    "interrupted": ("run-interrupted", "error", "{ref} was cut off: its process is gone. It can be resumed."),
}
_PATIENCE = {"recovering": 2}  # looks in a row before it is told: most recover at once


def of_runs(changes: Changes) -> list[Message]:
    """A notification for each run that ended since the last look."""
    found = []
    for run in changes.runs:
        before = changes.before.get(run["id"])
        if before not in ACTIVE or run["status"] not in _ENDS:
            continue
        event, level, text = _ENDS[run["status"]]
        best = "" if run["best_value"] is None else f": {run['monitor']} {run['best_value']:.4g}"
        message = text.format_map({**run, "best": best, "error": (run["error"] or "").split("\n")[0]})
        found.append(_notification(event, level, message, run=run["ref"], background=run["background"]))
    return found


class ServiceNews:
    """Remembers how services were, to tell when one gets worse or is well again."""

    def __init__(self) -> None:
        self._bad: dict[str, int] = {}  # looks in a row
        self._told: set[str] = set()

    def of_services(self, services: list[dict[str, Any]], *, first: bool) -> list[Message]:
        """A notification for each service whose state changed for worse, or back.

        Args:
            services: Them all.
            first: Whether nobody looked before: what is bad now is then no news.
        """
        found = []
        for service in services:
            name, state = service["name"], service["state"]
            if state not in BAD:
                self._bad.pop(name, None)
                if state == "ready" and name in self._told:
                    self._told.discard(name)
                    text = f"The service {name} is ready again."
                    found.append(_notification("deployment-recovered", "success", text, deployment=name))
                continue
            self._bad[name] = self._bad.get(name, 0) + 1
            if first:
                self._told.add(name)
            elif name not in self._told and self._bad[name] >= _PATIENCE.get(state, 1):
                self._told.add(name)
                text = f"The service {name} is {state}: {service['problem'] or 'its log says why.'}"
                found.append(_notification("deployment-degraded", "error", text, deployment=name))
        names = {service["name"] for service in services}
        self._told &= names
        self._bad = {name: looks for name, looks in self._bad.items() if name in names}
        return found


def _notification(event: str, level: str, message: str, **about: Any) -> Message:
    return {
        "type": "notification",
        "event": event,
        "level": level,
        "message": message,
        "run": about.get("run"),
        "background": about.get("background"),
        "deployment": about.get("deployment"),
    }
