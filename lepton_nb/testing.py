"""A conformance suite for tasks: what every kind of problem must do, checked on a little data of its own.

For whoever adds a task, in this package or another::

    from lepton_nb.testing import check_task


    def test_my_task_conforms():
        check_task(my_tiny_bundle())

It trains nothing and starts no service: a batch goes through the whole contract, from the loader to the
answer of an exported graph.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lepton_nb.batch import Batch, cut, joined, leaves
from lepton_nb.data import DataBundle
from lepton_nb.evaluation.collecting import collect
from lepton_nb.models import ModelSpec
from lepton_nb.models.objectives import Objective
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.example import at_least
from lepton_nb.packaging.manifest import Origin
from lepton_nb.packaging.runners import load_graphs
from lepton_nb.tasks import Task
from lepton_nb.tasks.base import Arrays, Codec, Form, Media

_ITEMS = 6


class ConformanceError(AssertionError):
    """A task does not keep the contract; says which part of it, and what was seen."""


def check_task(
    data: DataBundle, model: nn.Module | None = None, loss: Callable[..., Any] | None = None
) -> None:
    """Hold the task of some data to the contract.

    Args:
        data: A few items of it, as its source or its loaders give them.
        model: A model for them; the task's first starter where None.
        loss: A loss for them; the task's own where None.

    Raises:
        ConformanceError: At the first thing that is not as it must be.
    """
    case = _Case(data, model if model is not None else _starter(data), loss)
    for step in (_batches, _objective, _meter, _measures, _package, _form):
        with _named(f"{data.task.name}, {step.__name__.strip('_')}"):
            step(case)


@dataclass
class _Case:
    data: DataBundle
    model: nn.Module
    loss: Callable[..., Any] | None

    @property
    def task(self) -> Task:
        return self.data.task

    @cached_property
    def batch(self) -> Batch:
        return self.data.example(_ITEMS)

    @cached_property
    def codec(self) -> Codec:
        return self.task.codec(self.data.signature)

    def outputs(self) -> Any:
        with evaluating(self.model), without_gradients(self.model):
            return self.objective(self.model, self.batch)[1]

    @cached_property
    def objective(self) -> Objective:
        loss = self.loss if self.loss is not None else self.task.make_loss(self.data.signature)
        return self.task.objective(self.data.signature, loss)

    @cached_property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """Those of the signature, in its order: 3 items or more."""
        given = self.batch.inputs
        names = [spec.name for spec in self.data.signature.inputs]
        tensors = [given[name] for name in names] if isinstance(given, dict) else leaves(given)
        return tuple(at_least(tensor, 3) for tensor in tensors)


def _batches(case: _Case) -> None:
    batch = case.batch
    count = min(_ITEMS, len(case.data.train))
    _require(batch.items == count, f"{count} items were asked for, the batch has {batch.items}")
    for tensor in leaves(tuple(batch)):
        _require(len(tensor) == batch.items, f"a tensor has {len(tensor)} rows in a batch of {batch.items}")
    again = joined(cut(batch, 2))
    same = all(torch.equal(a, b) for a, b in zip(leaves(tuple(batch)), leaves(tuple(again)), strict=True))
    _require(same, "a batch that is cut and joined is not what it was")


def _objective(case: _Case) -> None:
    case.model.train()
    loss, _ = case.objective(case.model, case.batch)
    if loss is None or loss.numel() != 1:
        raise ConformanceError(f"the loss is {loss!r}, not one number")
    _require(math.isfinite(loss.item()), f"the loss is {loss.item()}")
    case.model.zero_grad()
    torch.autograd.backward(loss)
    reached = [parameter for parameter in case.model.parameters() if parameter.grad is not None]
    _require(bool(reached), "the loss reaches no parameter of the model")
    case.model.zero_grad()


def _meter(case: _Case) -> None:
    outputs, target = case.outputs(), case.batch.target
    whole, first, second = (case.task.meter(case.data.signature) for _ in range(3))
    whole.update(outputs, target)
    for meter, piece in zip((first, second), cut(Batch(outputs, target), 2), strict=True):
        meter.update(*piece)
    first.merge(second)
    once, merged = whole.compute(), first.compute()
    _require(once.keys() == merged.keys(), f"a merged meter gives {sorted(merged)}, one gives {sorted(once)}")
    for name, value in once.items():
        alike = math.isclose(value, merged[name], rel_tol=1e-4, abs_tol=1e-6) or value != value
        _require(alike, f"{name} is {value} at once and {merged[name]} merged")
    monitor = case.task.monitor.removeprefix("val_")
    _require(monitor in {"loss", *once}, f"the monitor {case.task.monitor} is none of {sorted(once)}")


def _measures(case: _Case) -> None:
    task, signature = case.task, case.data.signature
    answer = None if type(task).answer is Task.answer else partial(task.answer, signature=signature)
    kept = partial(task.kept, signature=signature)
    found = collect(case.model, iter([case.batch]), _ITEMS, None, answer, kept)
    measures = task.measure(found.preds, found.target, signature)
    json.dumps({"scalars": measures.scalars, "per_class": measures.per_class}, allow_nan=False)
    errors = task.item_errors(found.preds, found.target, signature)
    _require(len(errors) == case.batch.items, f"there are {len(errors)} errors of {case.batch.items} items")


def _package(case: _Case) -> None:
    """Export, parity, a request, and its answer by the schema."""
    inputs = case.inputs
    with tempfile.TemporaryDirectory() as folder:
        origin = Origin("conformance", "0", "conformance@1", "")
        spec = ModelSpec("live", type(case.model).__name__)
        manifest = write_package(Path(folder), case.model.eval(), inputs, case.data.signature, spec, origin)
        _require("onnx" in manifest.formats, f"no ONNX: {manifest.rejected.get('onnx')}")
        graphs = load_graphs(Path(folder), "onnx", manifest.graphs)
        request = json.loads(json.dumps(case.codec.example()))
        for arrays in (tuple(tensor.numpy() for tensor in inputs), case.codec.decode_json(request)):
            _answers(case.codec, case.codec.run(graphs, arrays), len(arrays[0]))


def _answers(codec: Codec, outputs: Arrays, items: int) -> None:
    answers = codec.encode(outputs)
    _require(len(answers) == items, f"there are {len(answers)} answers to {items} items")
    for answer in answers:
        if isinstance(answer, Media):
            _require(bool(answer.content), f"an answer is an empty {answer.type}")
        else:
            _fits(json.loads(json.dumps(answer, allow_nan=False)), codec.answer_schema())


def _form(case: _Case) -> None:
    form, schema = case.codec.form, case.codec.request_schema()
    _require(isinstance(form, Form), f"the codec's form is {form!r}")
    _fits(case.codec.example(), schema)
    known = schema.get("properties", {})
    known_key = form.key in known or form.plural in known
    _require(known_key, f"the form's key {form.key!r} is none of {sorted(known)}")


def _fits(value: Any, schema: dict[str, Any]) -> None:
    import jsonschema

    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        raise ConformanceError(f"{json.dumps(value)[:200]} is not by its schema: {error.message}") from None


def _starter(data: DataBundle) -> nn.Module:
    starters = data.task.starters_for(data.signature)
    if not starters:
        raise ConformanceError(f"{data.task.name} has no starter: give a model.")
    torch.manual_seed(0)
    return next(iter(starters.values()))(data.signature)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConformanceError(message)


@contextmanager
def _named(step: str) -> Iterator[None]:
    """Say in what step something went wrong, whatever it was."""
    try:
        yield
    except ConformanceError as error:
        raise ConformanceError(f"{step}: {error}") from None
    except Exception as error:  # whatever a task's own code raises
        raise ConformanceError(f"{step}: {type(error).__name__}: {error}") from error
