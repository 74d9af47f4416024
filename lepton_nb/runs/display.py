"""How a run looks in a notebook and in a terminal; in light and in dark."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from lepton_nb.errors import StoreError
from lepton_nb.runs.notes import tags_text
from lepton_nb.show.numbers import age, duration, sparkline

if TYPE_CHECKING:
    from lepton_nb.runs.run import Run

_SYMBOLS = {
    "queued": "◌",
    "running": "▶",
    "paused": "‖",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "interrupted": "!",
}
# Readable on white and on black alike; everything else takes the page's own colour.
_COLOURS = {
    "queued": "#8b6fd6",
    "running": "#2f81f7",
    "paused": "#b7791f",
    "finished": "#2b9348",
    "stopped": "inherit",
    "failed": "#e5484d",
    "interrupted": "#e0701a",
}


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
    return f"{_SYMBOLS[run.status]} {run.status}"


def status_html(run: Run) -> str:
    return f'<span style="color:{_COLOURS[run.status]};white-space:nowrap">{status_text(run)}</span>'


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
    cells = "".join(
        f'<span style="opacity:.65">{html.escape(name)}</span><span>{html.escape(value)}</span>'
        for name, value in facts.items()
        if value
    )
    hint = f"%lepton resume {run.ref}" if run.status in ("interrupted", "stopped", "failed") else ""
    foot = f'<div style="opacity:.65;margin-top:6px"><code>{html.escape(hint)}</code></div>' if hint else ""
    return (
        '<div style="display:inline-block;color:inherit;border:1px solid rgba(128,128,128,.4);'
        'border-radius:6px;padding:8px 14px;font-size:13px;line-height:1.5">'
        f"<div><b>{html.escape(run.ref)}</b> &nbsp;{status_html(run)}</div>"
        f'<div style="display:grid;grid-template-columns:auto auto;gap:0 14px;margin-top:4px">{cells}</div>'
        f"{foot}</div>"
    )
