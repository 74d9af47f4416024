"""Copies of a run's metrics for TensorBoard, MLflow and Weights & Biases, beside the run store's own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from lepton_nb.callbacks.sinks.base import Sink, SinkCallback
from lepton_nb.errors import ArgumentError, did_you_mean

__all__ = ["SINKS", "Sink", "SinkCallback", "check_sinks", "make_sinks", "opened_by"]

SINKS = {
    "tensorboard": "lepton_nb.callbacks.sinks.tensorboard:TensorBoardSink",
    "mlflow": "lepton_nb.callbacks.sinks.mlflow:MlflowSink",
    "wandb": "lepton_nb.callbacks.sinks.wandb:WandbSink",
}
"""What ``--sink`` takes; each is also the name of the package it needs, and of the extra that installs it."""


def check_sinks(spec: str | None) -> None:
    """Refuse a sink that there is not, or whose package is not installed, before anything is trained.

    Raises:
        ArgumentError: With the line that installs it.
    """
    for name, _ in _parse(spec):
        if name not in SINKS:
            raise ArgumentError(f"There is no sink {name!r}.", did_you_mean(name, SINKS))
        if find_spec(name) is None:
            raise ArgumentError(
                f"--sink {name} needs {name}, which is not installed.", f"pip install 'lepton-nb[{name}]'"
            )


def make_sinks(spec: str | None) -> list[SinkCallback]:
    """The callbacks for ``--sink``.

    Args:
        spec: Names with commas between them, each with a place after a colon if it is not the usual one:
            ``tensorboard``, ``tensorboard:logs``, ``mlflow:http://127.0.0.1:5000``, ``wandb:my-project``.

    Raises:
        ArgumentError: If one cannot be used.
    """
    check_sinks(spec)
    return [SinkCallback(name, _sink(name, place)) for name, place in _parse(spec)]


def opened_by(spec: str | None) -> list[str]:
    """The lines that show what the sinks write, with the place, of those that have one."""
    lines = [_sink(name, place).opened_by() for name, place in _parse(spec) if name in SINKS]
    return [line for line in lines if line]


def _sink(name: str, place: str | None) -> Sink:
    module, kind = SINKS[name].split(":")
    made: Sink = getattr(import_module(module), kind)(place)
    return made


def _parse(spec: str | None) -> list[tuple[str, str | None]]:
    parts = [part.strip().partition(":") for part in (spec or "").split(",") if part.strip()]
    return [(name, place or None) for name, _, place in parts]
