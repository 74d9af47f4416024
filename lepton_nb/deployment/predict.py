"""`predict`: one real input to one answer, from a service or from a run in this process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lepton_nb.deployment.client import prepare
from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import DeploymentError, NotFoundError, did_you_mean
from lepton_nb.packaging import load_model
from lepton_nb.packaging.runners import Runner, module_runner
from lepton_nb.runs import Run, RunStore
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.base import Prediction

_BATCH = 256


def predict(target: Run | Deployment | str, value: Any) -> list[Prediction]:
    """Ask a service, or the best model of a run, for the answer to a real input or to a list of them.

    Args:
        target: A service or a run, or the name of one. A running service of that name comes first.
        value: A picture (path, PIL, array), a sentence, a row, or what the model itself takes.

    Returns:
        One answer for each item.

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
    signature = run.read_json("signature.json")
    if signature is None:
        raise DeploymentError(f"Run {run.ref} has no model yet: it ended before its training began.")
    codec = _codec(run, signature)
    arrays = prepare(codec, value)
    best = next((item.step for item in run.checkpoints() if item.best), -1)
    runner = _runner(str(run.store.root), run.id, best)
    starts = range(0, len(arrays[0]), _BATCH)
    output = np.concatenate([runner(tuple(array[at : at + _BATCH] for array in arrays)) for at in starts])
    try:
        return list(codec.encode((output,)))
    except InputError as error:
        raise DeploymentError(f"The model of run {run.ref} cannot answer: {error}.") from None


def _codec(run: Run, signature: dict[str, Any]) -> Codec:
    return get_task(run.task).codec(Signature.from_dict(signature))


@lru_cache(maxsize=4)
def _runner(root: str, run_id: str, step: int) -> Runner:  # noqa: ARG001
    """The run's best model, loaded once; `step` makes a later, better checkpoint another key."""
    return module_runner(load_model(RunStore(Path(root)).get_run(run_id)))
