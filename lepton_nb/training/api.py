"""`train` and `resume`: what `%lepton train` and `%lepton resume` call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from lepton_nb.callbacks import Callback, TrainState, as_callbacks
from lepton_nb.data import DataBundle
from lepton_nb.errors import TrainingError
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.several import Models
from lepton_nb.packaging import keep_example, load_data, load_model
from lepton_nb.packaging.restore import check_fits, remember
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.checkpoints import Checkpoint
from lepton_nb.runs.provenance import provenance
from lepton_nb.runs.states import ACTIVE
from lepton_nb.runs.trained import keep_trained
from lepton_nb.signature import Signature
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device
from lepton_nb.training.job import Job
from lepton_nb.training.own import Own
from lepton_nb.training.parts import freeze_again, record_parts
from lepton_nb.training.plan import Plan
from lepton_nb.training.preparing import given_bundle, prepare
from lepton_nb.training.prospects import say_limits
from lepton_nb.training.random_weights import say_frozen_random
from lepton_nb.training.recorded import Recorded
from lepton_nb.training.release import frees_memory

if TYPE_CHECKING:
    from lepton_nb.training.background.cargo import Cargo


@frees_memory
def train(
    model: Any = None,
    data: Any = None,
    *,
    train: Any = None,
    val: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    scheduler: Any = None,
    step: Any = None,
    metrics: Any = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    notes: str | None = None,
    recipe: str | None = None,
    callbacks: Sequence[Callback | type[Callback] | Callable[[TrainState], Any]] = (),
    background: bool = False,
    **config: Any,
) -> Run:
    """Train a model, and leave a run on disk from the first step.

    Args:
        model: An ``nn.Module`` (trained in place; parts of it in evaluation mode stay in it), a class or
            factory, a `Definition`, or the name of a starter or torchvision model. None takes the recipe's,
            or the task's default starter. Several by name, as ``{"generator": G, "critic": C}``, are trained
            by a `step`; the first of them is evaluated and deployed.
        data: A `DataBundle`, or anything `lepton_nb.data.load` takes.
        train: Instead of `data`, a DataLoader or Dataset of ``(inputs, target)`` batches or items.
        val: The held-out DataLoader or Dataset beside `train`.
        optimizer: A ``torch.optim.Optimizer`` over the model's parameters, or the name of one. An optimizer
            of one's own keeps its learning rate, unless a schedule is asked for. For a `step` that takes
            optimizers a dict or list of them, too.
        loss: A callable ``loss(preds, target)`` giving a scalar; the task's where None.
        scheduler: A ``torch.optim.lr_scheduler``, its class, a partial of it or a function of the optimizer.
            ``scheduler_by`` says whether it is stepped after each step or each epoch. Parameters called
            ``epochs``, ``steps_per_epoch``, ``total_steps``, ``num_training_steps`` and ``T_max`` are filled.
        step: In place of a loss: ``step(model, batch)`` gives the loss of a batch as the loader yields it, or
            a dict of ``loss`` and numbers to log. ``step(model, batch, optimizers)`` does so after it has
            gone backward and moved the weights itself. It is run once before the first step; the validation
            split is measured by it, too, without moving anything.
        metrics: Metrics beside the task's: an object of torchmetrics, or a function of the outputs and
            targets of the whole validation split; or several, in a list or by name.
        name: Name of the run; made from the model's where None. The same name again makes ``name@2``.
        tags: Marks to find the run by, such as ``{"team": "vision", "baseline": ""}``.
        notes: Text to keep with the run.
        recipe: A named set of settings known to work well; `config` overrides it.
        callbacks: `Callback` objects or classes, or functions of the state that are called after each epoch;
            after the built-in ones.
        background: Train in a process of its own, which outlives this kernel, and return at once. Everything
            is checked here first and travels there by value; runs for one device wait for each other.
        **config: Fields of `TrainConfig`.

    Returns:
        The run. ``run.live["model"]`` is the trained model, in evaluation mode, with the best weights; of a
        run in the background `lepton_nb.load_model` gives it.

    Raises:
        ArgumentError: If a setting is unknown or out of range.
        DataError: If the data cannot be used.
        ModelError: If the model does not fit the data; nothing has been trained.
        TrainingError: If training cannot go on; the run keeps its last checkpoint. In the background, if
            something cannot travel to another process: says what, where it was made, and the remedy.
    """
    plan = prepare(
        model,
        data,
        train=train,
        val=val,
        own=Own(optimizer, loss, scheduler, step, metrics),
        recipe=recipe,
        config=config,
        callbacks=as_callbacks(callbacks),
    )
    cargo = _pack(plan) if background else None  # what cannot travel is said before there is a run
    run = _create_run(name, plan)
    run.annotate(notes=notes, tags=tags)
    _keep(run, plan)
    for note in plan.notes:
        run.append_log(note)
    say_limits(run, plan)
    say_frozen_random(run, plan)
    return Job(run, plan).execute() if cargo is None else _launch(run, plan, cargo)


@frees_memory
def resume(
    run: Run | str,
    *,
    model: nn.Module | Mapping[str, nn.Module] | None = None,
    data: Any = None,
    train: Any = None,
    val: Any = None,
    optimizer: torch.optim.Optimizer | None = None,
    loss: Any = None,
    scheduler: Any = None,
    step: Any = None,
    metrics: Any = None,
    epochs: int | None = None,
    lr: float | None = None,
    clip: float | None = None,
    on_nan: Literal["stop", "skip"] | None = None,
    callbacks: Sequence[Callback | type[Callback] | Callable[[TrainState], Any]] = (),
    background: bool = False,
) -> Run:
    """Go on with a run from its last checkpoint, to the same weights as if it had never stopped.

    Args:
        run: The run, or its name.
        model: The architecture, where it cannot be rebuilt from the run; its weights are overwritten.
        data: The data, where it cannot be loaded again from where it came.
        train, val: In place of `data`, loaders or Datasets as for `train`.
        optimizer, loss, scheduler, step, metrics: The user's own again, where the run was trained with them,
            and this process does not have them and cannot make them.
        epochs: Train to this many epochs in all, in place of the number the run had.
        lr, clip, on_nan: New values of these settings, for a run that diverged; they stay with the run.
        callbacks: As for `train`.
        background: Train in a process of its own, as `train` does.

    Raises:
        NotFoundError: If there is no such run.
        TrainingError: If the run is complete, or is being trained right now.
    """
    called = as_callbacks(callbacks)
    if isinstance(run, str):
        run = RunStore().get_run(run)
    _check_free(run)
    asked = {"epochs": epochs, "lr": lr, "clip": clip, "on_nan": on_nan}
    changes = {name: value for name, value in asked.items() if value is not None}
    settings = TrainConfig.from_options({**run.read_json("config.json"), **changes})
    checkpoint, saved = _last(run, settings)
    own = Recorded(run, Own(optimizer, loss, scheduler, step, metrics))
    given = any(part is not None for part in (data, train, val))
    bundle = given_bundle(data, train, val, whole=own.stepped) if given else load_data(run)
    _note_changed_data(run, bundle)
    keep_trained(run, bundle.contents.get("train"))
    signature = Signature.from_dict(run.read_json("signature.json"))
    bundle = (bundle.as_given() if own.has_loss else bundle).as_trained(signature)
    if own.stepped:
        bundle = replace(bundle, signature=signature).as_whole()
    model = Models(model) if isinstance(model, Mapping) else model
    network = model if model is not None else run.live.get("model")
    if network is None:
        network = load_model(run, checkpoint=checkpoint.step)
    check_fits(network, saved["model"], run, _where_the_model_is(run, model))
    if model is not None or "model" not in run.live:
        freeze_again(run, network)
    if changes:
        _note_changes(run, settings, changes, checkpoint.step)
    plan = own.plan(network, bundle, settings, called, lr)
    if not background:
        return Job(run, plan).execute(saved)
    from lepton_nb.training.background.launch import launch

    return launch(run, _pack(plan), choose_device(settings.device).device, resume=True)


def _launch(run: Run, plan: Plan, cargo: Cargo) -> Run:
    """Train in a process of its own."""
    from lepton_nb.training.background.launch import launch

    run.live.update(data=plan.data)
    if plan.defined.spec.kind == "live":
        run.live.update(model=plan.model)  # its architecture: the weights come from a checkpoint
    return launch(run, cargo, choose_device(plan.config.device).device)


def _check_free(run: Run) -> None:
    """Refuse a run that another process is training."""
    run.refresh()
    if run.status in ACTIVE and run.pid != os.getpid():
        raise TrainingError(
            f"Run {run.ref} is {run.status}, in process {run.pid}.",
            f"Watch it: %lepton attach {run.ref}, or stop it first: %lepton stop {run.ref}",
        )


def _last(run: Run, settings: TrainConfig) -> tuple[Checkpoint, dict[str, Any]]:
    """The last checkpoint that can be read, and what it holds; refuses a run with nothing left to do."""
    known = len(run.warnings)
    checkpoint, saved = run.load_checkpoint("last")
    for warning in run.warnings[known:]:
        run.append_log(warning)
    # One cut off between its last checkpoint and its end has only that end to come.
    if saved["epoch"] >= settings.epochs and run.status == "finished":
        raise TrainingError(
            f"Run {run.ref} already has all of its epochs ({settings.epochs}).",
            f"To train longer: %lepton resume {run.ref} --epochs {settings.epochs * 2}",
        )
    return checkpoint, saved


def _note_changes(run: Run, settings: TrainConfig, changes: Mapping[str, Any], step: int) -> None:
    run.write_json("config.json", settings.to_dict())
    said = ", ".join(f"{name} {value}" for name, value in changes.items())
    run.append_log(f"resumed with {said} from step {step}")


def _where_the_model_is(run: Run, given: Any) -> str:
    """What to do where a model is not the run's."""
    if run.read_json("model.json", {}).get("kind") == "live":
        return "Give --model one of the class that the run was trained with."
    if given is not None:
        return "Leave --model out: the run is built again from its own source."
    return (
        f"Take it from the run: net = lepton_nb.load_model({run.ref!r}), %lepton resume {run.ref} --model net"
    )


