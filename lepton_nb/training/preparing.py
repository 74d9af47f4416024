"""From what the user named to objects that fit together, checked before anything is trained or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from lepton_nb.batch import Batch, moved
from lepton_nb.callbacks import Callback
from lepton_nb.callbacks.sinks import check_sinks
from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.data.own.loaders import read_whole
from lepton_nb.errors import ArgumentError, DataError
from lepton_nb.models import Definition, Inputs, check_model
from lepton_nb.models import model as define_model
from lepton_nb.models.check import CheckReport
from lepton_nb.models.losses import make_loss
from lepton_nb.models.objectives import OF_THE_MODEL, ModelLoss
from lepton_nb.models.preserve import evaluating, untouched
from lepton_nb.models.seeding import private_rng, seed_all
from lepton_nb.models.several import Models
from lepton_nb.models.stepping import StepObjective, moves_itself
from lepton_nb.tasks.generic import Generic
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device, choose_precision
from lepton_nb.training.kind import for_model, for_own_loss, with_loss_of_the_model
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
from lepton_nb.training.several import as_one, handed
from lepton_nb.training.trial_step import few_of, for_step, try_step
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
    bundle = _bundle(data, train, val, chosen, whole=own.step is not None)
    known = bundle.report.findings
    definition = _definition(model if model is not None else _default_model(chosen, bundle), bundle)
    with private_rng():
        seed_all(settings.seed)
        network = definition.build()
        optimizer = _own_optimizer(own, network)
        check_used(config, optimizer, own, bundle)
        fit = (fit_step if own.step is not None else _fit_loss)(network, bundle, own, settings)
        if fit.inputs is not None:
            prove_source(definition, network, fit.inputs)
        check_mixing(settings, fit.bundle, fit.loss)
    bundle = fit.bundle
    if settings.freeze is not None:
        frozen_modules(network, settings.freeze)
    if own.step is None:
        check_last_batch(network, bundle, Batch(fit.inputs, fit.target), fit.loss, settings)
    plan = Plan(
        network, bundle, fit.loss, optimizer, settings, Monitor("val_loss", "min"), definition=definition
    )
    metrics = as_metrics(own.metrics)
    better = try_metrics(metrics, fit.outputs, fit.target) if metrics and "val" in bundle.splits else {}
    own_loss = own.loss is not None or own.step is not None
    return replace(
        plan,
        own_loss=own_loss,
        stepped=own.step is not None,
        metrics=metrics,
        scheduling=_scheduling(own, plan),
        callbacks=callbacks,
        monitor=find_monitor(
            settings.monitor, bundle, own_loss=own_loss, own=better, put=words_of(callbacks)
        ),
        example=fit.example,
        notes=[*fit.notes, *(finding.text for finding in bundle.report.findings if finding not in known)],
    )


@dataclass(frozen=True)
class Fit:
    """A loss that has been seen to fit the model and the data, on one batch.

    Attributes:
        inputs: Of the batch, on the model's device; None where nothing but a step knows them.
        outputs: What the model gave in evaluation.
        example: A few inputs of the model, where they are not those of the data; none where nobody knows.
    """

    bundle: DataBundle
    loss: Any
    inputs: Inputs
    outputs: Any
    target: Any
    example: tuple[Tensor, ...] | None = None
    notes: Sequence[str] = ()


def _fit_loss(network: nn.Module, bundle: DataBundle, own: Own, settings: TrainConfig) -> Fit:
    own_loss = own.loss is not None
    if isinstance(network, Models):
        raise ArgumentError(
            f"{len(network)} models are given, and only a step of yours tells how they train together.",
            "Write def step(model, batch, optimizers), and give it: --step step",
        )
    bundle = bundle.as_given() if own_loss else for_model(with_loss_of_the_model(bundle, network), network)
    criterion = make_criterion(own.loss, bundle, settings)
    # Within the seed too: a lazy layer draws its weights from the first batch it sees.
    report, batch = _check(network, bundle, criterion, own_loss=own_loss)
    if own_loss or isinstance(criterion, ModelLoss):
        bundle = for_own_loss(bundle, criterion, report.outputs)
    outputs = None
    if own.metrics:
        with untouched(network), evaluating(network), torch.no_grad():
            outputs = bundle.task.objective(bundle.signature, criterion)(network, batch)[1]
    return Fit(bundle, criterion, batch.inputs, outputs, batch.target)


def fit_step(network: nn.Module, bundle: DataBundle, own: Own, settings: TrainConfig) -> Fit:
    """Run the user's step on one batch, and see what of the model is served."""
    optimizer = _own_optimizer(own, network) or make_optimizers(network, settings, apart=True)
    objective = StepObjective(own.step, handed(optimizer))
    batch = first_on(network, bundle, settings)
    served = try_step(network, objective, batch, measures="val" in bundle.splits)
    outputs = objective.call[2] if objective.call is not None else None
    bundle = for_step(bundle, served, batch)
    same = served.inputs is batch.inputs or bundle.signature.task != Generic.name
    if served.outputs:
        bundle = for_own_loss(bundle, own.step, served.outputs)
    notes = []
    if isinstance(network, Models):
        name = next(iter(network))
        notes.append(f"Of {', '.join(network)} the first, {name}, is evaluated and deployed.")
    example = None if same else () if served.inputs is None else few_of(served.inputs)
    return Fit(bundle, own.step, served.inputs, outputs, batch.target, example, notes)


def first_on(network: nn.Module, bundle: DataBundle, settings: TrainConfig) -> Batch:
    """The first batch of the training data in their order, where the model is."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    items = min(8, len(bundle.train))
    loader = bundle.loader("train", batch_size=items, device=device, shuffle=False, seed=settings.seed)
    return next(iter(loader.batches(0)))


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


def _bundle(data: Any, train: Any, val: Any, recipe: Recipe | None, *, whole: bool) -> DataBundle:
    if data is None and train is None:
        raise ArgumentError(
            "There is no data to train on.", "Give --data NAME, or --train LOADER --val LOADER."
        )
    if data is not None and train is not None:
        raise ArgumentError(
            "Both --data and --train are given; which one shall it be?", "Leave one of them out."
        )
    if data is None:
        return as_whole(train, val) if whole else loaders(train, val)
    bundle = as_bundle(data, whole=whole)
    return bundle.with_augment(recipe.augment) if recipe is not None else bundle


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
) -> tuple[CheckReport, Batch]:
    """Run one real batch through the model where it is, before anything is trained or written.

    Returns:
        What it showed, and the batch.
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    batch = Batch(*moved(bundle.example(min(8, len(bundle.train))), device))
    if isinstance(criterion, nn.Module):
        criterion.to(device)
    report = check_model(
        network,
        batch.inputs,
        batch.target,
        loss=criterion,
        num_classes=len(bundle.signature.class_names) or None,
        task=bundle.task.name,
        own_loss=own_loss or isinstance(criterion, ModelLoss),
    )
    return report, batch
