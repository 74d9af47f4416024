"""TensorBoard: one folder of event files a run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from lepton_nb.callbacks.base import LogRow
from lepton_nb.callbacks.sinks.base import End, Sink
from lepton_nb.runs import Run, home


class TensorBoardSink(Sink):
    """Writes scalars under ``train/``, ``val/`` and the rest as it is, and the settings as text.

    The place is the folder that ``tensorboard --logdir`` gets, the run store's ``tensorboard`` by default.
    """

    @property
    def folder(self) -> Path:
        return Path(self.place).expanduser().absolute() if self.place else home() / "tensorboard"

    def opened_by(self) -> str:
        return f"tensorboard --logdir {shlex.quote(str(self.folder))}"

    def open(self, run: Run, from_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        purge = from_step + 1 if from_step else None  # what an attempt before logged beyond the checkpoint
        self._writer: Any = SummaryWriter(self.folder / run.ref, purge_step=purge)
        settings = json.dumps(run.params, indent=2)
        self._writer.add_text("settings", f"    {settings}".replace("\n", "\n    "))

    def write(self, rows: list[LogRow]) -> None:
        for step, _, metrics in rows:
            for name, value in metrics.items():
                self._writer.add_scalar(tag(name), value, step)
        self._writer.flush()

    def close(self, end: End) -> None:  # noqa: ARG002
        self._writer.close()


def tag(name: str) -> str:
    """The tag of a metric: ``val/accuracy`` of ``val_accuracy``, ``train/loss`` of ``loss``."""
    if name == "loss":
        return "train/loss"
    split, _, rest = name.partition("_")
    if split == "train":
        return f"train/epoch_{rest}"
    return f"val/{rest}" if split == "val" else name
