"""`train` and `resume`: what `%lepton train` and `%lepton resume` call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lepton_nb.callbacks import Callback
from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.errors import ArgumentError, TrainingError
from lepton_nb.models import Definition, check_model
from lepton_nb.models import model as define_model
from lepton_nb.packaging import keep_example, load_data, load_model
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.provenance import provenance
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device, choose_precision
from lepton_nb.training.job import Job
from lepton_nb.training.mixing import check_mixing
from lepton_nb.training.optimizers import check_optimizer
from lepton_nb.training.own import describe_loss, describe_optimizer, make_loss_again, make_optimizer_again
from lepton_nb.training.recipes import Recipe, get_recipe
from lepton_nb.training.seeding import private_rng, seed_all


def train(
    model: Any = None,
    data: Any = None,
    *,
    train: Any = None,
    val: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    name: str | None = None,
    recipe: str | None = None,
    callbacks: Sequence[Callback] = (),
    **config: Any,
) -> Run:
    """Train a model, and leave a run on disk from the first step.

    Args:
        model: An ``nn.Module`` (trained in place), a class or factory, a `Definition`, or the name of a
            starter or torchvision model. None takes the recipe's, or the task's default starter.
        data: A `DataBundle`, or anything `lepton_nb.data.load` takes.
        train: Instead of `data`, a DataLoader or Dataset of ``(inputs, target)`` batches or items.
        val: The held-out DataLoader or Dataset beside `train`.
        optimizer: A ``torch.optim.Optimizer`` over the model's parameters, or the name of one. An optimizer
            of one's own keeps its learning rate, unless a schedule is asked for.
        loss: A callable ``loss(preds, target)`` giving a scalar; the task's where None.
        name: Name of the run; made from the model's where None. The same name again makes ``name@2``.
        recipe: A named set of settings known to work well; `config` overrides it.
        callbacks: `Callback` objects, called after the built-in ones.
        **config: Fields of `TrainConfig`.

    Returns:
        The run. ``run.live["model"]`` is the trained model, in evaluation mode, with the best weights.

    Raises:
        ArgumentError: If a setting is unknown or out of range.
        DataError: If the data cannot be used.
        ModelError: If the model does not fit the data; nothing has been trained.
        TrainingError: If training cannot go on; the run keeps its last checkpoint.
    """
    chosen = get_recipe(recipe) if recipe is not None else None
    settings = _settings(chosen, optimizer, config)
    choose_precision(settings.precision, choose_device(settings.device).device)
    bundle = _bundle(data, train, val, chosen)
    definition = _definition(model if model is not None else _default_model(chosen, bundle), bundle)
    criterion = _loss(loss, bundle, settings)
    with private_rng():
        seed_all(settings.seed)
        network = definition.build()
        # Within the seed too: a lazy layer draws its weights from the first batch it sees.
        _check(network, bundle, criterion)
        check_mixing(settings, bundle, criterion)
        if settings.freeze is not None:
            frozen_modules(network, settings.freeze)
    own = None if optimizer is None or isinstance(optimizer, str) else check_optimizer(optimizer, network)
    run = _create_run(name, definition, bundle, settings)
    with private_rng():
        keep_example(run, bundle)  # packaging needs real inputs, perhaps when the data is gone
    described = {"optimizer": describe_optimizer(own, network), "loss": describe_loss(loss)}
    run.write_json("own.json", described)
    return Job(run, network, bundle, settings, criterion, own).execute(callbacks)


def resume(
    run: Run | str,
    *,
    model: nn.Module | None = None,
    data: Any = None,
    optimizer: torch.optim.Optimizer | None = None,
    loss: Any = None,
    epochs: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Go on with a run from its last checkpoint, to the same weights as if it had never stopped.

    Args:
        run: The run, or its name.
        model: The architecture, where it cannot be rebuilt from the run; its weights are overwritten.
        data: The data, where it cannot be loaded again from where it came.
        optimizer: The user's own optimizer again, where the run was trained with one.
        loss: The user's own loss again, where the run was trained with one.
        epochs: Train to this many epochs in all, in place of the number the run had.
        callbacks: `Callback` objects.

    Raises:
        NotFoundError: If there is no such run.
        TrainingError: If the run is complete, or is being trained right now.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    settings = TrainConfig.from_options(run.read_json("config.json"))
    if epochs is not None:
        settings = settings.replace(epochs=epochs)
    checkpoint, saved = run.load_checkpoint("last")
    if saved["epoch"] >= settings.epochs:
        raise TrainingError(
            f"Run {run.ref} already has all of its epochs ({settings.epochs}).",
            f"To train longer: %lepton resume {run.ref} --epochs {settings.epochs * 2}",
        )
    bundle = _as_bundle(data) if data is not None else load_data(run)
    _note_changed_data(run, bundle)
    network = model if model is not None else run.live.get("model")
    if network is None:
        network = load_model(run, checkpoint=checkpoint.step)
    own = run.read_json("own.json", {})
    if optimizer is not None:
        check_optimizer(optimizer, network)
    elif own.get("optimizer"):
        optimizer = make_optimizer_again(own["optimizer"], network, run.ref)
    if loss is None and own.get("loss"):
        loss = make_loss_again(own["loss"], run.ref)
    criterion = _loss(loss, bundle, settings)
    return Job(run, network, bundle, settings, criterion, optimizer).execute(callbacks, saved)


def _note_changed_data(run: Run, bundle: DataBundle) -> None:
    """Say so where the data is not what the run was trained on: the result is then another one."""
    before = run.read_json("environment.json", {}).get("data_fingerprint")
    if before and bundle.fingerprint and before != bundle.fingerprint:
        said = f"The data {bundle.name!r} is not what run {run.ref} was trained on, so the result differs."
        run.warnings.append(said)
        run.append_log(said)


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
    bundle = _as_bundle(data)
    return bundle.with_augment(recipe.augment) if recipe is not None else bundle


def _as_bundle(data: Any) -> DataBundle:
    return data if isinstance(data, DataBundle) else load(data)


def _default_model(recipe: Recipe | None, bundle: DataBundle) -> str:
    return recipe.model if recipe is not None else next(iter(bundle.task.starters()))


def _definition(model: Any, bundle: DataBundle) -> Definition:
    if isinstance(model, Definition):
        return model
    return define_model(model, signature=bundle.signature, starters=bundle.task.starters())


def _loss(loss: Any, bundle: DataBundle, settings: TrainConfig) -> Any:
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


def _check(network: nn.Module, bundle: DataBundle, criterion: Any) -> None:
    """Run one real batch through the model where it is, before anything is trained or written."""
    inputs, target = bundle.example(min(8, len(bundle.train)))
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    moved = (
        inputs.to(device) if isinstance(inputs, torch.Tensor) else tuple(part.to(device) for part in inputs)
    )
    if isinstance(criterion, nn.Module):
        criterion.to(device)
    classes = len(bundle.signature.class_names) or None
    check_model(network, moved, target.to(device), loss=criterion, num_classes=classes, task=bundle.task.name)


def _create_run(name: str | None, definition: Definition, bundle: DataBundle, settings: TrainConfig) -> Run:
    held_out = "val" in bundle.splits
    run = RunStore().create_run(
        name,
        task=bundle.task.name,
        model=definition.name,
        data=bundle.name,
        params=settings.to_dict(),
        monitor=bundle.task.monitor if held_out else "train_loss",
        mode=bundle.task.mode if held_out else "min",
        epochs=settings.epochs,
    )
    run.write_json("config.json", settings.to_dict())
    environment = {**provenance(Path.cwd()), "seed": settings.seed, "data_fingerprint": bundle.fingerprint}
    run.write_json("environment.json", environment)
    run.write_json("signature.json", bundle.signature.to_dict())
    run.write_json("data.json", bundle.spec)
    run.write_json("model.json", definition.spec.to_dict())
    run.write_text("source.py", definition.spec.source)
    return run
