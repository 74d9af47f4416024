"""What a search has found: its trials, which are runs of the store, as a table and a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lepton_nb.errors import NotFoundError, did_you_mean
from lepton_nb.plots.coordinates import Axis, parallel_coordinates
from lepton_nb.plots.drawn import draw
from lepton_nb.plots.html import picture_html
from lepton_nb.runs import Run, RunStore
from lepton_nb.show.html import bold, code, element, joined, quiet, table
from lepton_nb.show.numbers import number
from lepton_nb.training.majority import note_of
from lepton_nb.training.space import Dimension, parse_space, space_text

if TYPE_CHECKING:
    import pandas as pd

TAG = "study"
RECORD = "trial.json"
State = Literal["complete", "pruned", "failed", "interrupted"]


@dataclass
class Trial:
    """One trial.

    Attributes:
        params: The settings that were drawn.
        value: The best value of the monitored metric; None where there is none.
        values: The monitored metric after each epoch.
    """

    run: Run
    params: dict[str, Any]
    state: State
    value: float | None
    values: list[float]


@dataclass
class Study:
    """A search over settings.

    Attributes:
        monitor: The metric that trials are ranked by, better as `mode` says.
        wanted: How many trials there shall be in all.
        ended: Why the search ended; empty while it goes on.
        refused: The settings of trials that could not begin, and why.
    """

    name: str
    space: list[Dimension]
    monitor: str
    mode: Literal["min", "max"]
    wanted: int
    trials: list[Trial] = field(default_factory=list)
    ended: str = ""
    refused: list[str] = field(default_factory=list)

    @property
    def ranked(self) -> list[Trial]:
        """The trials with a value, the best first."""
        sign = 1.0 if self.mode == "min" else -1.0
        valued = [trial for trial in self.trials if trial.value is not None and math.isfinite(trial.value)]
        return sorted(valued, key=lambda trial: sign * (trial.value or 0.0))

    @property
    def best(self) -> Run:
        """The run of the best trial.

        Raises:
            NotFoundError: If no trial has a value.
        """
        return self._first().run

    @property
    def best_params(self) -> dict[str, Any]:
        """The settings of the best trial."""
        return self._first().params

    @property
    def counted(self) -> int:
        """Trials that are done; an interrupted one is not."""
        return sum(trial.state != "interrupted" for trial in self.trials)

    @property
    def notes(self) -> list[str]:
        """What a reader of the ranking must know."""
        said = note_of(self.ranked[0].run, self.ranked[0].value) if self.ranked else None
        unmade = [f"{len(self.refused)} trials could not begin, as {self.refused[0]}"] if self.refused else []
        return [*unmade, *([] if said is None else [said])]

    def frame(self) -> pd.DataFrame:
        """One row a trial, in the order they ran."""
        import pandas as pd

        rows = [
            {"run": trial.run.ref, **trial.params, self.monitor: trial.value, "state": trial.state}
            | {"epochs": trial.run.epoch, "seconds": trial.run.seconds}
            for trial in self.trials
        ]
        columns = ["run", *(part.name for part in self.space), self.monitor, "state", "epochs", "seconds"]
        return pd.DataFrame(rows, columns=columns)

    def figure(self) -> Any:
        """Parallel coordinates: one line a trial through its settings to its result."""
        axes = [Axis(part.name, part.choices, log=part.log) for part in self.space]
        lines = [[*(trial.params[part.name] for part in self.space), trial.value] for trial in self.ranked]
        return draw(parallel_coordinates([*axes, Axis(self.monitor)], lines[::-1]))

    def __str__(self) -> str:
        rows = [
            f"  {trial.run.ref:<14} {number(trial.value):>9}  {settings_text(trial.params)}"
            for trial in self.ranked[:5]
        ]
        return "\n".join([self._headline(), *self.notes, *rows, *([self._next()] if rows else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        header = ["run", *(part.name for part in self.space), self.monitor, "", "epochs"]
        rows = [
            (
                t.run.ref,
                *(_shown(t.params[p.name]) for p in self.space),
                number(t.value),
                t.state,
                t.run.epoch,
            )
            for t in self.ranked[:10]
        ]
        picture = picture_html(self.figure(), f"Parallel coordinates of {self.name}") if self.ranked else ""
        notes = joined(element("p", said, "margin:4px 0") for said in self.notes)
        more = len(self.trials) - len(rows)
        rest = quiet(f"and {more} more: study.frame()", "p") if more > 0 and rows else ""
        command = element("div", code(self._next())) if self.ranked else ""
        head = element("p", bold(self._headline()), "margin:4px 0 8px")
        return f"<div>{head}{notes}{picture}{table(header, rows) if rows else ''}{rest}{command}</div>"

    def _headline(self) -> str:
        pruned = sum(trial.state == "pruned" for trial in self.trials)
        failed = sum(trial.state == "failed" for trial in self.trials)
        notes = [f"{pruned} pruned"] * bool(pruned) + [f"{failed} failed"] * bool(failed)
        counts = f"{self.counted} of {self.wanted} trials" + (f" ({', '.join(notes)})" if notes else "")
        best = ""
        if self.ranked:
            first = self.ranked[0]
            best = f", best {self.monitor} {number(first.value)} with {settings_text(first.params)}"
        ended = f"; {self.ended}" if self.ended else ""
        return f"Search {self.name}: {counts}{best}{ended}"

    def _next(self) -> str:
        return f"%lepton evaluate {self.best.ref}"

    def _first(self) -> Trial:
        if not self.ranked:
            raise NotFoundError(f"Search {self.name!r} has no trial with a value of {self.monitor}.")
        return self.ranked[0]


def find_study(name: str) -> Study:
    """A search as the store knows it: every trial is a run with the tag ``study``.

    Raises:
        NotFoundError: If there is none of that name; says the nearest.
    """
    store = RunStore()
    runs = [run for run in store.list_runs() if TAG in run.tags]
    mine = sorted((run for run in runs if run.tags[TAG] == name), key=lambda run: run.number)
    mine = [run for run in mine if run.read_json(RECORD)]
    if not mine:
        names = dict.fromkeys(run.tags[TAG] for run in runs)
        raise NotFoundError(
            f"There is no search {name!r}.", did_you_mean(name, names) or "%lepton tune makes one."
        )
    about = mine[-1].read_json(RECORD)
    space = parse_space(about["space"])
    return Study(name, space, mine[-1].monitor, mine[-1].mode, about["wanted"], list(map(as_trial, mine)))


def as_trial(run: Run) -> Trial:
    """The trial that a run was."""
    history, kept = run.history(), run.read_json(RECORD)
    values = history[run.monitor][1] if run.monitor in history else []
    state = kept.get("state", "failed" if run.status == "failed" else "interrupted")
    return Trial(run, kept["params"], state, run.best_value, values)


def record(study: Study, params: dict[str, Any]) -> dict[str, Any]:
    """What a trial's run keeps of the search."""
    return {"space": space_text(study.space), "params": params, "wanted": study.wanted}


def settings_text(params: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in params.items())


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
