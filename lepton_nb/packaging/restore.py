"""A finished run back as objects: its model with trained weights, and its data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakValueDictionary

from lepton_nb.errors import DataError, ModelError
from lepton_nb.runs import Run, RunStore

if TYPE_CHECKING:
    from torch import nn

    from lepton_nb.data import DataBundle


NO_DEPLOY = "no_deploy.json"
"""In a run's folder, where it was known before its training that its model cannot be deployed."""

_MODELS: WeakValueDictionary[str, nn.Module] = WeakValueDictionary()
_DATA: WeakValueDictionary[str, DataBundle] = WeakValueDictionary()
"""Models and data of this process by the id of their run, for as long as somebody else holds them."""


def load_model(
    run: Run | str,
    checkpoint: Literal["best", "last"] | int = "best",
    *,
    model: nn.Module | None = None,
) -> nn.Module:
    """The run's model with the weights of a checkpoint, on the CPU and in evaluation mode.

    The architecture is rebuilt from what the run recorded, so that it is the one that was trained even if
    the notebook has since redefined the class. Where it could not be recorded, the model this process
    trained is copied.

    Args:
        run: The run, or its name.
        checkpoint: ``best``, ``last``, or the step of a checkpoint.
        model: The architecture, where it can neither be rebuilt nor is in this process: it gets the weights,
            and for as long as it lives, `evaluate` and `deploy` take it for the run's.

    Raises:
        NotFoundError: If there is no such run.
        StoreError: If no checkpoint can be read.
        ModelError: If the architecture is not known, or the weights do not fit it.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    _, state = run.load_checkpoint(checkpoint)
    weights = state["model"]
    if model is not None:
        check_fits(model, weights, run, "Make it as it was when the run was trained.")
        model.load_state_dict(weights)
        remember(run, model)
        return model.eval()
    failures: list[str] = []
    for make in (_rebuild, _copy_live):
        try:
            found = make(run, weights)
        except (ModelError, RuntimeError, TypeError) as error:
            failures.append(_reason(error))
            continue
        return found.eval()
    raise ModelError(
        f"The model of run {run.ref} cannot be rebuilt: {'; '.join(dict.fromkeys(failures))}",
        f"Make the model again as VARIABLE: lepton_nb.load_model({run.ref!r}, model=VARIABLE) gives it the "
        f"weights for evaluate and deploy, %lepton resume {run.ref} --model VARIABLE goes on.",
    )


def remember(run: Run, model: nn.Module, data: DataBundle | None = None) -> None:
    """Let `load_model` and `load_data` find what a run was made of by its name, too, while it lives."""
    _MODELS[run.id] = model
    if data is not None:
        _DATA[run.id] = data


def is_within_reach(run: Run) -> bool:
    """Whether `load_model` can give the run's model in this process."""
    spec = run.read_json("model.json", {})
    return spec.get("kind") != "live" or "model" in run.live or run.id in _MODELS


def is_deployable(run: Run) -> bool:
    """Whether nothing is known that keeps the run from being deployed by this process."""
    return is_within_reach(run) and run.read_json(NO_DEPLOY) is None


def check_fits(model: nn.Module, weights: Mapping[str, Any], run: Run, hint: str) -> None:
    """Say in which layer a model differs from the one whose weights a run has.

    Raises:
        ModelError: If it does.
    """
    from torch import Tensor
    from torch.nn.parameter import is_lazy

    # A lazy one has no shape yet, not even to ask for.
    ours = {key: value for key, value in model.state_dict().items() if isinstance(value, Tensor)}
    shapes = {key: tuple(value.shape) for key, value in weights.items() if isinstance(value, Tensor)}
    other = [key for key in shapes if key in ours and not is_lazy(ours[key])]
    other = [key for key in other if tuple(ours[key].shape) != shapes[key]]
    absent, extra = (sorted(a.keys() - b.keys()) for a, b in ((shapes, ours), (ours, shapes)))
    if not (other or absent or extra):
        return
    if other:
        seen = f"`{other[0]}` is {tuple(ours[other[0]].shape)}, in the run {shapes[other[0]]}"
    else:
        seen = f"it has no `{absent[0]}`" if absent else f"the run has no `{extra[0]}`"
    more = len(other) + len(absent) + len(extra) - 1
    rest = f" (and {more} more differ)" if more > 1 else " (and one more differs)" if more else ""
    raise ModelError(f"This {type(model).__name__} is not the model of run {run.ref}: {seen}{rest}.", hint)


