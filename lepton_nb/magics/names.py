"""From a word on the magic line to the user's variable or run of that name."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lepton_nb.data.sources import is_a
from lepton_nb.errors import ArgumentError, NotFoundError, did_you_mean, nearest

if TYPE_CHECKING:
    from lepton_nb.magics.context import Context
    from lepton_nb.runs import Run


@dataclass(frozen=True)
class NameKind:
    """What a variable must be to be taken for an argument.

    Attributes:
        noun: What messages call it.
        expected: What it may be, in full.
        accepts: Whether a value is one. Never imports torch: where torch is not loaded there are no models.
        suggests: Whether to offer it to complete or correct a name, where that is narrower.
    """

    noun: str
    expected: str
    accepts: Callable[[Any], bool]
    suggests: Callable[[Any], bool] | None = None


def _is_source(value: Any) -> bool:
    from lepton_nb.data.containers import is_container
    from lepton_nb.data.sources import sources

    return is_container(value) or any(is_a(value, *source.classes) for source in sources().values())


def _is_routine(value: Any) -> bool:
    """Whether it is called as a function is: no class, and no model."""
    return callable(value) and not isinstance(value, type) and not is_a(value, "torch.nn:Module")


def _is_torch_loss(value: Any) -> bool:
    return is_a(value, "torch.nn.modules.loss:_Loss")


def _is_model(value: Any) -> bool:
    if is_a(value, "torch.nn:Module"):
        return not _is_torch_loss(value)
    if is_a(value, "lepton_nb.models.definition:Definition"):
        return True
    if isinstance(value, type):
        module = getattr(sys.modules.get("torch.nn"), "Module", None)
        return module is not None and issubclass(value, module)
    if isinstance(value, functools.partial):
        return _is_model(value.func)
    if isinstance(value, Mapping):
        return bool(value) and all(_is_model(part) for part in value.values())
    return isinstance(value, types.FunctionType) and "torch" in sys.modules


def _is_optimizer(value: Any) -> bool:
    several = value.values() if isinstance(value, Mapping) else value
    parts = list(several) if isinstance(value, Mapping | list | tuple) else [value]
    return bool(parts) and all(is_a(part, "torch.optim:Optimizer") for part in parts)


def _is_scheduler(value: Any) -> bool:
    if isinstance(value, functools.partial):
        return _is_scheduler(value.func)
    kind = getattr(sys.modules.get("torch.optim.lr_scheduler"), "LRScheduler", None)
    if isinstance(value, type):
        return kind is not None and issubclass(value, kind)
    return kind is not None and isinstance(value, kind)


def _is_metric(value: Any) -> bool:
    return is_a(value, "torchmetrics:Metric", "torchmetrics:MetricCollection")


def _is_callback(value: Any) -> bool:
    kind = getattr(sys.modules.get("lepton_nb.callbacks.base"), "Callback", None)
    if kind is None or value is kind:
        return False
    return issubclass(value, kind) if isinstance(value, type) else isinstance(value, kind)


MODEL = NameKind("model", "an nn.Module, its class, or a function that makes one", _is_model)
DATA = NameKind(
    "data", "what %lepton data made", lambda value: is_a(value, "lepton_nb.data.bundle:DataBundle")
)
LOADER = NameKind(
    "loader",
    "a DataLoader or Dataset",
    lambda value: is_a(value, "torch.utils.data:DataLoader", "torch.utils.data:Dataset"),
)
OPTIMIZER = NameKind(
    "optimizer",
    "a torch.optim.Optimizer",
    _is_optimizer,
)
SCHEDULER = NameKind(
    "scheduler",
    "a torch.optim.lr_scheduler, its class, a partial of it, or a function of the optimizer",
    lambda value: _is_scheduler(value) or _is_routine(value),
    suggests=_is_scheduler,
)
STEP = NameKind(
    "step",
    "a function step(model, batch) or step(model, batch, optimizers)",
    lambda value: callable(value) and not isinstance(value, type),
    suggests=lambda value: isinstance(value, types.FunctionType),
)
METRIC = NameKind(
    "metric",
    "a metric of torchmetrics, or a function of outputs and target",
    callable,
    suggests=lambda value: _is_metric(value) or isinstance(value, types.FunctionType),
)
LOSS = NameKind(
    "loss",
    "a callable loss(preds, target), such as nn.CrossEntropyLoss()",
    callable,
    suggests=lambda value: _is_torch_loss(value) or isinstance(value, types.FunctionType),
)
CALLBACK = NameKind(
    "callback",
    "a lepton_nb.Callback, or a function of the state that is called after each epoch",
    lambda value: _is_callback(value) or _is_routine(value),
    suggests=_is_callback,
)
RUN = NameKind("run", "a run", lambda value: is_a(value, "lepton_nb.runs.run:Run"))
DEPLOYMENT = NameKind(
    "service", "a service", lambda value: is_a(value, "lepton_nb.deployment.service:Deployment")
)
ANY = NameKind(
    "variable",
    "a value",
    lambda value: not isinstance(value, types.ModuleType | type) and not callable(value),
)
SOURCE = NameKind(
    "source",
    "a DataFrame, arrays, a DataLoader or a Dataset",
    _is_source,
    suggests=lambda value: _is_source(value) and not isinstance(value, dict),
)


_IPYTHON = frozenset({"In", "Out", "exit", "get_ipython", "open", "quit"})


def variables(namespace: Mapping[str, Any], kind: NameKind) -> list[str]:
    """Names of the user's variables of that kind; IPython's own and underscored ones left out."""
    fits = kind.suggests or kind.accepts
    return sorted(
        name
        for name, value in list(namespace.items())
        if not name.startswith("_") and name not in _IPYTHON and fits(value)
    )


def looked_up(namespace: Mapping[str, Any], name: str) -> Any:
    """The user's variable of that name, or an attribute of one, as ``F.cross_entropy``; None without one."""
    root, *attributes = name.split(".")
    value = namespace.get(root)
    for attribute in attributes:
        value = getattr(value, attribute, None)
    return value


