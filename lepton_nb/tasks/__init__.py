"""Tasks by name. A new task is one file here and one line in `_MODULES`."""

from __future__ import annotations

from importlib import import_module

from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.tasks.base import Codec, InputError, Measures, Task

__all__ = ["Codec", "InputError", "Measures", "Task", "get_task", "task_names"]

_MODULES = {
    "image-classification": "lepton_nb.tasks.image_classification:ImageClassification",
    "text-classification": "lepton_nb.tasks.text_classification:TextClassification",
    "tabular-classification": "lepton_nb.tasks.tabular:TabularClassification",
    "tabular-regression": "lepton_nb.tasks.tabular:TabularRegression",
}


def task_names() -> list[str]:
    return list(_MODULES)


def get_task(name: str) -> Task:
    """The task called `name`.

    Raises:
        ArgumentError: If there is none.
    """
    if name not in _MODULES:
        raise ArgumentError(f"There is no task {name!r}.", did_you_mean(name, _MODULES))
    module, _, attribute = _MODULES[name].partition(":")
    task: Task = getattr(import_module(module), attribute)()
    return task
