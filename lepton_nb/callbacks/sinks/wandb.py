"""Weights & Biases: the run as a run of a project, online or, with ``WANDB_MODE=offline``, on disk."""

from __future__ import annotations

from typing import Any

from lepton_nb.callbacks.base import LogRow
from lepton_nb.callbacks.sinks.base import End, Sink
from lepton_nb.runs import Run

_PROJECT = "lepton_nb"


class WandbSink(Sink):
    """Logs to a run of its own with the run's id, so that a resumed run goes on in it.

    The place is a project, or ``entity/project``.
    """

    def open(self, run: Run, from_step: int) -> None:  # noqa: ARG002
        import wandb

        entity, _, project = (self.place or _PROJECT).rpartition("/")
        self._run: Any = wandb.init(
            project=project,
            entity=entity or None,
            id=run.id,
            name=run.ref,
            config={**run.params, "model": run.model, "data": run.data, "task": run.task},
            tags=[f"{key}={value}" if value else key for key, value in run.tags.items()],
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )

    def write(self, rows: list[LogRow]) -> None:
        for step, epoch, metrics in rows:
            self._run.log({**metrics, "epoch": epoch}, step=step)

    def close(self, end: End) -> None:
        self._run.finish(exit_code=0 if end == "finished" else 1)
