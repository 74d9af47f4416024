"""What a kind of problem needs, in one place: loss, metrics, charts, starter models and the wire codec.

Adding a task
    Write one file in `lepton_nb/tasks/` with one concrete subclass of `Task`; it is found by being there, and
    its `name` is what users type after ``--task``. Start from `Classification` or `Regression` where the
    output is a class or a value, and give it the codec of its input. This is a whole task::

        class ImageRegression(Regression):
            \"\"\"A value for each picture.\"\"\"

            name = "image-regression"
            title = "Image regression"
            codec_type = ImageCodec

            def starters(self):
                return {"SmallCNN": small_cnn}  # a function of a Signature that returns an nn.Module

    A new kind of input is a subclass of `TensorCodec` with keys of its own in `forms`; a new kind of answer
    is a subclass of `Answers`; anything else overrides the methods of `Task` below.

    What there is to look at, `Task.charts` gives as data (`lepton_nb.plots.charts`): matplotlib, plotly and
    the lab draw every kind of chart there, so that a task holds no drawing code.

    The file must import without torch, matplotlib and pandas, because the serving process imports it for
    the codec alone: import them inside the methods that use them.

    Another package adds a task without touching this one, by an entry point whose name is the task's::

        [project.entry-points."lepton_nb.tasks"]
        image-regression = "my_package.image_regression:ImageRegression"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lepton_nb.signature import Signature

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.models.objectives import Objective
    from lepton_nb.plots.charts import Chart, Exhibit
    from lepton_nb.tasks.meters import Meter

Arrays = tuple[np.ndarray, ...]
"""One batch of model inputs, in the order of ``Signature.inputs``; each ``(N, *shape)``."""

InputKind = Literal["image", "text", "table", "tensor"]
Starter = Callable[[Signature], "nn.Module"]


class InputError(ValueError):
    """A request's input cannot be read. The message is for the person who sent it.

    Attributes:
        index: Position of the bad item in its batch, or None where the whole body is bad.
    """

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class Codec(ABC):
    """Turns real inputs into model inputs, and model outputs into answers. Needs numpy, never torch.

    One codec serves the HTTP service, `lepton_nb.predict` and the parity check, so that an input
    means the same in all three.
    """

    kind: ClassVar[InputKind]
    media_types: ClassVar[tuple[str, ...]] = ()

    def __init__(self, signature: Signature) -> None:
        self.signature = signature

    @abstractmethod
    def prepare(self, value: Any) -> Arrays:
        """One real input or a list of them, as a Python caller has it, as a batch.

        Accepts what `decode_json` and `decode_bytes` accept in parsed form, and arrays or tensors that
        already have the model's shape, with or without the batch dimension.

        Raises:
            InputError: If the value is not an input of this task.
        """

    @abstractmethod
    def decode_json(self, body: Mapping[str, Any]) -> Arrays:
        """The parsed JSON object of a request as a batch.

        Every codec takes ``{"inputs": nested lists of (N, *shape)}``; the task's own forms come beside it.

        Raises:
            InputError: If a key is missing, unknown, or holds the wrong thing.
        """

    def decode_bytes(self, body: bytes, media_type: str) -> Arrays:  # noqa: ARG002
        """A raw request body of one of `media_types` as a batch: one item, or every row of a table.

        Raises:
            InputError: If the body is not of that type.
        """
        raise InputError(f"this model takes no {media_type} body; send JSON")

    @abstractmethod
    def encode(self, output: np.ndarray) -> list[dict[str, Any]]:
        """The model's output ``(N, ...)`` as one JSON-ready answer per item.

        Raises:
            InputError: With the item's index, where the model's output for it is not finite.
        """

    @abstractmethod
    def request_schema(self) -> dict[str, Any]:
        """JSON schema of the request object."""

    @abstractmethod
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of one answer of `encode`."""

    @abstractmethod
    def example(self) -> dict[str, Any]:
        """A small request that works: for the documentation page and the curl line."""


