"""Hyperparameter search: Optuna proposes settings, every trial is a run, bad ones are cut short."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from lepton_nb.callbacks import Callback, TrainState, as_callbacks
from lepton_nb.data import DataBundle, loaders
from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.runs import Run
from lepton_nb.runs.records import check_name, suggest_name
from lepton_nb.training.api import train as train_run
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.own import Own
from lepton_nb.training.plan import Plan
from lepton_nb.training.preparing import as_bundle, as_whole, prepare
from lepton_nb.training.space import Dimension, parse_space, space_text
from lepton_nb.training.study import RECORD, TAG, Study, Trial, as_trial, find_study, record, settings_text

_STARTUP = 5  # trials before any is compared with the others


def tune(
    model: Any = None,
    data: Any = None,
    *,
    search: str | Mapping[str, str | Sequence[Any]],
    trials: int = 20,
    train: Any = None,
    val: Any = None,
    loss: Any = None,
    scheduler: Any = None,
    step: Any = None,
    metrics: Any = None,
    callbacks: Sequence[Any] = (),
    name: str | None = None,
    prune: bool = True,
    progress: Callable[[Study], None] | None = None,
    **config: Any,
) -> Study:
    """Search for good settings. The same name again goes on with the search.

    Every trial is a run called ``name@1``, ``name@2``, … in the store, with its history and checkpoints.
    Settings come from a tree-structured Parzen estimator (Bergstra et al. 2011), and a trial that is worse
    than the median of the trials before it at the same epoch is stopped.

    Args:
        model: As for `lepton_nb.train`, as are `data`, `train`, `val`, `loss`, `scheduler` (no instance,
            which moves one optimizer), `step`, `metrics`, `callbacks` and `config`. Instances of
            models and losses are copied for every trial, and stay as they are.
        search: See `parse_space`.
        trials: How many in all, those of an earlier call under the same name included.
        name: Name of the search; made from the model's where None.
        prune: Whether to stop bad trials early.
        progress: Called with the study before the first trial, and after every one.

    Raises:
        ArgumentError: If Optuna is not installed, or the space or a setting is wrong.
        ModelError: If the model does not fit the data.
        TrainingError: If every trial failed.
    """
    space = parse_space(search)
    _check(space, trials, scheduler, config)
    bundle = _data(data, train, val, whole=step is not None)
    # One batch goes through before the first trial: what cannot train is said once, and at once.
    own = {"loss": loss, "scheduler": scheduler, "step": step, "metrics": metrics}
    called = as_callbacks(callbacks)
    copied = {part: copy_of(value) for part, value in own.items()}
    plan = prepare(copy_of(model), bundle, own=Own(**copied), config=config, callbacks=called)
    study = _study(name, space, plan, trials)

    def run_trial(params: dict[str, Any], reports: list[Callback]) -> Run:
        return train_run(
            copy_of(model),
            bundle,
            name=study.name,
            tags={TAG: study.name},
            callbacks=[*copy.deepcopy(called), *reports],
            **{part: copy_of(value) for part, value in own.items()},
            **config,
            **params,
        )

    _search(study, run_trial, plan.config, prune=prune, progress=progress)
    return study


def _check(space: Sequence[Dimension], trials: int, scheduler: Any, config: Mapping[str, Any]) -> None:
    """Refuse a search that cannot be made, before anything is read."""
    if find_spec("optuna") is None:
        raise ArgumentError("tune needs optuna, which is not installed.", "pip install 'lepton-nb[tune]'")
    if trials < 1:
        raise ArgumentError(f"trials is {trials}; expected 1 or more.", "For example --trials 20")
    twice = [part.name for part in space if part.name in config]
    if twice:
        raise ArgumentError(f"{twice[0]} is both set and searched.", f"Leave --{twice[0]} out.")
    if isinstance(scheduler, LRScheduler):
        raise ArgumentError(
            "A search makes an optimizer for every trial, and your scheduler moves only the one it has.",
            "Give its class, or a partial: functools.partial(torch.optim.lr_scheduler.StepLR, step_size=5)",
        )


def _data(data: Any, train: Any, val: Any, *, whole: bool) -> DataBundle:
    if data is not None or train is None:
        return as_bundle(data, whole=whole)
    return as_whole(train, val) if whole else loaders(train, val)


def copy_of(model: Any) -> Any:
    """A copy of an instance, so that trials do not go on from each other's weights; else the same."""
    if isinstance(model, Mapping):
        return {name: copy_of(part) for name, part in model.items()}
    return copy.deepcopy(model) if isinstance(model, nn.Module) else model


