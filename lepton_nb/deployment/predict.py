"""`predict`: one real input to one answer, from a service or from a run in this process."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.deployment.client import codec_of, prepare
from lepton_nb.deployment.many import answer_table, is_many, read_many
from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import DeploymentError, NotFoundError, did_you_mean
from lepton_nb.packaging import load_model
from lepton_nb.packaging.example import at_least
from lepton_nb.packaging.runners import module_runners
from lepton_nb.runs import Run, RunStore
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.base import Arrays, Graphs, Prediction
from lepton_nb.tasks.padding import joined

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

_BATCH = 256


def predict(target: Run | Deployment | str, value: Any) -> list[Any] | pd.DataFrame:
    """Ask a service, or the best model of a run, for the answer to a real input or to many of them.

    Args:
        target: A service or a run, or the name of one. A running service of that name comes first.
        value: A picture (path, PIL, array), a sentence, a row, or what the model itself takes, also in a
            list; or many: a DataFrame, the `pathlib.Path` of a table's file, or of a folder of pictures or
            texts.

    Returns:
        One answer for each item: a dict, or a `Media` where the model answers with files. Of many a
        DataFrame: the id or file name of each, its answer, and the probability of each class;
        ``attrs["notes"]`` says what was left out.

    Raises:
        NotFoundError: If there is no service and no run of that name.
        ArgumentError: If the value is no input of the model.
        DeploymentError: If the service does not answer.
    """
    if isinstance(target, str):
        target = _find(target)
    codec = _codec_of(target)
    ask = partial(_ask, target, codec)
    if is_many(value):
        return answer_table(read_many(value, codec), ask, codec.signature)
    return ask(prepare(codec, value))


def _codec_of(target: Run | Deployment) -> Codec:
    if isinstance(target, Deployment):
        target.require_alive()
        return codec_of(target.store.get_package(target.record.package, target.record.version).path)
    return get_task(target.task).codec(_signature_of(target))


def _signature_of(run: Run) -> Signature:
    """What the model takes and gives; a codec's own may have more, which goes past the model."""
    known = run.read_json("signature.json")
    if known is None:
        raise DeploymentError(f"Run {run.ref} has no model yet: it ended before its training began.")
    return Signature.from_dict(known)


def _ask(target: Run | Deployment, codec: Codec, arrays: Arrays) -> list[Prediction]:
    if isinstance(target, Deployment):
        return target.client.answer(codec, arrays)
    return _predict_here(target, codec, arrays)


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


def _predict_here(run: Run, codec: Codec, arrays: Arrays) -> list[Prediction]:
    signature = _signature_of(run)
    graphs = _graphs(run, signature, arrays[: len(signature.inputs)])
    starts = range(0, len(arrays[0]), _BATCH)
    parts = [codec.run(graphs, tuple(array[at : at + _BATCH] for array in arrays)) for at in starts]
    outputs = joined(parts, codec.signature.outputs)
    try:
        answers = list(codec.encode(outputs))
    except InputError as error:
        raise DeploymentError(f"The model of run {run.ref} cannot answer: {error}.") from None
    return answers


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
