"""`predict`: one real input to one answer, from a service or from a run in this process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.deployment.client import prepare
from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import DeploymentError, NotFoundError, did_you_mean
from lepton_nb.packaging import load_model
from lepton_nb.packaging.example import at_least
from lepton_nb.packaging.runners import module_runners
from lepton_nb.runs import Run, RunStore
from lepton_nb.signature import Signature
from lepton_nb.tasks import InputError, get_task
from lepton_nb.tasks.base import Arrays, Graphs, Prediction
from lepton_nb.tasks.padding import joined

if TYPE_CHECKING:
    from torch import nn

_BATCH = 256


def predict(target: Run | Deployment | str, value: Any) -> list[Any]:
    """Ask a service, or the best model of a run, for the answer to a real input or to a list of them.

    Args:
        target: A service or a run, or the name of one. A running service of that name comes first.
        value: A picture (path, PIL, array), a sentence, a row, or what the model itself takes.

    Returns:
        One answer for each item: a dict, or a `Media` where the model answers with files.

    Raises:
        NotFoundError: If there is no service and no run of that name.
        ArgumentError: If the value is no input of the model.
        DeploymentError: If the service does not answer.
    """
    if isinstance(target, str):
        target = _find(target)
    if isinstance(target, Deployment):
        return target.predict(value)
    return _predict_here(target, value)


def _find(name: str) -> Run | Deployment:
    store = RunStore()
    gone: Deployment | None = None
    try:
        deployment = Deployment(store.get_deployment(name), store)
        if deployment.alive:
            return deployment
        gone = deployment
    except NotFoundError:
        pass
    try:
        return store.get_run(name)
    except NotFoundError:
        if gone is not None:
            gone.require_alive()
        names = [*(record.name for record in store.list_deployments()), *store.run_names()]
        raise NotFoundError(f"There is no service and no run {name!r}.", did_you_mean(name, names)) from None


def _predict_here(run: Run, value: Any) -> list[Prediction]:
    known = run.read_json("signature.json")
    if known is None:
        raise DeploymentError(f"Run {run.ref} has no model yet: it ended before its training began.")
    signature = Signature.from_dict(known)
    codec = get_task(run.task).codec(signature)
    arrays = prepare(codec, value)
    graphs = _graphs(run, signature, arrays[: len(signature.inputs)])
    starts = range(0, len(arrays[0]), _BATCH)
    parts = [codec.run(graphs, tuple(array[at : at + _BATCH] for array in arrays)) for at in starts]
    outputs = joined(parts, codec.signature.outputs)
    try:
        return list(codec.encode(outputs))
    except InputError as error:
        raise DeploymentError(f"The model of run {run.ref} cannot answer: {error}.") from None


def _graphs(run: Run, signature: Signature, inputs: Arrays) -> Graphs:
    """What `Codec.run` composes, of the run's best model as it is in this process."""
    import torch

    best = next((item.step for item in run.checkpoints() if item.best), -1)
    model = _model(str(run.store.root), run.id, best)
    example = tuple(at_least(torch.from_numpy(array[:3]), 3) for array in inputs)
    return module_runners(get_task(run.task).graphs(model, signature, example))


@lru_cache(maxsize=4)
def _model(root: str, run_id: str, step: int) -> nn.Module:  # noqa: ARG001
    """The run's best model, loaded once; `step` makes a later, better checkpoint another key."""
    return load_model(RunStore(Path(root)).get_run(run_id))
