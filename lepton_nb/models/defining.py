"""`model()`: from what a user has in a cell to a `Definition`."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from lepton_nb.batch import Batch, moved
from lepton_nb.errors import ModelError, did_you_mean
from lepton_nb.models import libraries, nets
from lepton_nb.models.calling import Inputs, home_of
from lepton_nb.models.capture import (
    Scope,
    globals_of,
    is_installed,
    spec_of_call,
    spec_of_instance,
    spec_of_models,
)
from lepton_nb.models.check import check_model, construct, gives_one_number, outputs_of
from lepton_nb.models.check.construction import check_hashable
from lepton_nb.models.check.outputs import Loss
from lepton_nb.models.definition import Definition
from lepton_nb.models.fitting import arguments_for
from lepton_nb.models.label_loss import LabelLoss
from lepton_nb.models.libraries.detectors import detector_names
from lepton_nb.models.registry import torchvision_names
from lepton_nb.models.rendering import constructor_arguments
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.several import Models
from lepton_nb.models.spec import RANDOM, ModelSpec, as_module
from lepton_nb.models.summary import summarize
from lepton_nb.models.tokens import Tokens
from lepton_nb.signature import Signature

Starter = Callable[[Signature], nn.Module]


def model(
    target: Any,
    *,
    name: str | None = None,
    signature: Signature | None = None,
    batch: tuple[Inputs, Tensor] | None = None,
    loss: Loss | None = None,
    namespace: dict[str, Any] | None = None,
    cells: Sequence[str] = (),
    starters: Mapping[str, Starter] | None = None,
    weights: str | None = None,
    read_again: Callable[[Tokens], tuple[Signature, Batch]] | None = None,
) -> Definition:
    """Define a model, keep its source, and try it on one real batch.

    Args:
        target: A subclass of `nn.Module`, a function that makes one, one itself, or a name: a variable, one
            of `starters`, or a library's, fitted to the data: of torchvision, ``timm:NAME`` or
            ``hf:FOLDER_OR_NAME``.
        name: What to call it; the name of the class, function or model where None.
        signature: What the data gives and wants.
        batch: ``(inputs, target)`` to try the model on; nothing is tried where None.
        loss: Called as ``loss(preds, target)``; cross-entropy or squared error by the signature where None.
        namespace: The user's variables; those of ``__main__`` where None.
        cells: The texts of the cells that ran so far, oldest first; IPython's ``In`` where empty.
        starters: Small models by name, each a function of a signature.
        weights: Pretrained weights of a library's model, ``"DEFAULT"`` for the best, downloaded once; or a
            file with a ``state_dict`` of it, whose head is left out where it is for other classes.
        read_again: Given the `Tokens` of a model with a tokenizer of its own, the signature and batch of the
            same texts read by it.

    Raises:
        ModelError: If the model cannot be built, or does not fit the batch, with the reason and the remedy.
    """
    scope = notebook_scope(namespace, cells)
    if isinstance(target, str):
        target = _variable(target, scope) or target
    if weights is not None and not isinstance(target, str):
        raise ModelError(
            f"Weights are loaded into the models of libraries; {_shown(target)} is yours.",
            f"Load them yourself: model.load_state_dict(torch.load({weights!r}, weights_only=True))",
        )
    if isinstance(target, nn.Module):
        check_hashable(target)
        spec = _spec_of(target, scope)
        tokens = libraries.tokens_of(target, signature)
        definition = Definition(spec.name, spec, instance=target, tokens=tokens)
        network = target
    elif isinstance(target, str):
        definition, network = _named(target, signature, starters or {}, weights)
    else:
        definition, network = _called(target, signature, scope)
    definition.name = name or definition.name
    if definition.tokens is not None and read_again is not None:
        signature, batch = read_again(definition.tokens)
    if batch is not None:
        _try(definition, network, batch, loss, signature)
    return definition


def _spec_of(instance: nn.Module, scope: Scope) -> ModelSpec:
    """How to build an instance again: by its library where the class is that's own, else by its source."""
    if isinstance(instance, Models):
        return spec_of_models(instance, scope)
    known = libraries.spec_of(instance)
    return spec_of_instance(instance, scope) if known is None else known


def notebook_scope(namespace: dict[str, Any] | None, cells: Sequence[str]) -> Scope:
    """Where the user's names are looked up, with what IPython or a script keeps of their text."""
    if namespace is None:
        namespace = vars(sys.modules["__main__"])
    texts = list(cells) or [text for text in namespace.get("In", []) if isinstance(text, str)]
    file = namespace.get("__file__")
    if not texts and isinstance(file, str):
        texts = ["".join(linecache.getlines(file))]
    return Scope(namespace, tuple(texts))


def _variable(name: str, scope: Scope) -> Any:
    """The user's own class, function or model called `name`; None where there is none."""
    value = scope.namespace.get(name)
    if isinstance(value, nn.Module):
        return value
    if isinstance(value, partial):
        return value
    own = inspect.isfunction(value) or (inspect.isclass(value) and issubclass(value, nn.Module))
    return value if own and not is_installed(value.__module__) else None


