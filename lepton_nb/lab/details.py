"""One run in full: settings, history, hardware, log; and runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton_nb.errors import ArgumentError
from lepton_nb.lab.views import checkpoint_view, package_view, run_view
from lepton_nb.runs import History, Run, RunStore
from lepton_nb.runs.history import Series
from lepton_nb.runs.overview import thin_curve
from lepton_nb.runs.samples import read_samples

EVALUATION = "evaluation.json"
_TAIL = 512 << 10  # bytes at the end of a log that are looked at


def run_detail(store: RunStore, ref: str) -> dict[str, Any]:
    """Everything about a run but the points of its history.

    Raises:
        NotFoundError: If there is no such run.
    """
    run = store.get_run(ref)
    packages = [record for record in store.list_packages() if record.run_id == run.id]
    served = {(record.name, record.version) for record in packages}
    return {
        "run": run_view(run),
        "config": run.params,
        "environment": run.read_json("environment.json", {}),
        "signature": run.read_json("signature.json"),
        "source": run.read_text("source.py"),
        "checkpoints": [checkpoint_view(checkpoint) for checkpoint in run.checkpoints()],
        "metrics": _summary(run.history()),
        "evaluations": run.read_json(EVALUATION, {}),
        "packages": [package_view(record) for record in packages],
        "deployments": [d.name for d in store.list_deployments() if (d.package, d.version) in served],
        "folder": str(run.path),
    }


@dataclass(frozen=True)
class Cursor:
    """How far somebody has read a history.

    A step alone would not do: validation is logged at the step of the last training step, but later.

    Attributes:
        step: The newest step read; later points are not of an earlier one.
        time: When the newest point read was logged.
    """

    step: int = -1
    time: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` wrote; the start where empty.

        Raises:
            ArgumentError: If it is none.
        """
        if not text:
            return cls()
        step, _, time = text.partition(":")
        try:
            return cls(int(step), float(time))
        except ValueError:
            raise ArgumentError(f"after is {text!r}, expected the cursor of an earlier answer.") from None

    def __str__(self) -> str:
        return f"{self.step}:{self.time!r}"


def run_history(
    store: RunStore, ref: str, names: Sequence[str], points: int, after: Cursor
) -> dict[str, Any]:
    """The points of some metrics, or all, that were logged after the cursor, each thinned to `points`."""
    run = store.get_run(ref)
    history = run.history()
    wanted = [name for name in names if name in history] if names else list(history)
    read = {name: history.series(name, from_step=after.step, after=after.time) for name in wanted}
    step = max((series[0][-1] for series in read.values() if series[0]), default=after.step)
    time = max((max(series[3]) for series in read.values() if series[3]), default=after.time)
    series = {name: _series(found, points) for name, found in read.items() if found[0] or after == Cursor()}
    known = {"step": run.step, "steps_per_epoch": run.vitals.get("steps_per_epoch")}
    return {"series": series, **known, "cursor": str(Cursor(step, time))}


def run_hardware(store: RunStore, ref: str, points: int) -> dict[str, Any]:
    """What the machine did while the run trained, by name; thinned to `points`."""
    series = {}
    for name, (times, values) in read_samples(store.get_run(ref)).items():
        kept = thin_curve(values, points)
        series[name] = {"time": [times[i] for i in kept], "value": [values[i] for i in kept]}
    return {"series": series}


def run_log(store: RunStore, ref: str, lines: int) -> dict[str, Any]:
    """The last lines of a run's log."""
    return {"text": tail(store.get_run(ref).log_path, lines)}


def compare_runs(store: RunStore, refs: Sequence[str], names: Sequence[str], points: int) -> dict[str, Any]:
    """Runs beside each other: the settings in which they differ, and their curves.

    Raises:
        ArgumentError: If no run is named.
        NotFoundError: If there is no such run.
    """
    if not refs:
        raise ArgumentError("No runs are named.", "?runs=a,b")
    runs = list({run.id: run for run in map(store.get_run, refs)}.values())
    histories = [run.history() for run in runs]
    wanted = list(names) or list(dict.fromkeys(name for history in histories for name in history))
    settings = [_settings(run) for run in runs]
    rows = [
        (name, [values.get(name) for values in settings])
        for name in dict.fromkeys(name for values in settings for name in values)
    ]
    alike = {name for name, values in rows if all(value == values[0] for value in values)}
    return {
        "runs": [run_view(run) for run in runs],
        "differing": [{"name": name, "values": values} for name, values in rows if name not in alike],
        "same": [{"name": name, "value": values[0]} for name, values in rows if name in alike],
        "series": {
            name: [_series(h.series(name), points) if name in h else None for h in histories]
            for name in wanted
        },
        "evaluations": [run.read_json(EVALUATION, {}) for run in runs],
    }


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file; nothing where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:]) if lines > 0 else ""


def _summary(history: History) -> dict[str, Any]:
    found = {}
    for name in history:
        values = history[name][1]
        finite = [value for value in values if value == value]
        found[name] = {
            "last": values[-1] if values else None,
            "min": min(finite, default=None),
            "max": max(finite, default=None),
            "points": len(values),
        }
    return found


def _series(series: Series, points: int) -> dict[str, Any]:
    steps, epochs, values, times = series
    kept = thin_curve(values, points)
    columns: dict[str, list[Any]] = {"step": steps, "epoch": epochs, "value": values, "time": times}
    return {column: [content[place] for place in kept] for column, content in columns.items()}


def _settings(run: Run) -> dict[str, Any]:
    """What made the run: its settings by dotted name, and what they were applied to."""
    return {"model": run.model, "data": run.data, "task": run.task, **_flat(run.params, "")}


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
