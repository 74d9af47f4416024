"""A run without widgets: what one in training shows beside its panel, and what one that ended leaves."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import Any

from lepton_nb.callbacks.sinks import opened_by
from lepton_nb.packaging.restore import is_deployable, is_within_reach
from lepton_nb.plots.drawn import draw
from lepton_nb.plots.learning_curves import learning_curves
from lepton_nb.plots.theme import png, shown_size
from lepton_nb.runs import Run
from lepton_nb.runs.bundle import MIME, run_bundle
from lepton_nb.runs.states import PHASES, STATES
from lepton_nb.show.colours import COLOURS
from lepton_nb.show.html import Markup, bold, code, coloured, element, joined, table
from lepton_nb.show.numbers import duration, figure
from lepton_nb.show.words import metric_title, plural
from lepton_nb.widgets.curves import Curves
from lepton_nb.widgets.shown import Shown


def settled_bundle(state: Shown, curves: Curves) -> dict[str, Any]:
    """An ended run as text, as a page, as a picture of its curves, and as data for the lab to draw.

    In the page the picture is a PNG in a data URL: untrusted notebooks drop inline SVG, scripts and style
    sheets. The picture of its own is for what shows no page: a PDF, say.
    """
    drawn = _draw(state, curves)
    data = run_bundle(state.run, status=state.phase, summary=_remarks(state), next_=next_steps(state))
    bundle = {**_texts(state, PHASES[state.phase], summary_rows(state), drawn), MIME: data}
    return bundle if drawn is None else {**bundle, "image/png": drawn.png}


def unsettled_bundle(state: Shown, host: str) -> dict[str, Any]:
    """A run that has not ended: what a notebook saved now says of it where its live panel cannot be shown.

    Args:
        state: The run.
        host: The id under which its live panel looks for a place; the lab's own view of the run gives it one.
    """
    attach = f"%lepton attach {state.run.ref}"
    remarks = _remarks(state)
    data = run_bundle(state.run, summary=remarks, next_=[attach])
    title = f"{'Queued' if state.phase == 'queued' else 'In training'} when this was saved"
    epochs = ("Epochs", f"{state.epoch} of {state.epochs}")
    texts = _texts(state, title, [epochs, *remarks, ("See it now", attach)], None)
    return {**texts, MIME: {**data, "panel": host}}


def summary_rows(state: Shown) -> list[tuple[str, str]]:
    """Label and text of each line of the summary."""
    rows = []
    if state.best_value is not None and state.best_epoch is not None:
        best = f"{figure(state.best_value)} in epoch {state.best_epoch + 1}"
        rows.append((f"Best {metric_title(state.monitor)}", best))
    epochs = f"{state.epoch} of {plural(state.epochs, 'epoch')}"
    trained = f"{epochs}, {plural(state.step, 'step')} in {duration(state.elapsed)}"
    speed = state.metrics.get("items_per_second")
    rows.append(("Trained", trained + (f", {speed:,.0f} items/s" if speed else "")))
    if state.device_reason:
        rows.append(("Device", f"{state.device} ({state.device_reason})"))
    rows += _remarks(state)
    steps = next_steps(state) if state.run.attempt else []  # it never began: nothing to go on with
    return [*rows, ("Next", " · ".join(steps))] if steps else rows


def sink_rows(run: Run) -> list[tuple[str, str]]:
    """What shows where else the run is logged."""
    return [("Sink", line) for line in opened_by(run.params.get("sink"))]


def _remarks(state: Shown) -> list[tuple[str, str]]:
    """What no figure of the run tells."""
    reason = state.stop_reason
    said = [note for note in state.run.warnings[-3:] if note not in reason]
    return [
        *([("Ended by", reason)] if reason else []),
        *([("Autotune", state.run.live["autotune"].lines()[0])] if "autotune" in state.run.live else []),
        *(("Note", note) for note in said),
        ("On disk", str(state.run.path)),
        *sink_rows(state.run),
    ]


def next_steps(state: Shown) -> list[str]:
    """The lines one would type now."""
    name = state.run.name
    if not is_within_reach(state.run):
        if state.phase == "finished":
            return [f"lepton_nb.load_model({state.run.ref!r}, model=VARIABLE)"]
        return [f"%lepton resume {name} --model VARIABLE"]
    if state.phase == "finished":
        deploy = [f"%lepton deploy {name}"] if is_deployable(state.run) else []
        return [f"%lepton evaluate {name}", *deploy]
    if state.phase == "failed" and "%lepton resume" in state.stop_reason:
        return []  # it says what to change: the same line again would end the same way
    if state.phase == "failed" or state.best_value is None:
        return [f"%lepton resume {name}"]
    return [f"%lepton resume {name}", f"%lepton evaluate {name}"]


def _texts(state: Shown, title: str, rows: list[tuple[str, str]], picture: _Picture | None) -> dict[str, str]:
    about = f"{state.run.ref} · {state.run.model} on {state.data_name}"
    plain = "\n".join([f"{title}: {about}", *(f"  {label:<12} {value}" for label, value in rows)])
    return {"text/plain": plain, "text/html": _html(state, title, rows, picture)}


def _html(state: Shown, title: str, rows: list[tuple[str, str]], picture: _Picture | None) -> str:
    kind = STATES[state.phase].kind if state.phase in STATES else "live"
    about = f"{state.run.model} on {state.data_name}"
    head = [coloured(bold(title), COLOURS[kind]), bold(state.run.ref), about]
    shown = [element("p", joined(head, " &nbsp;"), "margin:4px 0 8px")]
    if picture is not None:
        shown.append(Markup(picture.html))
    lines = [(label, _commands(text)) for label, text in rows]
    return element("div", joined([*shown, table((), lines)]), "max-width:900px")


def _commands(text: str) -> str:
    """Lines to type set as code; other texts as they are."""
    return joined(map(code, text.split(" · ")), " &nbsp;·&nbsp; ") if text.startswith("%lepton") else text


@dataclass(frozen=True)
class _Picture:
    """The curves as a PNG, in base64."""

    png: str
    size: tuple[int, int]
    alt: str

    @property
    def html(self) -> str:
        return (
            f'<img alt="{escape(self.alt)}" width="{self.size[0]}" height="{self.size[1]}"'
            ' style="max-width: 100%; height: auto; border-radius: 6px"'
            f' src="data:image/png;base64,{self.png}"/>'
        )


def _draw(state: Shown, curves: Curves) -> _Picture | None:
    """The curves; None where nothing was logged yet."""
    series = _series(state, curves)
    if not series:
        return None
    best = None if state.best_epoch is None else state.best_epoch + 1
    drawn = draw(learning_curves(series, best_epoch=best))
    alt = f"Curves by epoch: {', '.join(metric_title(name) for name in series)}"
    return _Picture(base64.b64encode(png(drawn)).decode(), shown_size(drawn), alt)


def _series(state: Shown, curves: Curves) -> dict[str, tuple[list[float], list[float]]]:
    """The losses and the monitored metric by epoch; the loss of every step while no two epochs are done."""
    points = curves.to_dict()
    wanted = dict.fromkeys(("train_loss", "val_loss", state.monitor))
    found = {name: points[name] for name in wanted if name in points}
    if len(points.get("train_loss", {"x": []})["x"]) < 2 and "loss" in points:
        found = {"train_loss": points["loss"]}
    per_epoch = state.steps_per_epoch or 1
    return {name: ([step / per_epoch for step in line["x"]], line["y"]) for name, line in found.items()}
