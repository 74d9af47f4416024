"""The training loop: one function, which reads like the loop one would write by hand.

In pseudocode::

    for epoch in range(epochs):
        seed(epoch)
        for batches in groups of `accumulation` of train_loader:
            forward, backward                    # `Gradients`; stop or leave out where the loss is NaN
            clip, step, zero_grad
            record, callbacks
            stop or pause if asked
        validate, callbacks, checkpoint

Everything random within an epoch follows from the seed and the epoch, and a checkpoint holds the state of
the generators in mid-epoch, so that a run continued from a checkpoint repeats the one that was cut off.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import nn

from lepton_nb.batch import Batch
from lepton_nb.callbacks import Callback, TrainState, callback_states, restore_callbacks
from lepton_nb.callbacks.metrics import Metrics
from lepton_nb.data import Loader
from lepton_nb.errors import TrainingError
from lepton_nb.models.objectives import Objective
from lepton_nb.models.seeding import get_rng_state, seed_all, set_rng_state
from lepton_nb.tasks.meters import Meter
from lepton_nb.training.averaging import WeightAverage
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.gradients import Gradients, NonFiniteLossError
from lepton_nb.training.group import ALONE, Group
from lepton_nb.training.monitoring import check_monitored
from lepton_nb.training.nonfinite import NonFinite
from lepton_nb.training.rates import Rates
from lepton_nb.training.recorder import Recorder
from lepton_nb.training.scheduling import Scheduled
from lepton_nb.training.validation import validate


@dataclass
class Work:
    """What the loop works with; `TrainState` says how far it is.

    Attributes:
        criterion: The loss, whose state is kept with the model's.
        objective: Gives the loss of a batch.
        meter: Makes what measures an epoch.
        rates: Sets the learning rate of each parameter group before every step.
        group: Who trains with us; what changes the course of a run is decided by all.
        averaging: Says which weights are validated and kept, the model's own or an average of them.
        autocast: Context of the forward pass, entered again and again.
        nonfinite: Decides what a loss that is NaN or infinite means.
        logs: Gives the numbers that a step of the user's has logged of the last batch.
        scheduled: The user's own scheduler, where it moves the rates.
        rng_state: Generators to put back before the first batch of a run resumed in mid-epoch.
        loss_sum: Sum of the losses of this epoch's items so far.
    """

    train_loader: Loader
    val_loader: Loader | None
    criterion: Any
    objective: Objective
    gradients: Gradients
    meter: Callable[[], Meter]
    rates: Rates
    autocast: AbstractContextManager[Any]
    nonfinite: NonFinite
    scaler: torch.amp.GradScaler
    logs: Callable[[], Mapping[str, Any]]
    recorder: Recorder
    averaging: WeightAverage
    scheduled: Scheduled | None = None
    group: Group = ALONE
    rng_state: dict[str, Any] | None = None
    loss_sum: float = 0.0
    items: int = 0
    epoch_seconds: float = 0.0


def fit(state: TrainState, work: Work, callbacks: Sequence[Callback]) -> None:
    """Train until the last epoch, a stop request or an exception.

    Raises:
        TrainingError: If the loss is no longer finite.
    """
    _call(callbacks, "on_fit_start", state)
    while state.epoch < state.epochs and not state.control.stop_requested:
        _train_epoch(state, work, callbacks)
        if state.control.stop_requested or not _validate_epoch(state, work, callbacks):
            break
        _call(callbacks, "on_epoch_end", state)
        work.recorder.note()
        _next_epoch(state, work)
    state.phase = "finished" if state.epoch >= state.epochs else "stopped"
    _call(callbacks, "on_fit_end", state)


def _train_epoch(state: TrainState, work: Work, callbacks: Sequence[Callback]) -> None:
    config: TrainConfig = state.config
    control, recorder, group = state.control, work.recorder, work.group
    hooks = [callback.on_step_end for callback in callbacks if _overrides(callback, "on_step_end")]
    state.phase = "training"
    state.model.train()
    seed_all(config.seed, state.epoch)
    _call(callbacks, "on_epoch_start", state)
    started = time.perf_counter() - work.epoch_seconds
    state.optimizer.zero_grad(set_to_none=True)
    batches = work.train_loader.batches(state.epoch, state.batch)
    if work.rng_state is not None:
        set_rng_state(work.rng_state)
        work.rng_state = None
    for together in _groups(batches, config.accumulation):
        state.batch += len(together)
        work.rates.apply(state.step)
        try:
            loss = work.gradients.add(together)
        except NonFiniteLossError as error:
            recorder.flush()
            work.nonfinite.answer(error)
            continue
        items = sum(batch.items for batch in together)
        work.loss_sum += loss * items
        work.items += items
        work.gradients.move(config.clip)
        state.step += 1
        recorder.record(loss, items, work.logs())
        work.epoch_seconds = time.perf_counter() - started
        for on_step_end in hooks:
            on_step_end(state)
        recorder.note()
        if group.any(control.paused):
            _pause(state, recorder)
        if group.any(control.lr_requested):
            _change_lr(state, work)
        if group.any(control.stop_requested):
            control.stop()
            break
    work.epoch_seconds = time.perf_counter() - started
    recorder.flush()


def _groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """The batches of each step; the last step of an epoch may have fewer."""
    iterator = iter(batches)
    while group := list(islice(iterator, size)):
        yield group


def _change_lr(state: TrainState, work: Work) -> None:
    """Put the learning rate asked for in the place of the peak one; every group keeps its share of it."""
    value, before = work.group.broadcast(state.control.take_lr()), work.rates.peaks[0]
    if value is None:
        return
    work.rates.change(value)
    if work.scheduled is not None:
        work.scheduled.change(value / before)
    state.run.append_log(f"learning rate {before:g} changed to {value:g} at step {state.step}")


def _validate_epoch(state: TrainState, work: Work, callbacks: Sequence[Callback]) -> bool:
    """Measure the epoch and tell the callbacks; False where a stop request cut it short."""
    state.phase = "validating"
    metrics: dict[str, float] | None = {}
    if work.val_loader is not None:
        with work.autocast, work.averaging.applied(state):
            metrics = validate(
                state.model,
                work.val_loader,
                work.objective,
                work.meter(),
                keep_going=work.recorder.keep_going,
                tell=state.run.warn,
                group=work.group,
            )
    if metrics is None:
        return False
    seconds = max(work.epoch_seconds, 1e-9)
    metrics |= {
        "train_loss": work.loss_sum / max(work.items, 1),
        "epoch_seconds": work.epoch_seconds,
        "items_per_second": work.items / seconds,
    }
    state.metrics.know(metrics)
    measuring = [callback for callback in callbacks if callback.measures]
    _call(measuring, "on_validation_end", state)
    work.recorder.emit([(state.step, state.epoch, {**metrics, **state.metrics.take_put()})])
    check_monitored(state)
    state.note_best()
    _call([callback for callback in callbacks if not callback.measures], "on_validation_end", state)
    work.recorder.rest()
    return True


def _next_epoch(state: TrainState, work: Work) -> None:
    state.epoch += 1
    state.batch = 0
    work.loss_sum = 0.0
    work.items = 0
    work.epoch_seconds = 0.0


def _pause(state: TrainState, recorder: Recorder) -> None:
    """Wait for resume or stop; the time counts for nothing."""
    recorder.flush()
    phase, state.phase = state.phase, "paused"
    state.writer.set_status("paused")
    recorder.emit([])
    paused_at = time.monotonic()
    state.control.wait_while_paused(recorder.poll_requests)
    state.started += time.monotonic() - paused_at
    state.phase = phase
    state.writer.set_status("running")
    recorder.rest()


def snapshot(state: TrainState, work: Work) -> dict[str, object]:
    """Everything needed to go on from here as if nothing had happened.

    After validation the place to go on from is the first batch of the next epoch. The history up to here is
    handed on first, so that a run resumed from here has no gap in it.

    Raises:
        TrainingError: If a weight is no longer finite; what was saved before is kept.
    """
    work.recorder.flush()
    work.rates.take_over(state.step)
    _check_weights(state)
    done = state.phase == "validating"
    return {
        "model": work.averaging.weights(),
        "optimizer": state.optimizer.state_dict(),
        "scaler": work.scaler.state_dict(),
        "loss": _state_of(work.criterion),
        "base_lrs": list(work.rates.peaks),
        "epoch": state.epoch + 1 if done else state.epoch,
        "batch": 0 if done else state.batch,
        "step": state.step,
        "best_value": state.best_value,
        "best_loss": state.best_loss,
        "best_epoch": state.best_epoch,
        "metrics": dict(state.metrics),
        "loss_sum": 0.0 if done else work.loss_sum,
        "items": 0 if done else work.items,
        "epoch_seconds": 0.0 if done else work.epoch_seconds,
        "most": work.gradients.most,
        "rng": None if done or not state.batch else get_rng_state(),
        "callbacks": callback_states(work.recorder.callbacks),
    }


def restore(state: TrainState, work: Work, saved: dict[str, Any]) -> None:
    """Put back what `snapshot` returned, the model's weights included."""
    state.model.load_state_dict(saved["model"])
    state.optimizer.load_state_dict(saved["optimizer"])
    work.scaler.load_state_dict(saved["scaler"])
    if hasattr(work.criterion, "load_state_dict") and saved.get("loss"):
        work.criterion.load_state_dict(saved["loss"])
    work.rates.restore(saved["base_lrs"])
    state.epoch, state.batch, state.step = saved["epoch"], saved["batch"], saved["step"]
    state.started_step = state.step
    state.best_value, state.best_loss = saved["best_value"], saved["best_loss"]
    state.best_epoch = saved["best_epoch"]
    state.metrics = Metrics(saved["metrics"])
    work.loss_sum = saved["loss_sum"]
    work.items, work.epoch_seconds = saved["items"], saved["epoch_seconds"]
    work.gradients.most = saved["most"]
    work.rng_state = saved["rng"]
    restore_callbacks(work.recorder.callbacks, saved.get("callbacks", {}))


def _state_of(criterion: Any) -> dict[str, Any]:
    """What a loss or step learns or counts, such as a temperature; most have nothing."""
    return dict(criterion.state_dict()) if hasattr(criterion, "state_dict") else {}


def _check_weights(state: TrainState) -> None:
    largest = nn.utils.get_total_norm([p.detach() for p in state.model.parameters()], math.inf)
    if not torch.isfinite(largest):
        raise TrainingError(
            f"The weights hold NaN or infinity after step {state.step}, so they are not saved.",
            f"The checkpoint before is kept: %lepton resume {state.run.ref} --lr {state.lr / 10:.2g}",
        )


def _call(callbacks: Sequence[Callback], hook: str, state: TrainState) -> None:
    for callback in callbacks:
        getattr(callback, hook)(state)


def _overrides(callback: Callback, hook: str) -> bool:
    return getattr(type(callback), hook) is not getattr(Callback, hook)
