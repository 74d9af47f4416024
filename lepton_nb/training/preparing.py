"""From what the user named to objects that fit together, checked before anything is trained or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lepton_nb.callbacks.sinks import check_sinks
from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.errors import ArgumentError
from lepton_nb.models import Definition, Inputs, check_model
from lepton_nb.models import model as define_model
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device, choose_precision
from lepton_nb.training.last_batch import check_last_batch
from lepton_nb.training.mixing import check_mixing
from lepton_nb.training.optimizers import check_optimizer
from lepton_nb.training.prospects import prove_source
from lepton_nb.training.recipes import Recipe, get_recipe
from lepton_nb.training.seeding import private_rng, seed_all


@dataclass
class Prepared:
    """A model, data and settings that one real batch has shown to fit together.

    Attributes:
        definition: How the model is built.
        model: The model, built; the user's own where an instance was given.
        optimizer: The user's own optimizer; None where the settings make one.
        criterion: The training loss, called as ``criterion(preds, target)``.
    """

    definition: Definition
    model: nn.Module
    data: DataBundle
    settings: TrainConfig
    optimizer: torch.optim.Optimizer | None
    criterion: Any


def prepare(
    model: Any,
    data: Any,
    *,
    train: Any = None,
    val: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    recipe: str | None = None,
    config: dict[str, Any],
) -> Prepared:
    """Build the model and run one batch through it. The arguments are those of `lepton_nb.train`.

    Raises:
        ArgumentError: If a setting is unknown or out of range, or does not suit the model or the data.
        DataError: If the data cannot be used.
        ModelError: If the model does not fit the data.
    """
    chosen = get_recipe(recipe) if recipe is not None else None
    settings = _settings(chosen, optimizer, config)
    check_sinks(settings.sink)
    choose_precision(settings.precision, choose_device(settings.device).device)
    bundle = _bundle(data, train, val, chosen)
    definition = _definition(model if model is not None else _default_model(chosen, bundle), bundle)
    criterion = make_criterion(loss, bundle, settings)
    with private_rng():
        seed_all(settings.seed)
        network = definition.build()
        # Within the seed too: a lazy layer draws its weights from the first batch it sees.
        inputs = _check(network, bundle, criterion)
        prove_source(definition, network, inputs)
        check_mixing(settings, bundle, criterion)
    if settings.freeze is not None:
        frozen_modules(network, settings.freeze)
    check_last_batch(network, bundle, inputs, settings)
    own = None if optimizer is None or isinstance(optimizer, str) else check_optimizer(optimizer, network)
    return Prepared(definition, network, bundle, settings, own, criterion)


def _settings(recipe: Recipe | None, optimizer: Any, config: dict[str, Any]) -> TrainConfig:
    options: dict[str, Any] = dict(recipe.settings) if recipe is not None else {}
    if isinstance(optimizer, str):
        options["optimizer"] = optimizer
    elif optimizer is not None:
        options["schedule"] = "constant"
    return TrainConfig.from_options({**options, **config})


def _bundle(data: Any, train: Any, val: Any, recipe: Recipe | None) -> DataBundle:
    if data is None and train is None:
        raise ArgumentError(
            "There is no data to train on.", "Give --data NAME, or --train LOADER --val LOADER."
        )
    if data is not None and train is not None:
        raise ArgumentError(
            "Both --data and --train are given; which one shall it be?", "Leave one of them out."
        )
    if data is None:
        return loaders(train, val)
    bundle = as_bundle(data)
    return bundle.with_augment(recipe.augment) if recipe is not None else bundle


def as_bundle(data: Any) -> DataBundle:
    """Data as a bundle, loaded where it is not one yet."""
    return data if isinstance(data, DataBundle) else load(data)


def _default_model(recipe: Recipe | None, bundle: DataBundle) -> str:
    return recipe.model if recipe is not None else next(iter(bundle.task.starters()))


def _definition(model: Any, bundle: DataBundle) -> Definition:
    if isinstance(model, Definition):
        return model
    return define_model(model, signature=bundle.signature, starters=bundle.task.starters())


def make_criterion(loss: Any, bundle: DataBundle, settings: TrainConfig) -> Any:
    """The user's loss, one of ``torch.nn`` by name, or the task's.

    Raises:
        ArgumentError: If it is none of these.
    """
    if callable(loss):
        return loss
    if isinstance(loss, str):
        kind = getattr(nn, loss, None)
        if not (isinstance(kind, type) and issubclass(kind, nn.Module) and loss.endswith("Loss")):
            raise ArgumentError(
                f"torch.nn has no loss {loss!r}.", "For example CrossEntropyLoss, or a variable."
            )
        return kind()
    if loss is not None:
        raise ArgumentError(
            f"The loss is a {type(loss).__name__}; expected a callable loss(preds, target).",
            "For example nn.CrossEntropyLoss()",
        )
    weights = _balanced_weights(bundle) if settings.class_weights == "balanced" else None
    return bundle.task.make_loss(
        bundle.signature, label_smoothing=settings.label_smoothing, class_weights=weights
    )


def _balanced_weights(bundle: DataBundle) -> list[float]:
    """A weight for each class so that all classes weigh the same: items / (classes × items of the class)."""
    targets, classes = bundle.train.targets, len(bundle.signature.class_names)
    if targets is None or not classes:
        raise ArgumentError(
            f"Data {bundle.name!r} has no list of classes to balance.",
            "Leave --class-weights out, or pass a loss with weights of your own.",
        )
    counts = torch.bincount(targets, minlength=classes).clamp(min=1)
    return [len(targets) / (classes * int(count)) for count in counts]


def _check(network: nn.Module, bundle: DataBundle, criterion: Any) -> Inputs:
    """Run one real batch through the model where it is, before anything is trained or written; its inputs."""
    inputs, target = bundle.example(min(8, len(bundle.train)))
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    moved: Inputs = (
        inputs.to(device) if isinstance(inputs, torch.Tensor) else tuple(part.to(device) for part in inputs)
    )
    if isinstance(criterion, nn.Module):
        criterion.to(device)
    classes = len(bundle.signature.class_names) or None
    check_model(network, moved, target.to(device), loss=criterion, num_classes=classes, task=bundle.task.name)
    return moved
