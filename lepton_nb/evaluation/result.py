"""What an evaluation found: numbers, figures, and the items that went worst."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_nb.batch import Tree, picked, rows
from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.evaluation.scores import class_columns, class_scores
from lepton_nb.plots.theme import Backend
from lepton_nb.runs import Checkpoint
from lepton_nb.signature import Signature
from lepton_nb.tasks import Measures, Task

if TYPE_CHECKING:
    import pandas as pd

    from lepton_nb.plots.charts import Chart
    from lepton_nb.plots.learning_curves import Series

SHOWN_MISTAKES = 12


@dataclass(frozen=True)
class Mistake:
    """One item that the model got wrong.

    Attributes:
        index: Its position in the split.
        input: The real input: a picture, a sentence, a row; None where it cannot be told which it was.
        prediction: What the model says, in words.
        truth: What it should have said.
        error: How wrong that is: the cross-entropy of a class, the absolute error of a value.
        file: Its file, where it has one of its own: there a wrong label is put right.
        row: Its row in the table, or number in the data set, from 0.
    """

    index: int
    input: Any
    prediction: str
    truth: str
    error: float
    file: Path | str | None = None
    row: int | None = None


@dataclass
class EvaluationResult:
    """The numbers, figures and worst mistakes of a model on one split.

    Attributes:
        name: The run or the model.
        measures: All the numbers; see `metrics`, `frame` and `per_class`.
        preds: What was kept of the model's outputs, ``(N, ...)``.
        target: The truth, ``(N,)`` or ``(N, T)``, or a tree of arrays.
        errors: How wrong each item is, ``(N,)``; zero where it is right.
        raw: Gives an item as a person sees it; None where the items have no fixed order.
        origin: Gives the file, the name or the row of an item in what was read; None where nobody knows.
        backend: What the figures are drawn by when the result shows itself.
        importance: By column of a table how much the loss rises where it is shuffled; None where not asked.
    """

    name: str
    data_name: str
    split: str
    task: Task
    signature: Signature
    measures: Measures
    preds: Tree
    target: Tree
    errors: np.ndarray
    raw: Callable[[int], Any] | None = None
    origin: Callable[[int], Path | str | int] | None = None
    series: Series = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    seconds: float = 0.0
    backend: Backend = "matplotlib"
    importance: pd.DataFrame | None = None
    created_at: float = field(default_factory=time.time)

    @property
    def items(self) -> int:
        """How many were measured."""
        return rows(self.target)

    @property
    def metrics(self) -> dict[str, float]:
        """One number a metric, for example ``{"accuracy": 0.98}``."""
        return dict(self.measures.scalars)

    @property
    def labels(self) -> dict[str, str]:
        """The names of the metrics, also those of each class, for people."""
        return {name: self.task.label(name) for name in {**self.metrics, **self.measures.per_class}}

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know."""
        return list(self.measures.notes)

    def frame(self) -> pd.DataFrame:
        """The metrics as a table of one column, ``value``."""
        import pandas as pd

        return pd.DataFrame({"value": pd.Series(self.metrics, dtype="float64")}).rename_axis("metric")

    def per_class(self) -> pd.DataFrame:
        """The metrics of each class, one row a class; empty for a regression."""
        import pandas as pd

        if not self.measures.per_class:
            return pd.DataFrame()
        table = pd.DataFrame(self.measures.per_class, dtype="float64")
        table.index = pd.Index(self.signature.class_names, name="class")
        return table.astype({"support": "int64"}) if "support" in table else table

    def predictions(self) -> pd.DataFrame:
        """What the model says of every item, beside its file or row, the truth, the error and the scores.

        Of classes and labels each has a column with its probability.
        """
        import pandas as pd

        columns = {
            **self._origins(),
            "prediction": self.task.describe(self.preds, self.signature),
            "truth": self.task.describe_target(self.target, self.signature),
            "error": self.errors,
        }
        scores = class_scores(self.task, self.signature, self.preds)
        if scores is not None:
            columns |= dict(zip(class_columns(self.signature, columns), scores.T, strict=True))
        return pd.DataFrame(columns).rename_axis("index")

    def _origins(self) -> dict[str, list[Any]]:
        if self.origin is None:
            return {}
        found = [self.origin(i) for i in range(self.items)]
        return {"row": found} if isinstance(found[0], int) else {"file": list(map(str, found))}

    def worst(self, n: int = SHOWN_MISTAKES) -> list[Mistake]:
        """The `n` items that went worst, the worst first; fewer where fewer went wrong."""
        order = [int(i) for i in np.argsort(-self.errors, kind="stable")[:n] if self.errors[i] > 0]
        if not order:
            return []
        said = self.task.describe(picked(self.preds, order), self.signature)
        true = self.task.describe_target(picked(self.target, order), self.signature)
        return [
            Mistake(i, self._shown(i), prediction, truth, float(self.errors[i]), **self._place(i))
            for i, prediction, truth in zip(order, said, true, strict=True)
        ]

    def _place(self, index: int) -> dict[str, Any]:
        found = None if self.origin is None else self.origin(index)
        return {"row" if isinstance(found, int) else "file": found}

    def _shown(self, index: int) -> Any:
        """An item as a person sees it; None where it cannot be told which it was."""
        return None if self.raw is None else self.raw(index)

    @cached_property
    def charts(self) -> list[Chart]:
        """What there is to look at, as data: the task's charts, the learning curves, the worst items."""
        from lepton_nb.evaluation.importance import importance_chart
        from lepton_nb.evaluation.worst import worst_items
        from lepton_nb.plots.learning_curves import learning_curves

        charts = list(self._task_charts)
        if self.importance is not None:
            charts.append(importance_chart(self.importance))
        if self.series:
            best = None if self.checkpoint is None else self.checkpoint.epoch + 1
            charts.append(learning_curves(self.series, best_epoch=best))
        if self.raw is not None and (self.errors > 0).any():
            charts.append(worst_items(self))
        return charts

    @cached_property
    def _task_charts(self) -> list[Chart]:
        """Of many items and classes they take seconds to make."""
        return self.task.charts(self.measures, self.signature)

    @property
    def figure_names(self) -> list[str]:
        """What `figure` can draw."""
        return [chart.name for chart in self.charts]

    def figure(self, name: str, backend: Backend | None = None) -> Any:
        """One figure: a matplotlib ``Figure`` or a plotly one.

        Args:
            name: One of `figure_names`.
            backend: ``matplotlib`` or ``plotly``; the result's own where None.

        Raises:
            ArgumentError: If there is no such figure, or plotly is asked for and not installed.
        """
        from lepton_nb.plots.drawn import draw

        for chart in self.charts:
            if chart.name == name:
                return draw(chart, backend or self.backend)
        raise ArgumentError(f"There is no figure {name!r}.", did_you_mean(name, self.figure_names))

    def plotly(self) -> dict[str, Any]:
        """Every figure as an interactive one, by name.

        Raises:
            ArgumentError: If plotly is not installed.
        """
        return {name: self.figure(name, "plotly") for name in self.figure_names}

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON, which are not rounded, and the task's charts as the lab draws them."""
        from lepton_nb.plots.drawn.lab import lab_chart

        measures = self.measures
        point = self.checkpoint
        return {
            "data": self.data_name,
            "split": self.split,
            "items": self.items,
            "metrics": self.metrics,
            "labels": self.labels,
            "per_class": measures.per_class,
            "class_names": list(self.signature.class_names),
            **{name: measures.arrays[name].tolist() for name in measures.saved},
            "charts": [lab_chart(chart) for chart in self._task_charts],
            "notes": self.notes,
            "checkpoint": None if point is None else {"step": point.step, "epoch": point.epoch},
            "seconds": self.seconds,
            "created_at": self.created_at,
        }

    def save(self, folder: str | Path) -> Path:
        """Write ``evaluation.json``, ``predictions.csv`` and every figure into a folder, made if need be.

        Figures are PNG pictures, or pages where the result's backend is plotly.
        """
        place = Path(folder).expanduser()
        place.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        (place / "evaluation.json").write_text(text, encoding="utf-8")
        self.predictions().to_csv(place / "predictions.csv")
        for name in self.figure_names:
            figure = self.figure(name)
            if self.backend == "plotly":
                figure.write_html(place / f"{name}.html")
            else:
                figure.savefig(place / f"{name}.png")
        return place

    def __str__(self) -> str:
        from lepton_nb.evaluation.report import as_text

        return as_text(self)

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Text, a page, the first figure as a picture for what shows no page, data for the lab to draw."""
        from lepton_nb.evaluation.bundle import MIME, evaluation_bundle
        from lepton_nb.evaluation.report import as_html
        from lepton_nb.plots.theme import png

        bundle = {"text/plain": str(self), "text/html": as_html(self), MIME: evaluation_bundle(self)}
        if self.figure_names:
            bundle["image/png"] = base64.b64encode(
                png(self.figure(self.figure_names[0], "matplotlib"))
            ).decode()
        return bundle