class TrialReport(Callback):
    """Tells Optuna of every epoch, and stops the run where it says so.

    Args:
        trial: Optuna's trial.
        about: What to write into the run's folder when it starts.
        prune: Whether to stop bad trials.
    """

    def __init__(self, trial: Any, about: dict[str, Any], *, prune: bool) -> None:
        self.trial = trial
        self.about = about
        self.prune = prune
        self.run: Run | None = None
        self.pruned = False

    def on_fit_start(self, state: TrainState) -> None:
        self.run = state.run
        state.run.write_json(RECORD, self.about)

    def on_validation_end(self, state: TrainState) -> None:
        self.trial.report(state.metrics.get(state.monitor, math.nan), state.epoch)
        if self.prune and state.epoch + 1 < state.epochs and self.trial.should_prune():
            state.stop_reason = "pruned: worse than the median of the trials before it"
            state.run.annotate(tags={"pruned": ""})
            self.pruned = True
            state.control.stop()

    def on_fit_end(self, state: TrainState) -> None:
        stopped_early = state.phase == "stopped" and not state.stop_reason
        end = "pruned" if self.pruned else "interrupted" if stopped_early else "complete"
        state.run.write_json(RECORD, {**self.about, "state": end})


def _study(name: str | None, space: list[Dimension], plan: Plan, trials: int) -> Study:
    """A new study, or the one of that name with its trials so far."""
    model, data = plan.defined.name, plan.data.name
    if "val" not in plan.data.splits:
        raise ArgumentError(
            f"Data {data!r} has no validation split to rank trials by.", "Give --val, or load it with one."
        )
    name = check_name(name or f"tune-{suggest_name(model) or 'model'}", "search")
    try:
        study = find_study(name)
    except NotFoundError:
        return Study(name, space, plan.monitor.name, plan.monitor.mode, trials)
    _check_same(study, name, space, plan)
    study.wanted = trials
    return study


def _check_same(study: Study, name: str, space: list[Dimension], plan: Plan) -> None:
    """Refuse to go on with a search over other settings, or of another model or other data."""
    model, data = plan.defined.name, plan.data.name
    if space_text(study.space) != space_text(space):
        raise ArgumentError(
            f"Search {name!r} was over {space_text(study.space)}, not {space_text(space)}.",
            "Go on with that space, or give another --name.",
        )
    before = study.trials[-1].run
    if (before.model, before.data) != (model, data):
        raise ArgumentError(
            f"Search {name!r} was of {before.model} on {before.data}, not of {model} on {data}.",
            "Give another --name.",
        )


def _search(
    study: Study,
    run_trial: Callable[[dict[str, Any], list[Callback]], Run],
    config: TrainConfig,
    *,
    prune: bool,
    progress: Callable[[Study], None] | None,
) -> None:
    """Run trials until there are enough, or an interrupt stopped one of them."""
    sampler = _sampler(study, epochs=config.epochs, seed=config.seed)
    failure: Exception | None = None
    unmade = 0  # trials that were refused before they had a run
    tell = progress or (lambda _: None)
    tell(study)
    while study.counted + unmade < study.wanted:
        trial = sampler.ask({part.name: part.distribution() for part in study.space})
        report = TrialReport(trial, record(study, trial.params), prune=prune)
        try:
            run = run_trial(dict(trial.params), [report])
        except Exception as error:  # this trial's settings do not train; the others may
            failure = error
            if report.run is None:
                unmade += 1
                study.refused.append(f"{settings_text(trial.params)}: {str(error).splitlines()[0]}")
                sampler.tell(trial, state=_failed())
                continue
            run = report.run.refresh()
        except KeyboardInterrupt:  # twice in one trial
            study.ended = "interrupted"
            break
        done = as_trial(run)
        study.trials.append(done)
        _tell(sampler, trial, done)
        _let_go(study)
        if done.state == "interrupted":
            study.ended = "interrupted; the same line goes on"
            break
        tell(study)
    if not study.ranked and failure is not None:
        raise failure


def _sampler(study: Study, *, epochs: int, seed: int) -> Any:
    """Optuna's study, told of the trials so far."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warmup = max(1, epochs // 4)
    found = optuna.create_study(
        direction="minimize" if study.mode == "min" else "maximize",
        # Another seed for each start, or a search that goes on would draw its first points again.
        sampler=optuna.samplers.TPESampler(seed=seed + len(study.trials)),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=warmup),
    )
    distributions = {part.name: part.distribution() for part in study.space}
    for trial in study.trials:
        found.add_trial(
            optuna.trial.create_trial(
                params=trial.params,
                distributions=distributions,
                value=trial.value if trial.state == "complete" else None,
                intermediate_values=dict(enumerate(trial.values)),
                state=_optuna_state(trial),
            )
        )
    return found


def _tell(sampler: Any, trial: Any, done: Trial) -> None:
    sampler.tell(trial, done.value if done.state == "complete" else None, state=_optuna_state(done))


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def _optuna_state(trial: Trial) -> Any:
    from optuna.trial import TrialState

    if trial.state == "complete" and trial.value is not None:
        return TrialState.COMPLETE
    return TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL


def _let_go(study: Study) -> None:
    """Keep the model of the best trial alone in memory; the others are on disk."""
    best = study.ranked[0].run if study.ranked else None
    for trial in study.trials:
        if trial.run is not best:
            trial.run.live.pop("model", None)