def load_data(run: Run | str) -> DataBundle:
    """The data the run was trained on: what this process has in memory, else loaded from where it came.

    Raises:
        NotFoundError: If there is no such run.
        DataError: If the data was only in the memory of a process that is gone.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    live: DataBundle | None = run.live.get("data")
    if live is not None:
        return live
    spec: dict[str, Any] | None = run.read_json("data.json")
    if spec is None and run.id in _DATA:
        return _DATA[run.id]
    if spec is None:
        raise DataError(
            f"The data of run {run.ref} ({run.data}) was only in memory and cannot be loaded again.",
            "Define it again and pass it along, for example --data NAME.",
        )
    from lepton_nb.data import from_spec

    return from_spec(spec)


def load_loss(run: Run | str) -> Callable[..., Any] | None:
    """The loss of the user's that the run was trained with; None where it was the task's, or is not at hand.

    Raises:
        NotFoundError: If there is no such run.
    """
    from lepton_nb.models.losses import make_loss_again
    from lepton_nb.models.objectives import OF_THE_MODEL, ModelLoss

    if isinstance(run, str):
        run = RunStore().get_run(run)
    target = (run.read_json("signature.json") or {}).get("target", {})
    if target.get("loss") == OF_THE_MODEL:
        return ModelLoss(target["name"])
    described = (run.read_json("own.json") or {}).get("loss")
    if described is None:
        return None
    live: Callable[..., Any] | None = run.live.get("loss")
    if live is not None or described["kwargs"] is None:
        return live
    return make_loss_again(described, run.ref)


def _reason(error: Exception) -> str:
    """What is wrong, in one line; torch's own first line only says that something is."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[1] if len(lines) > 1 and lines[0].startswith("Error(s) in loading") else lines[0]


def _rebuild(run: Run, weights: Mapping[str, Any]) -> nn.Module:
    import torch

    from lepton_nb.models import ModelSpec

    spec = ModelSpec.from_dict(run.read_json("model.json"))
    # Initial weights are drawn and thrown away: the user's random numbers must not notice.
    with torch.random.fork_rng(devices=[]):
        model = spec.build().cpu()
    model.load_state_dict(weights)
    return model


def _copy_live(run: Run, weights: Mapping[str, Any]) -> nn.Module:
    import torch

    live: nn.Module | None = run.live.get("model", _MODELS.get(run.id))
    if live is None:
        raise ModelError("it is not in this process's memory")
    with torch.no_grad():  # of a module of TorchScript, the copy's parameters would depend on the original's
        model = copy.deepcopy(live).cpu()
    names = _names_in_copy(live, model)
    model.load_state_dict({names.get(name, name): value for name, value in weights.items()})
    return model


def _names_in_copy(live: nn.Module, model: nn.Module) -> dict[str, str]:
    """What a copy calls each of the original's weights: Keras names its layers anew, in the same order."""
    ours, theirs = live.state_dict(), model.state_dict()
    pairs = list(zip(ours.items(), theirs.items(), strict=False))
    if ours.keys() == theirs.keys() or len(ours) != len(theirs):
        return {}
    if not all(
        seen.shape == copied.shape and (seen.cpu() == copied).all() for (_, seen), (_, copied) in pairs
    ):
        return {}
    return {name: other for (name, _), (other, _) in pairs}
