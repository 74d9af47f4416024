"""From what the user named to objects that fit together, checked before anything is trained or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from lepton_nb.batch import Batch
from lepton_nb.callbacks import Callback
from lepton_nb.callbacks.sinks import check_sinks
from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.data.own.loaders import read_whole
from lepton_nb.errors import ArgumentError, DataError
from lepton_nb.models import Definition
from lepton_nb.models import model as define_model
from lepton_nb.models.seeding import private_rng, seed_all
from lepton_nb.models.several import Models
from lepton_nb.models.stepping import moves_itself
from lepton_nb.training.adapters import with_lora
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device, choose_precision
from lepton_nb.training.fitting import Fit, fit_loss, fit_step
from lepton_nb.training.last_batch import check_last_batch
from lepton_nb.training.mixing import check_mixing
from lepton_nb.training.monitoring import Monitor, find_monitor, words_of
from lepton_nb.training.optimizers import check_optimizer, make_optimizers
from lepton_nb.training.own import Own
from lepton_nb.training.own_metrics import as_metrics, try_metrics
from lepton_nb.training.plan import Plan
from lepton_nb.training.prospects import prove_source
from lepton_nb.training.recipes import Recipe, get_recipe
from lepton_nb.training.scheduling import Length, Scheduling, choose_scheduling
from lepton_nb.training.several import as_one
from lepton_nb.training.used import check_used


def prepare(
    model: Any,
    data: Any,
    *,
    train: Any = None,
    val: Any = None,
    own: Own | None = None,
    recipe: str | None = None,
    config: dict[str, Any],
    callbacks: Sequence[Callback] = (),
) -> Plan:
    """Build the model and run one batch through it. The arguments are those of `lepton_nb.train`.

    Args:
        callbacks: The user's, which may measure what is monitored.

    Raises:
        ArgumentError: If a setting is unknown or out of range, or does not suit the model or the data.
        DataError: If the data cannot be used.
        ModelError: If the model does not fit the data.
    """
    own = own or Own()
    chosen = get_recipe(recipe) if recipe is not None else None
    settings = _settings(chosen, own, config)
    check_sinks(settings.sink)
    choose_precision(settings.precision, choose_device(settings.device).device)
    bundle = given_bundle(data, train, val, whole=own.step is not None)
    if chosen is not None and data is not None:
        bundle = bundle.with_augment(chosen.augment)
    definition = _definition(model if model is not None else _default_model(chosen, bundle), bundle)
    bundle = bundle.read_by(definition.tokens)
    with private_rng():
        seed_all(settings.seed)
        definition, network = _built(definition, settings)
        optimizer = _own_optimizer(own, network)
        check_used(config, optimizer, own, bundle)
        fit = _fit(network, bundle, own, optimizer, settings)
        _check_settings(network, fit, own, settings)
        if fit.inputs is not None:
            prove_source(definition, network, fit.inputs)
    plan = Plan(network, fit.bundle, fit.loss, optimizer, settings, definition=definition)
    known = bundle.report.findings
    said = [finding.text for finding in fit.bundle.report.findings if finding not in known]
    own_loss, metrics = own.loss is not None or own.step is not None, as_metrics(own.metrics)
    return replace(
        plan,
        own_loss=own_loss,
        stepped=own.step is not None,
        metrics=metrics,
        scheduling=_scheduling(own, plan),
        callbacks=callbacks,
        monitor=_monitor(plan, fit, metrics, callbacks, own_loss=own_loss),
        example=fit.example,
        notes=[*fit.notes, *said, *(definition.notes[-1:] if settings.lora else ())],
    )


def _built(definition: Definition, settings: TrainConfig) -> tuple[Definition, nn.Module]:
    if settings.lora is None:
        return definition, definition.build()
    return with_lora(definition, settings.lora)


def _fit(
    network: nn.Module,
    bundle: DataBundle,
    own: Own,
    optimizer: torch.optim.Optimizer | None,
    settings: TrainConfig,
) -> Fit:
    if own.step is None:
        return fit_loss(network, bundle, own.loss, settings, measured=bool(own.metrics))
    moving = optimizer or make_optimizers(network, settings, apart=True)
    return fit_step(network, bundle, own.step, moving, settings)


def _check_settings(network: nn.Module, fit: Fit, own: Own, settings: TrainConfig) -> None:
    """Refuse settings that do not suit the model or the data."""
    check_mixing(settings, fit.bundle, fit.loss)
    if settings.freeze is not None:
        frozen_modules(network, settings.freeze)
    if own.step is None:
        check_last_batch(network, fit.bundle, Batch(fit.inputs, fit.target), fit.loss, settings)


def _monitor(
    plan: Plan, fit: Fit, metrics: dict[str, Any], callbacks: Sequence[Callback], *, own_loss: bool
) -> Monitor:
    """What says which epoch is best, once the user's metrics have been seen to measure a batch."""
    held_out = metrics if "val" in plan.data.splits else {}
    better = try_metrics(held_out, fit.outputs, fit.target)
    words = words_of(callbacks)
    return find_monitor(plan.config.monitor, plan.data, own_loss=own_loss, own=better, put=words)


