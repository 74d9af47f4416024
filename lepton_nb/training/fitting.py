"""One real batch through a model and what trains it: a loss or a step of the user's, or the task's loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, moved
from lepton_nb.data import DataBundle
from lepton_nb.errors import ArgumentError
from lepton_nb.models import Inputs, check_model
from lepton_nb.models.calling import home_of
from lepton_nb.models.check import CheckReport
from lepton_nb.models.losses import make_loss
from lepton_nb.models.objectives import OF_THE_MODEL, ModelLoss
from lepton_nb.models.preserve import evaluating, untouched
from lepton_nb.models.several import Models
from lepton_nb.models.stepping import StepObjective
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.kind import for_model, for_own_loss, with_loss_of_the_model
from lepton_nb.training.several import handed
from lepton_nb.training.trial_step import for_step, try_step


@dataclass(frozen=True)
class Fit:
    """A loss that has been seen to fit the model and the data, on one batch.

    Attributes:
        inputs: Of the batch, on the model's device; None where nothing but a step knows them.
        outputs: What the model gave in evaluation; None where nothing of the user's measures it.
        example: A few inputs of the model, where they are not those of the data; none where nobody knows.
    """

    bundle: DataBundle
    loss: Any
    inputs: Inputs
    outputs: Any
    target: Any
    example: tuple[Tensor, ...] | None = None
    notes: Sequence[str] = ()


def fit_loss(
    network: nn.Module, bundle: DataBundle, loss: Any, settings: TrainConfig, *, measured: bool
) -> Fit:
    """Run the model and a loss, the user's own or the task's, on one batch.

    Args:
        measured: Whether metrics of the user's are to be tried on what it gives in evaluation.
    """
    own_loss = loss is not None
    if isinstance(network, Models):
        raise ArgumentError(
            f"{len(network)} models are given, and only a step of yours tells how they train together.",
            "Write def step(model, batch, optimizers), and give it: --step step",
        )
    bundle = bundle.as_given() if own_loss else for_model(with_loss_of_the_model(bundle, network), network)
    criterion = make_criterion(loss, bundle, settings)
    # Within the seed too: a lazy layer draws its weights from the first batch it sees.
    report, batch = _check(network, bundle, criterion, own_loss=own_loss)
    if own_loss or isinstance(criterion, ModelLoss):
        bundle = for_own_loss(bundle, criterion, report.outputs)
    outputs = None
    if measured:
        with untouched(network), evaluating(network), torch.no_grad():
            outputs = bundle.task.objective(bundle.signature, criterion)(network, batch)[1]
    return Fit(bundle, criterion, batch.inputs, outputs, batch.target)


def fit_step(
    network: nn.Module,
    bundle: DataBundle,
    step: Callable[..., Any],
    optimizer: torch.optim.Optimizer,
    settings: TrainConfig,
) -> Fit:
    """Run the user's step on one batch, and see what of the model is served."""
    objective = StepObjective(step, handed(optimizer))
    batch = first_on(network, bundle, settings)
    served = try_step(network, objective, batch, measures="val" in bundle.splits)
    bundle, example = for_step(bundle, served, batch)
    if served.outputs:
        bundle = for_own_loss(bundle, step, served.outputs)
    notes = []
    if isinstance(network, Models):
        name = next(iter(network))
        notes.append(f"Of {', '.join(network)} the first, {name}, is evaluated and deployed.")
    return Fit(bundle, step, served.inputs, objective.output, batch.target, example, notes)


def first_on(network: nn.Module, bundle: DataBundle, settings: TrainConfig) -> Batch:
    """The first batch of the training data in their order, where the model is."""
    device = home_of(network)
    items = min(8, len(bundle.train))
    loader = bundle.loader("train", batch_size=items, device=device, shuffle=False, seed=settings.seed)
    return next(iter(loader.batches(0)))


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
    device = home_of(network)
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
