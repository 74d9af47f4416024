"""The text of the cells that do what the lab's menus say, so that a click can become part of a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lepton_nb.deployment.client import codec_of
from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.lab.reproduce import reproduce, word
from lepton_nb.runs import Run, RunStore

LOAD = "%load_ext lepton_nb"


@dataclass(frozen=True)
class Wish:
    """What a cell is wanted for. Empty where it is not said: a placeholder then stands there.

    Attributes:
        run: A run, as `RunStore.get_run` takes it; `runs` for several.
        deployment: Name of a service.
        model: Name of a model variable or a known model; `data` of a data variable or known data.
    """

    action: str
    run: str = ""
    runs: tuple[str, ...] = ()
    deployment: str = ""
    model: str = ""
    data: str = ""


def write_cells(store: RunStore, wish: Wish) -> list[str]:
    """The cells, the first one first.

    Raises:
        ArgumentError: If there is no such action, or it needs a run or a service.
        NotFoundError: If there is no such run.
    """
    if wish.action not in ACTIONS:
        raise ArgumentError(f"There are no cells for {wish.action!r}.", did_you_mean(wish.action, ACTIONS))
    return list(ACTIONS[wish.action](store, wish))


def short_ref(store: RunStore, ref: str) -> str:
    """How a line names the run: by its name alone where that means this one."""
    run = store.get_run(ref)
    return run.name if store.get_run(run.name).id == run.id else run.ref


def _run_line(command: str, placeholder: str = "RUN") -> Any:
    def write(store: RunStore, wish: Wish) -> list[str]:
        return [f"%lepton {command} {short_ref(store, wish.run) if wish.run else placeholder}"]

    return write


def _name_line(command: str) -> Any:
    """Of a service where one is named, else of a run."""

    def write(store: RunStore, wish: Wish) -> list[str]:
        if wish.deployment:
            return [f"%lepton {command} {wish.deployment}"]
        return [f"%lepton {command} {short_ref(store, wish.run) if wish.run else 'NAME'}"]

    return write


def _train(store: RunStore, wish: Wish) -> list[str]:
    if wish.run:
        run = store.get_run(wish.run)
        return [f"%lepton train {run.model} --data {word(run.data)} --name {run.name}"]
    return [f"%lepton train {wish.model or 'MyModel'} --data {wish.data or 'mydata'}"]


def _model(_: RunStore, wish: Wish) -> list[str]:
    name = wish.model or "MyModel"
    body = (
        f"from torch import nn\n\n\nclass {name}(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        ...\n\n    def forward(self, x):\n        ..."
    )
    return [f"%%lepton model {name} --data {wish.data or 'mydata'}\n{body}"]


def _data(_: RunStore, wish: Wish) -> list[str]:
    return [f"%lepton data {wish.data or 'mydata'} --from path/to/data"]


def _evaluate(store: RunStore, wish: Wish) -> list[str]:
    if not wish.run and wish.model:
        return [f"%lepton evaluate {wish.model} --data {wish.data or 'mydata'}"]
    return list(_run_line("evaluate")(store, wish))


def _predict(store: RunStore, wish: Wish) -> list[str]:
    name = wish.deployment or (short_ref(store, wish.run) if wish.run else "NAME")
    return [f"%lepton predict {name} {_sample_of(store, wish)}"]


def _sample_of(store: RunStore, wish: Wish) -> str:
    """An input of the model, to be written over."""
    if wish.deployment:
        record = store.get_deployment(wish.deployment)
        folder = store.get_package(record.package, record.version).path
    elif wish.run:
        folder = store.get_run(wish.run).path
    else:
        return "INPUT"
    known = (folder / "signature.json").is_file()  # a run has it once its training has begun
    return codec_of(folder).form.sample if known else "INPUT"


def _compare(store: RunStore, wish: Wish) -> list[str]:
    runs = [short_ref(store, ref) for ref in wish.runs or (wish.run,) if ref]
    return [f"%lepton compare {' '.join(runs) or 'RUN RUN'}"]


def _get(store: RunStore, wish: Wish) -> list[str]:
    if wish.deployment:
        return [
            f"import lepton_nb\n\nservice = lepton_nb.get_deployment({json.dumps(wish.deployment)})\nservice"
        ]
    ref = short_ref(store, wish.run) if wish.run else "RUN"
    return [f"import lepton_nb\n\nrun = lepton_nb.get_run({json.dumps(ref)})\nrun"]


def _reproduce(store: RunStore, wish: Wish) -> list[str]:
    if not wish.run:
        raise ArgumentError("It is not said which run to reproduce.", "?action=reproduce&run=cnn")
    run: Run = store.get_run(wish.run)
    return [LOAD, *reproduce(run)]


ACTIONS: Mapping[str, Any] = {
    "data": _data,
    "model": _model,
    "train": _train,
    "evaluate": _evaluate,
    "deploy": _run_line("deploy"),
    "predict": _predict,
    "resume": _run_line("resume"),
    "attach": _run_line("attach"),
    "compare": _compare,
    "logs": _name_line("logs"),
    "stop": _name_line("stop"),
    "rollback": _name_line("rollback"),
    "get": _get,
    "reproduce": _reproduce,
}
