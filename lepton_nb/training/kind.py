"""What kind of problem a model, or a loss of the user's, makes of their data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from lepton_nb.batch import moved
from lepton_nb.data import DataBundle
from lepton_nb.data.label_bundle import as_classes, as_quantities
from lepton_nb.data.own.splits import UserSplit
from lepton_nb.data.report import Finding
from lepton_nb.errors import ModelError
from lepton_nb.models.calling import home_of, takes
from lepton_nb.models.check import gives_one_number, outputs_of
from lepton_nb.models.label_loss import label_outputs
from lepton_nb.models.objectives import OF_THE_MODEL, ModelLoss
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.classification import Classification
from lepton_nb.tasks.generic import Generic
from lepton_nb.tasks.names import BINARY, LABEL_TASKS

_OF_VALUES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)
_AS_BINARY = (
    "Two classes and a model that gives one number an item: binary classification, the number is that of "
    "{name!r} (a model with two outputs is trained with one for each class)."
)
_AS_CLASSES = (
    "Two classes and a model that gives two numbers an item: classification, one for each (a model with "
    "one output is trained as binary classification)."
)


def with_loss_of_the_model(bundle: DataBundle, model: nn.Module) -> DataBundle:
    """The data for a model that takes a dict batch with its target: it computes its loss itself."""
    name = bundle.signature.target.get("name")
    given = isinstance(bundle.train, UserSplit) and bundle.train.target_name == name and name is not None
    if not given or not takes(model, str(name)):
        return bundle
    return replace(
        bundle,
        signature=replace(bundle.signature, target={**bundle.signature.target, "loss": OF_THE_MODEL}),
    )


def for_model(bundle: DataBundle, model: nn.Module) -> DataBundle:
    """The data for that model: of two classes, whether it gives one number an item or one for each class."""
    of_classes = isinstance(bundle.task, Classification) or bundle.task.name == BINARY
    two = of_classes and len(bundle.signature.class_names) == 2
    if not two or bundle.signature.target.get("loss") == OF_THE_MODEL:
        return bundle
    device = home_of(model)
    outputs = outputs_of(model, moved(bundle.example(min(8, len(bundle.train))).inputs, device))
    if gives_one_number(outputs):
        assert outputs is not None
        return _as_binary(bundle, outputs[0])
    if bundle.task.name == BINARY and outputs and outputs[0].shape == (2,):
        return _said(as_classes(bundle), _AS_CLASSES)
    return bundle


def _said(bundle: DataBundle, text: str) -> DataBundle:
    findings = [*bundle.report.findings, Finding(text)]
    return replace(bundle, report=replace(bundle.report, findings=findings))


def for_own_loss(bundle: DataBundle, loss: Any, outputs: tuple[TensorSpec, ...]) -> DataBundle:
    """The data for that loss: of their own kind where the outputs are that kind's, else generic.

    Metrics are computed of an output only where it is known what it says: as many logits as classes, a number
    for each label under a loss that compares it with 0 or 1, or values under a loss that compares values.
    Everything else is watched by the loss alone.

    Args:
        outputs: What the model gave for one batch.
    """
    if not outputs:
        raise ModelError(
            "The model gives nothing but single numbers for a batch.",
            "Return what it says of each item, too.",
        )
    if len(outputs) == 1:
        found = _for_labels(bundle, loss, outputs[0])
        if found is not None:
            return found
        if _is_of_its_kind(bundle, loss, outputs[0].shape):
            return bundle
    signature = replace(
        bundle.signature,
        task=Generic.name,
        output=outputs[0],
        further_outputs=outputs[1:],
        class_names=(),
        target={key: value for key, value in bundle.signature.target.items() if key in ("name", "loss")},
    )
    return replace(bundle, signature=signature)


def _for_labels(bundle: DataBundle, loss: Any, output: TensorSpec) -> DataBundle | None:
    """The data as labels, or what labels are under a loss of quantities; None where they are no labels."""
    signature, given = bundle.signature, label_outputs(loss)
    if bundle.task.name not in LABEL_TASKS:
        two = isinstance(bundle.task, Classification) and len(signature.class_names) == 2
        return _as_binary(bundle, output, given) if given and two and gives_one_number((output,)) else None
    shapes = ((), (1,)) if signature.num_outputs == 1 else (signature.output.shape,)
    if output.shape not in shapes:
        return None
    declared = not isinstance(bundle.train, UserSplit) or isinstance(loss, ModelLoss)
    if given or (declared and not isinstance(loss, _OF_VALUES)):
        return _as_labels(bundle, output, given)
    return as_quantities(bundle) if isinstance(loss, _OF_VALUES) else None


def _as_binary(bundle: DataBundle, output: TensorSpec, given: str | None = None) -> DataBundle:
    """Two classes, of which one number says how likely the second is."""
    if bundle.task.name != BINARY:
        bundle = _said(bundle, _AS_BINARY.format(name=bundle.signature.class_names[1]))
    bundle = replace(bundle, signature=replace(bundle.signature, task=BINARY))
    return _as_labels(bundle, output, given)


def _as_labels(bundle: DataBundle, output: TensorSpec, given: str | None) -> DataBundle:
    """The signature with the output as the model gives it: its shape, and whether it is a probability."""
    said = {"outputs": given} if given == "probabilities" else {}
    name = given or "logits"
    signature = replace(
        bundle.signature,
        output=TensorSpec(name, output.dtype, output.shape),
        target={**bundle.signature.target, **said},
    )
    return replace(bundle, signature=signature)


def _is_of_its_kind(bundle: DataBundle, loss: Any, shape: tuple[int | None, ...]) -> bool:
    signature = bundle.signature
    if bundle.task.name in (Generic.name, *LABEL_TASKS):
        return False
    if bundle.task.target_dtype == "int64":
        return shape == (signature.num_outputs,)
    declared = not isinstance(bundle.train, UserSplit)  # a column that was read as quantities, and said to be
    return (shape or (1,)) == signature.output.shape and (declared or isinstance(loss, _OF_VALUES))
