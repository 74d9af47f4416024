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

    A new kind of input is a subclass of `TensorCodec` with a `Form` and keys of its own in `forms`; a new
    kind of answer is a subclass of `Answers`. A model that is run step by step is exported as several
    `Task.graphs`, which `Codec.run` composes. Anything else overrides the methods of `Task` below.

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

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.codec import Arrays as Arrays
from lepton_nb.tasks.codec import Codec as Codec
from lepton_nb.tasks.codec import Graph as Graph
from lepton_nb.tasks.codec import Graphs as Graphs
from lepton_nb.tasks.codec import GraphSpec as GraphSpec
from lepton_nb.tasks.codec import InputError as InputError
from lepton_nb.tasks.forms import AnswerKind as AnswerKind
from lepton_nb.tasks.forms import Form as Form
from lepton_nb.tasks.forms import Media as Media
from lepton_nb.tasks.forms import Prediction as Prediction

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.batch import Batch, Tree
    from lepton_nb.models.objectives import Objective
    from lepton_nb.plots.charts import Chart, Exhibit
    from lepton_nb.tasks.meters import Meter

Starter = Callable[[Signature], "nn.Module"]


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


HeldOut = Callable[[], "tuple[Any, Any]"]
"""Gives what was `kept` of what the best weights say of the validation split, and the targets, on the CPU."""


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
        if average in ("macro", "micro", "weighted"):
            return f"{self.label(stem)} ({average})"
        return metric.replace("_", " ")

    @abstractmethod
    def codec(self, signature: Signature) -> Codec:
        """The codec for this signature; the tensor codec where its preprocessing is not known."""

    def graphs(
        self, model: nn.Module, signature: Signature, example: tuple[Tensor, ...]
    ) -> dict[str, GraphSpec]:
        """What a package holds of a trained model: the modules to export, by names that `Codec.run` knows.

        By default the model itself, its inputs by position, its outputs those of the signature.

        Args:
            model: On the CPU, in evaluation mode.
            example: Real inputs ``(N, *shape)`` in the order of the signature, N of 3 or more.

        Raises:
            ModelError: If the model does not give what the signature says.
        """
        from lepton_nb.models.positional import positional

        module = positional(model, signature, example)
        return {"model": GraphSpec(module, signature.inputs, signature.outputs, example)}

    @abstractmethod
    def starters(self) -> Mapping[str, Starter]:
        """Named small models that fit any signature of this task; the first is the default."""

    def starters_for(self, signature: Signature) -> Mapping[str, Starter]:  # noqa: ARG002
        """Those of the starters that fit a signature, where not all do."""
        return self.starters()

    @abstractmethod
    def make_loss(
        self,
        signature: Signature,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        """The training loss: a module called as ``loss(preds, target)``, mean-reduced."""

    def balance(self, target: Tensor, signature: Signature) -> list[float]:  # noqa: ARG002
        """What ``class_weights`` of `make_loss` makes rare classes count as much as frequent ones.

        Args:
            target: All targets of the training split.

        Raises:
            ArgumentError: If there is nothing to balance.
        """
        raise ArgumentError(
            f"class_weights is for classification; {self.title.lower()} has no classes.",
            "Leave --class-weights out.",
        )

    def objective(self, signature: Signature, loss: Callable[..., Any]) -> Objective:  # noqa: ARG002
        """What the training loop calls with the model and a batch: ``(loss, outputs)``.

        Args:
            loss: The user's own, or what `make_loss` gave.

        Override it where the model needs more than its inputs to go forward. Where it computes its own loss,
        a loss with ``called(model, batch)`` is enough, see `lepton_nb.models.objectives.returned`.
        """
        from lepton_nb.models.objectives import compared

        return compared(loss)

    @abstractmethod
    def meter(self, signature: Signature) -> Meter:
        """The metrics of every epoch, gathered batch by batch and cheap enough to compute each time.

        It is given what the objective gave: outputs ``(N, …)``, logits or values, and the batch's target.
        """

    def settled(self, signature: Signature, held_out: HeldOut) -> Signature:  # noqa: ARG002
        """The signature with what only the trained model tells, such as thresholds, in its ``target``.

        Called once at the end of a training that held data back. Answers and evaluations go by the result,
        which the run and its packages keep; `evaluate` and `deploy` know nothing else of it.

        Args:
            held_out: Makes a pass over the validation split; a task that does not call it costs nothing.
        """
        return signature

    def kept(self, outputs: Tree, signature: Signature) -> Tree:  # noqa: ARG002
        """What an evaluation holds on to of a batch's outputs until it has seen all: by default the logits.

        It is a tree ``(N, …)`` on any device; `measure`, `item_errors` and `describe` get it of all items.
        """
        from lepton_nb.models.calling import scores_of

        return scores_of(outputs)

    def answer(self, model: nn.Module, batch: Batch, signature: Signature) -> Tree:  # noqa: ARG002
        """What an evaluation looks at: what the model gives for the batch, or makes of it step by step."""
        from lepton_nb.models.calling import call_model

        return call_model(model, batch.inputs)

    def samples(self, model: nn.Module, batch: Batch, signature: Signature) -> list[str]:  # noqa: ARG002
        """A few answers to the first held-out items, a line each: for the log, after every epoch."""
        return []

    def insight(self, model: nn.Module, batch: Batch, signature: Signature) -> dict[str, np.ndarray]:  # noqa: ARG002
        """What the figures show of the model itself on a few items; goes into ``Measures.arrays``."""
        return {}

    @abstractmethod
    def measure(self, preds: Any, target: Any, signature: Signature) -> Measures:
        """All the metrics of an evaluation.

        Args:
            preds: What was `kept` of the outputs ``(N, ...)``: logits or values.
            target: Targets ``(N,)`` or ``(N, T)``, or the tree that the data give.
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
            pred: What was `kept` of the outputs for it, in numpy and without the batch dimension.
            target: Its target likewise.
        """
        return exhibit

    @abstractmethod
    def item_errors(self, preds: Any, target: Any, signature: Signature) -> Tensor:
        """How wrong each item is, ``(N,)``, larger is worse; zero where the item is right."""

    @abstractmethod
    def describe(self, preds: Any, signature: Signature) -> list[str]:
        """One short caption per item of ``preds``, such as ``cat 93%``."""

    @abstractmethod
    def describe_target(self, target: Any, signature: Signature) -> list[str]:
        """One short caption per item of ``target``, such as ``cat``."""