def _own_optimizer(own: Own, network: nn.Module) -> torch.optim.Optimizer | None:
    given = as_one(own.optimizer)
    if given is None and isinstance(own.scheduler, LRScheduler):
        given = own.scheduler.optimizer
    if given is None or isinstance(given, str):
        return None
    by_loop = own.step is None or not moves_itself(own.step)
    return check_optimizer(given, network, by_loop=by_loop)


def _scheduling(own: Own, plan: Plan) -> Scheduling | None:
    if own.scheduler is None:
        return None
    settings = plan.config
    loader = plan.data.loader("train", batch_size=settings.batch_size, seed=settings.seed)
    length = Length(settings.epochs, -(-len(loader) // settings.accumulation))
    optimizer = plan.optimizer or make_optimizers(plan.model, settings, apart=plan.stepped)
    return choose_scheduling(own.scheduler, optimizer, length, settings.scheduler_by)


def _settings(recipe: Recipe | None, own: Own, config: dict[str, Any]) -> TrainConfig:
    options: dict[str, Any] = dict(recipe.settings) if recipe is not None else {}
    if isinstance(own.optimizer, str):
        options["optimizer"] = own.optimizer
    elif own.optimizer is not None:
        options["schedule"] = "constant"
    if own.scheduler is not None:
        options["schedule"] = "constant"
    if own.loss is not None and own.step is not None:
        raise ArgumentError(
            "Both a loss and a step are given; a step computes its loss itself.", "Leave --loss out."
        )
    return TrainConfig.from_options({**options, **config})


def given_bundle(data: Any, train: Any, val: Any, *, whole: bool) -> DataBundle:
    """The data that a user named: as one, or as loaders of their own.

    Args:
        whole: Whether a step of the user's takes the batches as they are.

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
    if data is not None:
        return as_bundle(data, whole=whole)
    return as_whole(train, val) if whole else loaders(train, val)


def as_bundle(data: Any, *, whole: bool = False) -> DataBundle:
    """Data as a bundle, loaded where it is not one yet; `whole`, where a step of the user's takes them."""
    if whole and isinstance(data, DataLoader | Dataset):
        return as_whole(data)
    bundle = data if isinstance(data, DataBundle) else load(data)
    return bundle.as_whole() if whole else bundle


def as_whole(train: Any, val: Any = None) -> DataBundle:
    """Loaders of the user's, whatever they yield; what is known of inputs and targets is told beside."""
    try:
        return loaders(train, val).as_whole()
    except DataError:
        return read_whole(train, val, name="loaders")


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
    if isinstance(model, Mapping):
        model = Models(model)
    starters = bundle.task.starters_for(bundle.signature)
    return define_model(model, signature=bundle.signature, starters=starters)
