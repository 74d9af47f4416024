"""The parts of a model that its user has set to stand still: in evaluation mode, or frozen.

What stays in evaluation mode while the rest trains is told from how the model comes:

- Its root is in training mode: every module that is in evaluation mode stays there.
- Its root is in evaluation mode, as after an evaluation: all of it trains, except the parts in evaluation
  mode of which every parameter is frozen. Where this process's last training left it so, what stayed in
  evaluation mode then stays there again.

A run keeps the names, so that it goes on alike after a resume and in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from torch import nn

from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.runs import Run

_FILE = "parts.json"
_LEFT: WeakKeyDictionary[nn.Module, list[str]] = WeakKeyDictionary()
"""Of each model that a training left whole in evaluation mode: the modules that had stayed in it."""


class StandingStill(Callback):
    """Keeps modules in evaluation mode through every epoch: batch norms do not move, nothing is dropped."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        modules = dict(model.named_modules())
        self.modules = [modules[name] for name in names if name in modules]
        self.names = list(names)

    def on_fit_start(self, state: TrainState) -> None:
        if self.names:
            state.run.append_log(
                f"in evaluation mode throughout, as given: {', '.join(_topmost(self.names))}"
            )

    def on_epoch_start(self, state: TrainState) -> None:  # noqa: ARG002
        self._set()

    def on_fit_end(self, state: TrainState) -> None:
        _LEFT[state.model] = self.names

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._set()

    def _set(self) -> None:
        for module in self.modules:
            module.training = False


def record_parts(run: Run, model: nn.Module) -> None:
    """Keep with a run what of its model stands still."""
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    run.write_json(_FILE, {"evaluating": evaluating_parts(model), "frozen": frozen})


def recorded_parts(run: Run) -> list[str]:
    """Names of the modules that stay in evaluation mode while the run trains."""
    names: list[str] = run.read_json(_FILE, {}).get("evaluating", [])
    return names


def freeze_again(run: Run, model: nn.Module) -> None:
    """Freeze in a model that was made again what was frozen in the one the run began with."""
    frozen = set(run.read_json(_FILE, {}).get("frozen", []))
    for name, parameter in model.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)


def evaluating_parts(model: nn.Module) -> list[str]:
    """Names of the modules that stay in evaluation mode while the model trains."""
    modules = dict(model.named_modules())
    still = [name for name, module in modules.items() if not module.training]
    if model.training:
        return still
    left = set(_LEFT.get(model, ()))
    frozen = [name for name in still if _is_frozen(modules[name])]
    return [name for name in still if name in left or any(_within(name, part) for part in frozen)]


def _is_frozen(module: nn.Module) -> bool:
    flags = [parameter.requires_grad for parameter in module.parameters()]
    return bool(flags) and not any(flags)


def _within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def _topmost(names: Sequence[str]) -> list[str]:
    """The names without those inside another of them."""
    return [name for name in names if not any(name != part and _within(name, part) for part in names)]
