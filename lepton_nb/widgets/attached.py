"""The panel of a run that another process trains: fed from the store, until the run ends."""

from __future__ import annotations

import threading
from typing import Any

from lepton_nb.errors import NotFoundError, StoreError
from lepton_nb.runs import Run
from lepton_nb.runs.tail import Tail
from lepton_nb.show.html import quiet
from lepton_nb.widgets.curves import Curves, is_shown
from lepton_nb.widgets.observed import Observed
from lepton_nb.widgets.panel_callback import describe, keep, measure
from lepton_nb.widgets.place import Place
from lepton_nb.widgets.settled import settled_bundle, unsettled_bundle
from lepton_nb.widgets.train_panel import TrainPanel

_INTERVAL = 0.25  # seconds between two looks at the store
_followed: dict[str, Follower] = {}


class Follower:
    """Shows a run's panel, and keeps it up to date from a thread of its own.

    Once the run has ended, the same static summary takes the panel's place that a run in the foreground
    leaves.

    Args:
        run: The run.
        place: Where to.
    """

    def __init__(self, run: Run, place: Place) -> None:
        self._state = Observed(run.store.get_run(run.id))
        self._tail = Tail(self._state.run, is_shown)
        self._points = Curves()
        self._read()
        self._sent: dict[str, Any] = {}
        self._over = threading.Event()
        self._panel: TrainPanel | None = None
        self._place = place
        if self._state.ended:
            place.show(settled_bundle(self._state, self._points))
            return
        self._panel = TrainPanel(self._state.control, self._describe(), self._measure(), self._points)
        self._panel.fallback = unsettled_bundle(self._state, self._panel.host)
        place.show(self._panel)
        threading.Thread(target=self._follow, name=f"lepton-follow-{run.ref}", daemon=True).start()

    def give_way(self) -> None:
        """Leave the panel's place to a newer one, of another cell."""
        self._over.set()

    def _follow(self) -> None:
        while not self._over.wait(_INTERVAL):
            try:
                self._state.look()
                new = self._read()
            except NotFoundError as error:
                self._replace(_line(error.message))
                return
            except StoreError:
                continue  # locked, or a disk that is away for a moment: the next look will do
            self._send(new)
            if self._state.ended:
                self._replace(settled_bundle(self._state, self._points))
                return
        self._replace(_line("It is watched below."))

    def _read(self) -> bool:
        """Take in the new points; whether there are any."""
        rows, anew = self._tail.read()
        if anew:
            self._points.restart()
        self._points.add(rows)
        return bool(rows)

    def _send(self, new: bool) -> None:
        assert self._panel is not None
        info, now = self._describe(), self._measure()
        if info != self._panel.info:
            self._panel.info = info
        if new or now != self._sent:
            self._sent = now
            self._panel.refresh(now)

    def _describe(self) -> dict[str, Any]:
        return {**describe(self._state), "attached": True}

    def _measure(self) -> dict[str, Any]:
        # Time passes by itself: only a heartbeat is news of a process that may hang.
        heartbeat = self._state.run.heartbeat_at
        return {**measure(self._state), "place": str(self._state.place or ""), "heartbeat": heartbeat}

    def _replace(self, bundle: dict[str, str]) -> None:
        assert self._panel is not None
        self._place.show(bundle)
        keep(self._panel)
        if _followed.get(self._state.run.id) is self:
            del _followed[self._state.run.id]


def follow(run: Run, place: Place) -> None:
    """Show the run's panel here; one that this kernel shows of it already gives way."""
    before = _followed.pop(run.id, None)
    if before is not None:
        before.give_way()
    _followed[run.id] = Follower(run, place)


def _line(text: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": quiet(text)}
