"""Runs side by side: the settings in which they differ, how they went, how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import ArgumentError
from lepton_nb.evaluation.history import epoch_series
from lepton_nb.plots.drawn import draw
from lepton_nb.plots.html import picture_html, plotly_html
from lepton_nb.plots.learning_curves import Series, compare_curves
from lepton_nb.plots.theme import Backend
from lepton_nb.runs import Run, RunStore
from lepton_nb.show.html import table
from lepton_nb.show.numbers import number

if TYPE_CHECKING:
    import pandas as pd

EVALUATION = "evaluation.json"


@dataclass
class Comparison:
    """Two or more runs beside each other.

    Attributes:
        runs: The runs, in the order they were given.
        series: Their metrics by epoch.
        backend: What the curves are drawn by when the comparison shows itself.
    """

    runs: list[Run]
    series: list[Series]
    backend: Backend = "matplotlib"

    def frame(self) -> pd.DataFrame:
        """One row a run: how it ended, the best value of its monitor, its last losses, its test metrics."""
        import pandas as pd

        rows = [_summary(run, series) for run, series in zip(self.runs, self.series, strict=True)]
        return pd.DataFrame(rows, index=pd.Index([run.ref for run in self.runs], name="run"))

    def config(self) -> pd.DataFrame:
        """The settings in which the runs differ, one row a setting and one column a run."""
        import pandas as pd

        settings = [_settings(run) for run in self.runs]
        names = list(dict.fromkeys(name for values in settings for name in values))
        rows = {name: [values.get(name) for values in settings] for name in names}
        differing = {name: values for name, values in rows.items() if any(v != values[0] for v in values)}
        columns = [run.ref for run in self.runs]
        table = pd.DataFrame.from_dict(differing, orient="index", columns=columns, dtype=object)
        return table.rename_axis("setting")

    def figure(self, backend: Backend | None = None) -> Any:
        """The learning curves of all runs, one colour a run."""
        named: Mapping[str, Series] = {
            run.ref: series for run, series in zip(self.runs, self.series, strict=True) if series
        }
        return draw(compare_curves(named), backend or self.backend)

    def __str__(self) -> str:
        differing = self.config()
        settings = "The settings are the same." if differing.empty else differing.to_string()
        return f"{self.frame().T.to_string()}\n\n{settings}"

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}

    def _repr_html_(self) -> str:
        parts = [_table(self.frame().T, ""), "<p><b>Settings that differ</b></p>"]
        differing = self.config()
        parts.append("<p>None.</p>" if differing.empty else _table(differing, "setting"))
        if any(self.series):
            figure = self.figure()
            shown = (
                plotly_html({"curves": figure})
                if self.backend == "plotly"
                else picture_html(figure, "curves")
            )
            parts.append(f'<div style="margin-top:10px">{shown}</div>')
        return f'<div style="max-width:100%">{"".join(parts)}</div>'


def compare(runs: Sequence[Run | str]) -> Comparison:
    """Put runs side by side.

    Args:
        runs: Two or more runs, or their names.

    Raises:
        NotFoundError: If there is no such run.
        ArgumentError: If there are fewer than two different ones.
    """
    if isinstance(runs, str | Run):
        raise ArgumentError("compare takes a list of runs.", 'compare(["a", "b"])')
    store = RunStore()
    found = [store.get_run(run) if isinstance(run, str) else run for run in runs]
    different = list({run.id: run for run in found}.values())
    if len(different) < 2:
        named = f"only {different[0].ref}" if different else "none"
        raise ArgumentError(
            f"Comparing takes two different runs or more; there is {named}.", "%lepton compare a b"
        )
    return Comparison(different, [epoch_series(run) for run in different])


def _summary(run: Run, series: Series) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "model": run.model,
        "data": run.data,
        "status": run.status,
        "epochs done": run.epoch,
    }
    summary[f"best {run.monitor}"] = run.best_value
    for name in ("train_loss", "val_loss"):
        if name in series:
            summary[f"last {name}"] = series[name][1][-1]
    for split, found in run.read_json(EVALUATION, default={}).items():
        summary |= {f"{split} {name}": value for name, value in found["metrics"].items()}
    return summary


def _settings(run: Run) -> dict[str, Any]:
    return {"model": run.model, "data": run.data, "task": run.task, **_flatten(run.params)}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _table(frame: pd.DataFrame, corner: str) -> str:
    rows = [
        (str(name), *(number(value) if isinstance(value, float) else str(value) for value in values))
        for name, values in zip(frame.index, frame.to_numpy().tolist(), strict=True)
    ]
    return table([corner, *map(str, frame.columns)], rows)
