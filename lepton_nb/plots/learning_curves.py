"""Learning curves: how losses and metrics went from epoch to epoch, of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lepton_nb.plots.charts import Line, Lines, Mark, Panels

Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Values by metric name: ``{"val_loss": (epochs, values)}``."""

_SPLITS = {"train": "training", "val": "validation"}
_COLOURS = {"train": 1, "val": 0}


def learning_curves(series: Series, *, best_epoch: float | None = None) -> Panels:
    """One panel for the loss and one for each metric; training and validation share a panel.

    Args:
        series: Values of one run, by names such as ``train_loss``, ``val_loss``, ``val_accuracy``.
        best_epoch: The epoch to mark as the best, if any.
    """
    marks = () if best_epoch is None else (Mark(x=best_epoch, label="best"),)
    panels = {
        metric: [
            _line(series[name], name, _SPLITS[_split_of(name)], _COLOURS[_split_of(name)]) for name in names
        ]
        for metric, names in _by_metric(series).items()
    }
    return _panels(panels, marks)


def compare_curves(runs: Mapping[str, Series]) -> Panels:
    """The same panels with one colour a run: validation drawn through, training dashed.

    Args:
        runs: The series of each run, by its name.
    """
    metrics = _by_metric({name: values for series in runs.values() for name, values in series.items()})
    panels = {
        metric: [
            _line(series[name], name, run, number, listed=_split_of(name) == "val" or len(names) == 1)
            for number, (run, series) in enumerate(runs.items())
            for name in names
            if name in series
        ]
        for metric, names in metrics.items()
    }
    return _panels(panels)


def _by_metric(series: Series) -> dict[str, list[str]]:
    """Names by metric without the split, the loss first: ``{"loss": ["train_loss", "val_loss"], ...}``."""
    found: dict[str, list[str]] = {}
    for name in sorted(series, key=lambda name: ("loss" not in name, _split_of(name) == "val")):
        if any(name.startswith(f"{split}_") for split in _SPLITS):
            found.setdefault(name.partition("_")[2], []).append(name)
    return found


def _split_of(name: str) -> str:
    return "train" if name.startswith("train_") else "val"


def _line(
    points: tuple[Sequence[float], Sequence[float]],
    name: str,
    label: str,
    colour: int,
    *,
    listed: bool = True,
) -> Line:
    x, y = points
    dashed = _split_of(name) == "train"
    return Line(name=label, x=x, y=y, colour=colour, dashed=dashed, listed=listed)


def _panels(panels: Mapping[str, list[Line]], marks: tuple[Mark, ...] = ()) -> Panels:
    charts = (
        Lines(
            name=metric,
            title=metric.replace("_", " ").capitalize(),
            lines=tuple(lines),
            x="epoch",
            marks=marks,
        )
        for metric, lines in panels.items()
    )
    return Panels(name="learning_curves", title="Learning curves", panels=tuple(charts))