def _pack(plan: Plan) -> Cargo:
    from lepton_nb.training.background.cargo import pack

    return pack(plan)


def _keep(run: Run, plan: Plan) -> None:
    """Keep with the run what a resume, an evaluation and a package will ask for."""
    with private_rng():
        if plan.example != ():
            keep_example(run, plan.data, plan.example)  # packaging needs some, perhaps without the data
    keep_trained(run, plan.data.contents.get("train"))
    run.write_json("own.json", plan.described())
    record_parts(run, plan.model)
    remember(run, plan.model, plan.data)


def _note_changed_data(run: Run, bundle: DataBundle) -> None:
    """Say so where the data is not what the run was trained on: the result is then another one."""
    before = run.read_json("environment.json", {}).get("data_fingerprint")
    if before and bundle.fingerprint and before != bundle.fingerprint:
        said = f"The data {bundle.name!r} is not what run {run.ref} was trained on, so the result differs."
        run.warnings.append(said)
        run.append_log(said)


def _create_run(name: str | None, plan: Plan) -> Run:
    definition, bundle, settings = plan.defined, plan.data, plan.config
    run = RunStore().create_run(
        name,
        task=bundle.task.name,
        model=definition.name,
        data=bundle.name,
        params=plan.used(),
        monitor=plan.monitor.name,
        mode=plan.monitor.mode,
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
