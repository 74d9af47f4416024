"""A finished run back as objects: its model with trained weights, and its data."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from lepton_nb.errors import DataError, ModelError
from lepton_nb.runs import Run, RunStore

if TYPE_CHECKING:
    from torch import nn

    from lepton_nb.data import DataBundle


def load_model(run: Run | str, checkpoint: Literal["best", "last"] | int = "best") -> nn.Module:
    """The run's model with the weights of a checkpoint, on the CPU and in evaluation mode.

    The architecture is rebuilt from what the run recorded, so that it is the one that was trained even if
    the notebook has since redefined the class. Where it could not be recorded, the model this process
    trained is copied.

    Args:
        run: The run, or its name.
        checkpoint: ``best``, ``last``, or the step of a checkpoint.

    Raises:
        NotFoundError: If there is no such run.
        StoreError: If no checkpoint can be read.
        ModelError: If the architecture is not known, or the weights do not fit it.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    _, state = run.load_checkpoint(checkpoint)
    weights = state["model"]
    failures: list[str] = []
    for make in (_rebuild, _copy_live):
        try:
            model = make(run)
            model.load_state_dict(weights)
        except (ModelError, RuntimeError, TypeError) as error:
            failures.append(_reason(error))
            continue
        return model.eval()
    raise ModelError(
        f"The model of run {run.ref} cannot be rebuilt: {'; '.join(dict.fromkeys(failures))}",
        "Train it from a class defined in a cell or a module, or pass the model itself.",
    )


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


def _rebuild(run: Run) -> nn.Module:
    import torch

    from lepton_nb.models import ModelSpec

    spec = ModelSpec.from_dict(run.read_json("model.json"))
    # Initial weights are drawn and thrown away: the user's random numbers must not notice.
    with torch.random.fork_rng(devices=[]):
        return spec.build().cpu()


def _copy_live(run: Run) -> nn.Module:
    live: nn.Module | None = run.live.get("model")
    if live is None:
        raise ModelError("it is not in this process's memory")
    return copy.deepcopy(live).cpu()
