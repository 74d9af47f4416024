"""A run as the cells that train it again: its data, its model's source, and its settings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from typing import Any

from lepton_nb.data.sources import Source, sources
from lepton_nb.data.splitting import split_method
from lepton_nb.runs import Run
from lepton_nb.training import TrainConfig

_PLAIN = re.compile(r"[^\s\"';{}]+")
_NAMES = re.compile(r"\W+")


def reproduce(run: Run) -> list[str]:
    """The cells, without the one that loads the extension. What is not on disk is named in a comment."""
    data = variable(run.data)
    own: dict[str, Any] = run.read_json("own.json", {}) or {}
    model_cells, model = _model_cells(run, data, instance=bool(own.get("optimizer")))
    extra_cells, extra = _own_cells(own, model)
    decided = [kind for kind in ("optimizer", "scheduler") if own.get(kind)]
    options = [*extra, *_setting_options(run, decided)]
    train = " ".join([f"%lepton train {model} --data {data} --name {run.name}", *options])
    return [_data_cell(run, data), *model_cells, *extra_cells, train]


def variable(name: str) -> str:
    """A Python name for something of that name."""
    made = _NAMES.sub("_", name).strip("_") or "data"
    return made if not made[0].isdigit() else f"_{made}"


def _data_cell(run: Run, name: str) -> str:
    spec: dict[str, Any] | None = run.read_json("data.json")
    if spec is None:
        return (
            f"# {run.data!r} was only in the memory of the notebook that trained {run.ref}. "
            "Make it again here:\n"
            f"{name} = ..."
        )
    if spec.get("split") != split_method(run.task):  # what `%lepton data` reads is split another way since
        return f"import lepton_nb.data\n\n{name} = lepton_nb.data.from_spec({spec!r})\n{name}"
    source = sources().get(spec["source"])
    if source is None:
        return f"# {run.data!r} was read as {spec['source']!r}, which nothing here reads:\n{name} = ..."
    options = {key: value for key, value in spec["options"].items() if key != "name"}
    words = source.options.words(options)
    if words is not None and name == run.data:
        return " ".join(["%lepton data", name, *map(word, [*_which(spec, source, words), *words])])
    arguments = {"name": run.data, **source.options.unusual(options)}
    written = "".join(f", {key}={value!r}" for key, value in arguments.items())
    call = f"lepton_nb.data.{source.name}({spec['where']!r}{written})"
    return f"import lepton_nb.data\n\n{name} = {call}\n{name}"


def _which(spec: Mapping[str, Any], source: Source[Any], words: list[str]) -> list[str]:
    """What says on the line where the data are and, where that is needed, for which task."""
    if source.comes_along:
        return []
    task = spec.get("task")
    asked = ["--task", str(task)] if task is not None and "--task" not in words else []
    return ["--from", str(spec["where"]), *asked]


def _model_cells(run: Run, data: str, *, instance: bool) -> tuple[list[str], str]:
    """Cells that define the model, and the word for it on the line that trains it."""
    spec: dict[str, Any] = run.read_json("model.json") or {"kind": "live", "missing": []}
    name = str(spec.get("name") or run.model)
    if spec["kind"] == "source":
        expression, source = spec["expression"], (spec["source"] or run.read_text("source.py") or "").strip()
        if instance:
            return [f"{source}\n\n\nmodel = {expression}"], "model"
        if expression == f"{name}()":
            return [f"%%lepton model {name} --data {data}\n{source}"], name
        factory = f"def make_model():\n    return {expression}"
        return [f"%%lepton model make_model --data {data}\n{source}\n\n\n{factory}"], "make_model"
    if spec["kind"] == "live":
        reasons = "; ".join(spec.get("missing") or []) or "its source was not captured"
        return [f"# {name} cannot be written down: {reasons}. Make it again here:\nmodel = ..."], "model"
    return _library_cells(spec, spec.get("given") or name, data)


def _library_cells(spec: Mapping[str, Any], name: str, data: str) -> tuple[list[str], str]:
    """The cell that names a library's model with its weights, where the line that trains it cannot."""
    weights = spec.get("weights")
    if spec["kind"] == "starter" or weights in (None, "", "random") or name == f"hf:{weights}":
        return [], name
    return [f"%lepton model {name} --data {data} --weights {weights} --name model"], "model"


def _own_cells(own: Mapping[str, Any], model: str) -> tuple[list[str], list[str]]:
    """Cells that make the user's own optimizer and loss again, and the options that name them."""
    cells, options = [], []
    for kind, name, module in (("optimizer", "optimizer", "optim"), ("loss", "criterion", "nn")):
        described = own.get(kind)
        if not described:
            continue
        first = f"{model}.parameters()" if kind == "optimizer" else ""
        if described.get("kwargs") is None:
            text = f"# The run used your own {described['class']}. Make it again here:\n{name} = ..."
        else:
            given = ", ".join(filter(None, [first, *(f"{k}={v!r}" for k, v in described["kwargs"].items())]))
            text = f"import torch\n\n{name} = torch.{module}.{described['class']}({given})"
        cells.append(text)
        options.append(f"--{kind} {name}")
    for kind in ("scheduler", "step"):
        if described := own.get(kind):
            cells.append(f"# The run used your own {described['class']}. Make it again here:\n{kind} = ...")
            options.append(f"--{kind} {kind}")
    for name in own.get("metrics") or []:
        cells.append(f"# The run measured {name!r} by your own metric. Make it again here:\n{name} = ...")
        options.append(f"--metric {name}")
    return cells, options


def _setting_options(run: Run, decided: Collection[str]) -> list[str]:
    """Every setting that is not the default, and the epochs and the seed in any case.

    Args:
        decided: What objects of the user's decide in place of a setting.
    """
    given = run.read_json("config.json", run.params)
    options = []
    for field in dataclasses.fields(TrainConfig):
        value = given.get(field.name, field.default)
        if value is None or (value == field.default and field.name not in ("epochs", "seed")):
            continue
        if field.name in decided or (field.name == "schedule" and "scheduler" in decided):
            continue
        flag = field.name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            options.append(f"--{flag} {word(str(value))}")
    return options


def word(text: str) -> str:
    """`text` as one word of a magic line."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
