"""From a model, data and settings to something the loop can run, and back to a `Run`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from lepton_nb.callbacks import (
    Callback,
    Checkpointing,
    EarlyStopping,
    Freezing,
    HardwareSampler,
    HistoryWriter,
    RunLog,
    TrainState,
)
from lepton_nb.callbacks.sinks import make_sinks
from lepton_nb.data import Loader
from lepton_nb.data.own.workers import worker_death
from lepton_nb.errors import LeptonError, StoreError
from lepton_nb.models.losses import loss_parameters
from lepton_nb.models.objectives import Objective
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.stepping import StepObjective, moves_itself
from lepton_nb.runs import Retention, Run
from lepton_nb.tasks.meters import Meter
from lepton_nb.training.allocator import freed_memory_kept
from lepton_nb.training.autotune import autotune, compile_in_place
from lepton_nb.training.averaging import ExponentialAverage, StochasticAverage, WeightAverage
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import choose_device, choose_precision, make_autocast, precision_warning
from lepton_nb.training.gradients import Gradients, OwnMoves
from lepton_nb.training.interrupts import graceful_interrupt
from lepton_nb.training.layout import view_failure
from lepton_nb.training.loop import Work, fit, restore, snapshot
from lepton_nb.training.majority import Majority
from lepton_nb.training.mixing import mixed
from lepton_nb.training.monitoring import meter_of
from lepton_nb.training.nonfinite import NonFinite
from lepton_nb.training.optimizers import forgotten, make_optimizers, move_optimizer, use_fused
from lepton_nb.training.own_metrics import measured_beside
from lepton_nb.training.parts import StandingStill, recorded_parts
from lepton_nb.training.plan import Plan
from lepton_nb.training.profiling import Profiler
from lepton_nb.training.rates import Rates, scaled
from lepton_nb.training.recorder import Recorder
from lepton_nb.training.samples import Samples
from lepton_nb.training.schedules import Plateau, schedule_of, swa_start
from lepton_nb.training.scheduling import Length, Scheduled
from lepton_nb.training.settling import settle
from lepton_nb.training.step_logs import logged_beside


class Job:
    """One run, ready to go.

    Args:
        plan: What to train, and how.
    """

    def __init__(self, run: Run, plan: Plan) -> None:
        self.run, self.plan = run, plan
        self.model, self.data, self.loss = plan.model, plan.data, plan.loss
        self.config, self.optimizer = plan.config, plan.optimizer

    def execute(self, saved: dict[str, Any] | None = None) -> Run:
        """Train from the beginning, or from the saved state of a checkpoint, and settle the run's status.

        A stop request or one interrupt ends it gracefully. Whatever else ends it leaves the run marked
        ``failed`` with its last checkpoint, and is raised.
        """
        with private_rng():
            every: list[Callback] = []
            state, work = self._prepare(every)
            every += [
                HistoryWriter(),
                *self._features(work),
                *([EarlyStopping(self.config.patience)] if self.config.patience else []),
                Checkpointing(lambda: snapshot(state, work), self.config.checkpoint_every, self._retention()),
                RunLog(),
                *([Samples(self.data, work.averaging)] if Samples.suits(self.data) else []),
                HardwareSampler(),
                *make_sinks(self.config.sink),
                *self.plan.callbacks,
            ]
            if saved is not None:
                if self.plan.lr is not None:
                    change_rates(saved, self.plan.lr)
                restore(state, work, saved)
                if self.plan.lr is not None and work.scheduled is not None:
                    work.scheduled.change(self.plan.lr / (state.lr or self.plan.lr))
            self._keep_here(work)
            plan = replace(self.plan, config=self.config)
            state.writer.record_params({**self.run.params, **plan.used()})
            state.writer.begin(state.total_steps, from_step=state.step, epochs=state.epochs)
            try:
                with graceful_interrupt(state.control), freed_memory_kept(state.device):
                    fit(state, work, every)
                    self._settle(state, work)
            except BaseException as error:
                explained = worker_death(error) or self._layout_failure(error)
                self._fail(state, every, explained or error)
                if explained is not None:
                    raise explained from None
                raise
            finally:
                # The user's own model holds its gradients, and outlives the run; so does the optimizer.
                state.optimizer.zero_grad(set_to_none=True)
                work.rates.put_back()
                if work.scheduled is not None:
                    work.scheduled.put_back()
        return self.run

    def _keep_here(self, work: Work) -> None:
        """What this process can resume and evaluate the run with, beside what is on disk."""
        plan, live = self.plan, self.run.live
        live.update(model=self.model, data=self.data, metrics=plan.metrics)
        live["step" if plan.stepped else "loss"] = self.loss
        if plan.stepped:
            live["objective"] = work.objective
        if plan.optimizer is not None:
            live["optimizer"] = plan.optimizer
        if plan.scheduling is not None and plan.scheduling.given is not None:
            live["scheduler"] = plan.scheduling.given

    def _layout_failure(self, error: BaseException) -> LeptonError | None:
        return view_failure(error) if self.config.channels_last else None

    def _prepare(self, callbacks: list[Callback]) -> tuple[TrainState, Work]:
        choice = choose_device(self.config.device)
        self.model.to(choice.device)
        if isinstance(self.loss, nn.Module):
            self.loss.to(choice.device)
        self.config = self._tuned(choice.device)
        if self.config.channels_last:
            self.model.to(memory_format=torch.channels_last)
        if self.config.compile:
            compile_in_place(self.model, choice.device)
        ours = self.optimizer is None
        optimizer = self._optimizer(choice.device)
        make_loader = partial(
            self.data.loader, batch_size=self.config.batch_size, device=choice.device, seed=self.config.seed
        )
        train_loader = make_loader("train")
        val_loader = make_loader("val") if "val" in self.data.splits else None
        averaging = self._averaging(train_loader)
        steps = -(-len(train_loader) // self.config.accumulation)
        precision = choose_precision(self.config.precision, choice.device)
        if said := precision_warning(precision, choice.device):
            self.run.warnings.append(said)
            self.run.append_log(said)
        autocast = make_autocast(choice.device, precision)
        scaler = torch.amp.GradScaler(choice.device.type, enabled=precision == "fp16")
        skip = self.config.on_nan == "skip"
        state = TrainState(
            run=self.run,
            writer=self.run,
            model=self.model,
            optimizer=optimizer,
            config=self.config,
            device=choice.device,
            device_reason=choice.reason,
            data_name=self.data.name,
            epochs=self.config.epochs,
            steps_per_epoch=steps,
            monitor=self.run.monitor,
            mode=_mode(self.run.mode),
        )
        objective = self.plan.objective(optimizer)
        rates = Rates(optimizer, schedule_of(self.config, steps), None if ours else self.config.lr)
        scheduled = self._scheduled(rates, optimizer, steps)
        moves = isinstance(objective, StepObjective) and objective.moves
        gradients = OwnMoves if moves else Gradients
        work = Work(
            train_loader=mixed(train_loader, self.data, self.config),
            val_loader=val_loader,
            criterion=self.loss,
            objective=objective,
            gradients=gradients(self.run, self.model, optimizer, objective, autocast, scaler, revocable=skip),
            meter=self._meter(objective),
            rates=rates,
            scheduled=scheduled,
            autocast=autocast,
            nonfinite=NonFinite(state, self.loss, autocast, skip=skip),
            scaler=scaler,
            logs=(lambda: objective.logs) if isinstance(objective, StepObjective) else dict,
            recorder=Recorder(state, callbacks),
            averaging=averaging,
        )
        return state, work

    def _meter(self, objective: Objective) -> Callable[[], Meter]:
        meter = meter_of(self.data, self.run.monitor, self.plan.metrics)
        meter = measured_beside(meter, self.plan.metrics)
        return logged_beside(meter, objective) if isinstance(objective, StepObjective) else meter

    def _scheduled(self, rates: Rates, optimizer: torch.optim.Optimizer, steps: int) -> Scheduled | None:
        if self.plan.scheduling is None:
            return None
        rates.give_peaks()
        return Scheduled(self.plan.scheduling, optimizer, Length(self.config.epochs, steps))

    def _tuned(self, device: torch.device) -> TrainConfig:
        """The settings, with those in them that turned out to be the fastest here, if that was asked for."""
        if self.config.autotune == "off":
            return self.config
        choice = autotune(self.model, self.data, self.loss, self.config, device)
        for line in choice.lines():
            self.run.append_log(line)
        self.run.live["autotune"] = choice
        tuned = self.config.replace(autotune="off", **asdict(choice.best))
        self.run.write_json("config.json", tuned.to_dict())
        return tuned

    def _averaging(self, loader: Loader) -> WeightAverage:
        if self.config.ema is not None:
            return ExponentialAverage(self.model, self.config.ema)
        if self.config.swa is not None:
            return StochasticAverage(self.model, swa_start(self.config), loader, self.plan.objective())
        return WeightAverage(self.model)

    def _retention(self) -> Retention:
        budget = self.config.disk_budget
        nbytes = None if budget is None else int(budget * 1e9)
        return Retention(self.config.keep, self.config.keep_best, nbytes)

    def _features(self, work: Work) -> list[Callback]:
        """Callbacks for what the settings ask for: none costs anything where it is off."""
        found: list[Callback] = [Profiler(work)] if self.config.profile else []
        if self.data.signature.class_names and self.data.task.target_dtype == "int64":
            found.append(Majority(work, self.data.signature))
        if isinstance(work.rates.schedule, Plateau):
            found.append(work.rates.schedule)
        if work.scheduled is not None:
            found.append(work.scheduled)
        if type(work.averaging) is not WeightAverage:
            found.append(work.averaging)
        if self.config.freeze is not None:
            frozen = frozen_modules(self.model, self.config.freeze)
            found.append(Freezing(frozen, self.config.unfreeze_at))
        # After it: what it sets free again stays in the mode that the user chose.
        return [*found, StandingStill(self.model, recorded_parts(self.run))]

    def _optimizer(self, device: torch.device) -> torch.optim.Optimizer:
        learned = loss_parameters(self.loss, self.model)
        if self.optimizer is None:
            apart = self.plan.stepped and moves_itself(self.loss)
            return make_optimizers(self.model, self.config, learned, apart=apart)
        if said := forgotten(self.optimizer, learned):
            self.run.warnings.append(said)
            self.run.append_log(said)
        move_optimizer(self.optimizer, device)
        if use_fused(self.optimizer):
            self.run.append_log(
                f"{type(self.optimizer).__name__} takes its fused kernels: the same steps, faster"
            )
        return self.optimizer

    def _fail(self, state: TrainState, callbacks: Sequence[Callback], error: BaseException) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        state.phase = "stopped" if interrupted else "failed"
        state.stop_reason = "interrupted twice" if interrupted else f"{type(error).__name__}: {error}"
        try:
            for callback in callbacks:
                try:
                    callback.on_exception(state, error)
                except Exception as problem:  # the others are told all the same
                    error.add_note(f"{type(callback).__name__}.on_exception failed, too: {problem}")
        finally:  # last: whoever sees that it failed finds the reason in the log
            try:
                state.writer.set_status(state.phase, error=None if interrupted else state.stop_reason)
            except StoreError as problem:  # a full disk is often what it failed of
                self.run.status = state.phase
                error.add_note(f"The run store does not know it, either: {problem.message}")

    def _settle(self, state: TrainState, work: Work) -> None:
        # A run stopped in the middle of an epoch has moved on from the best weights of the one before.
        already_best = state.batch == 0 and state.best_epoch == state.epoch - 1
        if self.config.restore_best and state.best_epoch is not None and not already_best:
            _, saved = self.run.load_checkpoint("best")
            self.model.load_state_dict(saved["model"])
        else:
            work.averaging.finish()
        self.model.eval()
        if work.val_loader is not None:
            settle(self.run, self.model, self.data, work.val_loader, state)
        state.writer.set_status("finished" if state.phase == "finished" else "stopped")
        self.run.refresh()


def change_rates(saved: dict[str, Any], lr: float) -> None:
    """Put another peak learning rate into a checkpoint's state; every group keeps its share of it."""
    saved["base_lrs"] = scaled(saved["base_lrs"], lr)


def _mode(mode: str) -> Literal["min", "max"]:
    return "min" if mode == "min" else "max"