@dataclass
class Measures:
    """The numbers of one evaluation.

    Attributes:
        scalars: One number a metric, for example ``{"accuracy": 0.91, "f1_macro": 0.90}``.
        per_class: For each metric, one number a class in the order of ``class_names``.
            None where it is not defined, as for a class without items.
        arrays: What the charts need: ``confusion`` ``(C, C)``, probabilities, residuals.
        notes: What a reader of the numbers must know, one sentence each.
        saved: Which of the arrays are small, and kept with the numbers of a run.
        ranked_by: The metric of a class by which the worst of many classes are found.
    """

    scalars: dict[str, float]
    per_class: dict[str, list[float | None]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    saved: tuple[str, ...] = ()
    ranked_by: str = ""


class Task(ABC):
    """A kind of problem. Stateless: everything it needs comes with the arguments.

    Attributes:
        name: The name users type and `Signature.task` stores.
        title: The name people read.
        monitor: The validation metric that picks the best checkpoint, as `History` calls it.
        mode: Whether a larger (``max``) or smaller (``min``) monitor is better.
        target_dtype: numpy dtype of the targets: ``int64`` class indices ``(N,)`` or ``float32`` ``(N, T)``.
        labels: Names of metrics for people, where `label` would not give them.
        worst_title: What the items that went worst are called.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    monitor: ClassVar[str]
    mode: ClassVar[Literal["min", "max"]]
    target_dtype: ClassVar[Literal["int64", "float32"]]
    labels: ClassVar[Mapping[str, str]] = {}
    worst_title: ClassVar[str] = "Worst mistakes"

    def label(self, metric: str) -> str:
        """A metric's name for people: ``precision_macro`` is "precision (macro)"."""
        if metric in self.labels:
            return self.labels[metric]
        stem, _, average = metric.rpartition("_")
        if average in ("macro", "weighted"):
            return f"{self.label(stem)} ({average})"
        return metric.replace("_", " ")

    @abstractmethod
    def codec(self, signature: Signature) -> Codec:
        """The codec for this signature; the tensor codec where its preprocessing is not known."""

    @abstractmethod
    def starters(self) -> Mapping[str, Starter]:
        """Named small models that fit any signature of this task; the first is the default."""

    @abstractmethod
    def make_loss(
        self,
        signature: Signature,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        """The training loss: a module called as ``loss(preds, target)``, mean-reduced."""

    def objective(self, signature: Signature, loss: Callable[..., Any]) -> Objective:  # noqa: ARG002
        """What the training loop calls with the model and a batch: ``(loss, outputs)``.

        Args:
            loss: The user's own, or what `make_loss` gave.

        Override it where the model computes its own loss, or needs the target to go forward.
        """
        from lepton_nb.models.objectives import compared

        return compared(loss)

    @abstractmethod
    def meter(self, signature: Signature) -> Meter:
        """The metrics of every epoch, gathered batch by batch and cheap enough to compute each time.

        It is given what the objective gave: outputs ``(N, …)``, logits or values, and the batch's target.
        """

    @abstractmethod
    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        """All the metrics of an evaluation.

        Args:
            preds: Model outputs ``(N, ...)``: logits or values.
            target: Targets ``(N,)`` or ``(N, T)``.
        """

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:  # noqa: ARG002
        """What there is to look at, as data that matplotlib, plotly and the lab draw; see `plots.charts`."""
        return []

    def illustrate(
        self,
        exhibit: Exhibit,
        item: Any,  # noqa: ARG002
        pred: Any,  # noqa: ARG002
        target: Any,  # noqa: ARG002
        signature: Signature,  # noqa: ARG002
    ) -> Exhibit:
        """One of the worst items as it is shown; override it to draw boxes or masks over its picture.

        Args:
            exhibit: Its picture or text, with the captions of `describe` and `describe_target`.
            item: The real input.
            pred: The model's output for it, without the batch dimension.
            target: Its target, without the batch dimension.
        """
        return exhibit

    @abstractmethod
    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:
        """How wrong each item is, ``(N,)``, larger is worse; zero where the item is right."""

    @abstractmethod
    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        """One short caption per item of ``preds``, such as ``cat 93%``."""

    @abstractmethod
    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        """One short caption per item of ``target``, such as ``cat``."""
