"""From what the user named to objects that fit together, checked before anything is trained or written."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lepton_nb.batch import Batch, moved
from lepton_nb.callbacks.sinks import check_sinks
from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.errors import ArgumentError
from lepton_nb.models import Definition, Inputs, check_model
from lepton_nb.models import model as define_model
from lepton_nb.models.check import CheckReport
from lepton_nb.models.losses import make_loss
from lepton_nb.models.objectives import OF_THE_MODEL, ModelLoss
from lepton_nb.models.seeding import private_rng, seed_all
from lepton_nb.training.adapters import with_lora
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device, choose_precision
from lepton_nb.training.kind import for_model, for_own_loss, with_loss_of_the_model
from lepton_nb.training.last_batch import check_last_batch
from lepton_nb.training.mixing import check_mixing
from lepton_nb.training.monitoring import find_monitor
from lepton_nb.training.optimizers import check_optimizer
from lepton_nb.training.plan import Plan
from lepton_nb.training.prospects import prove_source
from lepton_nb.training.recipes import Recipe, get_recipe
from lepton_nb.training.used import check_used


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
) -> Plan:
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
    bundle = given_bundle(data, train, val)
    if chosen is not None and data is not None:
        bundle = bundle.with_augment(chosen.augment)
    own_loss, known = loss is not None, bundle.report.findings
    if own_loss:
        bundle = bundle.as_given()
    definition = _definition(model if model is not None else _default_model(chosen, bundle), bundle)
    bundle = bundle.read_by(definition.tokens)
    with private_rng():
        seed_all(settings.seed)
        if settings.lora is None:
            network = definition.build()
        else:
            definition, network = with_lora(definition, settings.lora)
        if not own_loss:
            bundle = for_model(with_loss_of_the_model(bundle, network), network)
        criterion = make_criterion(loss, bundle, settings)
        # Within the seed too: a lazy layer draws its weights from the first batch it sees.
        report, inputs = _check(network, bundle, criterion, own_loss=own_loss)
        if own_loss or isinstance(criterion, ModelLoss):
            bundle = for_own_loss(bundle, criterion, report.outputs)
        prove_source(definition, network, inputs)
        check_mixing(settings, bundle, criterion)
    if settings.freeze is not None:
        frozen_modules(network, settings.freeze)
    check_last_batch(network, bundle, inputs, settings)
    own = None if optimizer is None or isinstance(optimizer, str) else check_optimizer(optimizer, network)
    check_used(config, own, loss, bundle)
    monitor = find_monitor(settings.monitor, bundle, own_loss=own_loss)
    return Plan(
        network,
        bundle,
        criterion,
        own,
        settings,
        monitor,
        own_loss=own_loss,
        definition=definition,
        notes=[
            *(finding.text for finding in bundle.report.findings if finding not in known),
            *(definition.notes[-1:] if settings.lora else ()),
        ],
    )


def _settings(recipe: Recipe | None, optimizer: Any, config: dict[str, Any]) -> TrainConfig:
    options: dict[str, Any] = dict(recipe.settings) if recipe is not None else {}
    if isinstance(optimizer, str):
        options["optimizer"] = optimizer
    elif optimizer is not None:
        options["schedule"] = "constant"
    return TrainConfig.from_options({**options, **config})


def given_bundle(data: Any, train: Any, val: Any) -> DataBundle:
    """The data that a user named: as a whole, or as loaders of their own.

    Raises:
        ArgumentError: If it is neither, or both.
    """
    if train is None and val is not None:
        raise ArgumentError(
            "--val is held out beside --train, which is not given.", "Give both: --train LOADER --val LOADER."
        )
    if data is None and train is None:
        raise ArgumentError(
            "There is no data to train on.", "Give --data NAME, or --train LOADER --val LOADER."
        )
    if data is not None and train is not None:
        raise ArgumentError(
            "Both --data and --train are given; which one shall it be?", "Leave one of them out."
        )
    return loaders(train, val) if data is None else as_bundle(data)


def as_bundle(data: Any) -> DataBundle:
    """Data as a bundle, loaded where it is not one yet."""
    return data if isinstance(data, DataBundle) else load(data)


def _default_model(recipe: Recipe | None, bundle: DataBundle) -> str:
    if recipe is not None:
        return recipe.model
    starter = next(iter(bundle.task.starters_for(bundle.signature)), None)
    if starter is None:
        raise ArgumentError(
            f"There is no model to begin with for {bundle.task.title.lower()}.", "Name your own: train MODEL"
        )
    return starter


def _definition(model: Any, bundle: DataBundle) -> Definition:
    if isinstance(model, Definition):
        return model
    starters = bundle.task.starters_for(bundle.signature)
    return define_model(model, signature=bundle.signature, starters=starters)


def make_criterion(loss: Any, bundle: DataBundle, settings: TrainConfig) -> Any:
    """The user's loss, one of ``torch.nn`` by name, or the task's.

    Raises:
        ArgumentError: If it is none of these.
    """
    if loss is not None:
        return make_loss(loss)
    if bundle.signature.target.get("loss") == OF_THE_MODEL:
        return ModelLoss(bundle.signature.target["name"])
    weights = _balanced_weights(bundle) if settings.class_weights == "balanced" else None
    return bundle.task.make_loss(
        bundle.signature, label_smoothing=settings.label_smoothing, class_weights=weights
    )


def _balanced_weights(bundle: DataBundle) -> list[float]:
    """A weight for each class so that all classes weigh the same."""
    targets = bundle.train.targets
    if targets is None or not bundle.signature.class_names:
        raise ArgumentError(
            f"Data {bundle.name!r} has no list of classes to balance.",
            "Leave --class-weights out, or pass a loss with weights of your own.",
        )
    return bundle.task.balance(targets, bundle.signature)


def _check(
    network: nn.Module, bundle: DataBundle, criterion: Any, *, own_loss: bool
) -> tuple[CheckReport, Inputs]:
    """Run one real batch through the model where it is, before anything is trained or written.

    Returns:
        What it showed, and the batch's inputs.
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    batch = Batch(*moved(bundle.example(min(8, len(bundle.train))), device))
    if isinstance(criterion, nn.Module):
        criterion.to(device)
    computes = isinstance(criterion, ModelLoss)
    report = check_model(
        network,
        criterion.inputs(batch) if computes else batch.inputs,
        batch.target,
        loss=criterion,
        num_classes=len(bundle.signature.class_names) or None,
        task=bundle.task.name,
        own_loss=own_loss or computes,
    )
    return report, batch.inputs