def _shown(target: Any) -> str:
    return _class_name(target) if isinstance(target, nn.Module) else getattr(target, "__name__", repr(target))


def _class_name(module: nn.Module) -> str:
    return type(getattr(module, "_orig_mod", module)).__name__


def _called(target: Any, signature: Signature | None, scope: Scope) -> tuple[Definition, nn.Module]:
    """A class, or a function that makes a model."""
    if inspect.isclass(target) and not issubclass(target, nn.Module):
        raise ModelError(
            f"{target.__name__} is a class, but not an nn.Module.",
            f"Write class {target.__name__}(nn.Module):",
        )
    if not callable(target):
        raise ModelError(
            f"A {type(target).__name__} is no model.", "Give an nn.Module, a class, a function or a name."
        )
    name = _name_of(target, scope)
    arguments = arguments_for(target, name, signature)

    def factory() -> nn.Module:
        return construct(target, name, arguments)

    with private_rng():
        network = factory()
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    own = scope if scope.namespace.get(name) is target else _scope_with(name, target, scope)
    definition = Definition(name, spec_of_call(f"{name}({given})", name, network, own), factory=factory)
    if arguments:
        definition.notes.append(f"Built as {name}({given}), as the data asks.")
    return definition, network


def _name_of(target: Any, scope: Scope) -> str:
    """The name of a class or function: its own where the notebook knows it by that, else its variable's."""
    own: str = getattr(target, "__name__", type(target).__name__)
    variables = [key for key, value in scope.namespace.items() if value is target and not key.startswith("_")]
    return own if own in variables or not variables else variables[0]


def _scope_with(name: str, target: Any, scope: Scope) -> Scope:
    """A scope in which `target` has its own name: it was passed as an object, or under another one."""
    base = globals_of(target) or scope.namespace
    return Scope({**base, name: target}, scope.cells, scope.package)


def _named(
    name: str, signature: Signature | None, starters: Mapping[str, Starter], weights: str | None
) -> tuple[Definition, nn.Module]:
    if name in starters:
        return _starter(name, starters[name], signature, weights)
    if libraries.is_library_name(name) or name in [*torchvision_names(), *detector_names()]:
        return libraries.define(name, signature, weights)
    raise ModelError(
        f"There is no model {name!r} among your variables, the starters and torchvision's models.",
        did_you_mean(name, [*starters, *torchvision_names(), *detector_names()]),
    )


def _starter(
    name: str, starter: Starter, signature: Signature | None, weights: str | None
) -> tuple[Definition, nn.Module]:
    if signature is None:
        raise ModelError(f"{name} is fitted to data, and there is none.", "Add --data NAME.")
    if weights is not None:
        raise ModelError(f"{name} has no pretrained weights.", "Leave --weights out, or take resnet18.")

    def factory() -> nn.Module:
        return as_module(starter(signature), name)

    with private_rng():
        network = factory()
    return Definition(name, _starter_spec(network), factory=factory), network


def _starter_spec(network: nn.Module) -> ModelSpec:
    """The spec of one of our networks, from the constructor arguments it keeps; of another by its class."""
    kind = type(network).__name__
    arguments = constructor_arguments(network)
    if getattr(nets, kind, None) is not type(network) or arguments is None:
        return spec_of_instance(network, Scope({}, ()))
    kwargs = {key: ast.literal_eval(text) for key, text in arguments.items()}
    given = ", ".join(f"{key}={text}" for key, text in arguments.items())
    return ModelSpec("starter", kind, f"{kind}({given})", kwargs=kwargs, weights=RANDOM)


def _try(
    definition: Definition,
    network: nn.Module,
    batch: tuple[Inputs, Tensor],
    loss: Loss | None,
    signature: Signature | None,
) -> None:
    """Check the network on the batch, where the network is, and summarize it."""
    inputs, target = batch
    device = home_of(network)
    inputs, target = moved(inputs, device), moved(target, device)
    classes = len(signature.class_names) or None if signature is not None else None
    task = signature.task if signature is not None else ""
    criterion = loss if loss is not None else _usual_loss(target, classes, task)
    one_of_two = classes == 2 and isinstance(criterion, nn.CrossEntropyLoss)
    if one_of_two and gives_one_number(outputs_of(network, inputs)):
        criterion = LabelLoss()
        definition.notes.append("One number an item for two classes: trained as binary classification.")
    if isinstance(criterion, nn.Module):
        criterion.to(device)
    definition.report = check_model(network, inputs, target, loss=criterion, num_classes=classes, task=task)
    try:
        definition.summary = summarize(network, inputs)
    except ModelError as error:
        definition.notes.append(error.message)


def _usual_loss(target: Tensor, classes: int | None, task: str) -> nn.Module:
    if classes is not None and target.is_floating_point():
        return LabelLoss()
    if classes is not None or task.endswith("classification") or not target.is_floating_point():
        return nn.CrossEntropyLoss()
    return nn.MSELoss()
