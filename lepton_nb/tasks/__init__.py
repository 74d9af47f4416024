"""Tasks by name, found rather than listed: see `lepton_nb.tasks.base` for how to add one."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from importlib.metadata import entry_points

from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.tasks.base import Codec, InputError, Measures, Task

__all__ = ["ENTRY_POINTS", "Codec", "InputError", "Measures", "Task", "get_task", "task_names"]

ENTRY_POINTS = "lepton_nb.tasks"
"""Entry point group by which other packages add tasks; the entry's name is the task's."""


def task_names() -> list[str]:
    """Every task there is, by name: those of this package, then those of other packages."""
    own = sorted(_own_tasks())
    return own + sorted({entry.name for entry in entry_points(group=ENTRY_POINTS)} - set(own))


def get_task(name: str) -> Task:
    """The task called `name`.

    Raises:
        ArgumentError: If there is none, or the package that brings it cannot be imported.
    """
    own = _own_tasks()
    if name in own:
        return own[name]()
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        try:
            task: Task = entry.load()()
        except Exception as error:
            source = entry.dist.name if entry.dist else entry.value
            raise ArgumentError(f"The task {name!r} of {source} cannot be loaded: {error}") from error
        return task
    raise ArgumentError(f"There is no task {name!r}.", did_you_mean(name, task_names()))


def _own_tasks() -> dict[str, type[Task]]:
    """The concrete tasks defined in the modules and folders of this package."""
    found: dict[str, type[Task]] = {}
    for info in pkgutil.iter_modules(__path__, prefix=f"{__name__}."):
        module = import_module(info.name)
        for value in vars(module).values():
            if not (inspect.isclass(value) and issubclass(value, Task)) or inspect.isabstract(value):
                continue
            if f"{value.__module__}.".startswith(f"{module.__name__}."):  # a file, or a folder of several
                found[value.name] = value
    return found