def variable(context: Context, name: str, kind: NameKind) -> Any:
    """The user's variable `name`.

    Raises:
        NotFoundError: If there is none; says the nearest of that kind.
        ArgumentError: If it is not of that kind.
    """
    namespace = context.namespace
    value = looked_up(namespace, name)
    if value is None:
        hint = did_you_mean(name, variables(namespace, kind)) or "Run the cell that defines it first."
        raise NotFoundError(f"There is no variable {name!r}.", hint)
    if not kind.accepts(value):
        raise _wrong_kind(name, value, kind, variables(namespace, kind))
    return value


def _wrong_kind(name: str, value: Any, kind: NameKind, others: Iterable[str]) -> ArgumentError:
    from lepton_nb.data.containers import how_to_convert

    line = how_to_convert(value) if kind in (DATA, SOURCE) else None
    if line is not None:
        hint = f"Convert it: {line.replace('V', name)}"
        return ArgumentError(f"{name!r} is a {type(value).__name__}, which is not read.", hint)
    seen = f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
    hint = did_you_mean(name, others) or f"A {kind.noun} is {kind.expected}."
    return ArgumentError(f"{name!r} is {seen}; expected {kind.expected}.", hint)


def find_model(context: Context, name: str) -> Any:
    """A model variable, or the name of a starter or of a library's model as it was given.

    Raises:
        NotFoundError: If there is no such variable, but one with nearly that name.
        ArgumentError: If the variable is no model.
    """
    namespace = context.namespace
    if name in namespace:
        return variable(context, name, MODEL)
    best = nearest(name, variables(namespace, MODEL))
    if best is not None:
        from lepton_nb.magics.catalogue import LIBRARIES, model_names

        if not name.startswith(LIBRARIES) and name not in model_names():
            raise NotFoundError(f"There is no variable {name!r}.", f"Did you mean {best!r}?")
    return name


def find_data(context: Context, name: str) -> Any:
    """A data variable, or the name of built-in data, or a path, as it was given.

    Raises:
        NotFoundError: If it is none of these.
        ArgumentError: If the variable is no data.
    """
    from lepton_nb.magics.catalogue import builtin_data, is_path

    namespace = context.namespace
    if name in namespace:
        stays, beside = context.memory.beside.get(name, (None, None))
        if beside is not None and namespace[name] is stays:
            return beside
        if not DATA.accepts(namespace[name]) and not SOURCE.accepts(namespace[name]):
            raise _wrong_kind(name, namespace[name], DATA, variables(namespace, DATA))
        return namespace[name]
    if name in builtin_data() or is_path(name):
        return name
    known = [*variables(namespace, DATA), *builtin_data()]
    raise NotFoundError(f"There is no data {name!r}.", did_you_mean(name, known))


def find_run(context: Context, ref: str) -> Run:
    """The run called `ref`: a variable, or a run of the store; the object that holds its model, if one does.

    Raises:
        NotFoundError: If there is none.
    """
    from lepton_nb.runs import get_run

    value = context.namespace.get(ref)
    if RUN.accepts(value):
        return cast("Run", value)
    found = get_run(ref)
    known = [context.memory.runs.get(found.id), *context.namespace.values()]
    runs: list[Run] = [value for value in known if RUN.accepts(value)]
    live = next((run for run in runs if run.id == found.id and run.live), None)
    if live is None:
        return found
    live.refresh()
    return live
