"""How a run looks in a notebook and in a terminal; in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lepton_nb.errors import StoreError
from lepton_nb.runs.notes import tags_text
from lepton_nb.runs.states import ACTIVE, STATES
from lepton_nb.show.colours import COLOURS
from lepton_nb.show.html import Markup, bold, code, coloured, joined, quiet
from lepton_nb.show.html import card as card_of
from lepton_nb.show.numbers import age, duration, sparkline

if TYPE_CHECKING:
    from lepton_nb.runs.run import Run


def best_text(run: Run) -> str:
    """``val_accuracy 0.9132``, or nothing where there is none yet."""
    return "" if run.best_value is None else f"{run.monitor} {run.best_value:.4g}"


def trend(run: Run) -> str:
    """The monitored metric as a sparkline."""
    try:
        history = run.history()
    except StoreError:
        return ""
    return sparkline(history[run.monitor][1]) if run.monitor in history else ""


def waiting(run: Run) -> str:
    """What a queued run waits for; nothing of others."""
    from lepton_nb.runs.queue import waits_for  # which knows runs, as they know this module

    try:
        return waits_for(run)
    except StoreError:
        return ""


def status_text(run: Run) -> str:
    return f"{STATES[run.status].symbol} {run.status}"


def status_html(run: Run) -> Markup:
    return coloured(status_text(run), COLOURS[STATES[run.status].kind])


def line(run: Run) -> str:
    """The run in one line."""
    parts = [
        f"{run.model} on {run.data}",
        waiting(run),
        f"epoch {run.epoch}/{run.epochs}",
        best_text(run),
        duration(run.seconds),
    ]
    return f"<Run {run.ref} {run.status}: {', '.join(part for part in parts if part)}>"


def _weights(run: Run) -> str:
    """What the model began with, where that is known."""
    try:
        return str(run.read_json("model.json", {}).get("weights", ""))
    except StoreError:
        return ""


def card(run: Run) -> str:
    """The run as a small card."""
    best = f"{best_text(run)} (step {run.best_step})" if run.best_value is not None else ""
    facts = {
        "model": run.model,
        "weights": _weights(run),
        "data": run.data,
        "queue": waiting(run),
        "epochs": f"{run.epoch} of {run.epochs}, {run.step} steps",
        "best": best,
        run.monitor: trend(run),
        "time": f"{duration(run.seconds)}, {age(run.created_at)}",
        "error": run.error or "",
        "tags": tags_text(run.tags),
        "notes": run.notes,
    }
    hint = f"%lepton resume {run.ref}" if run.status not in (*ACTIVE, "finished") else ""
    foot = quiet(code(hint), "div") if hint else None
    return card_of(joined([bold(run.ref), status_html(run)], " "), facts, foot)
