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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature, TensorSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.batch import Batch, Tree
    from lepton_nb.models.objectives import Objective
    from lepton_nb.plots.charts import Chart, Exhibit
    from lepton_nb.tasks.meters import Meter

Arrays = tuple[np.ndarray, ...]
"""One batch, each ``(N, *shape)``, in the order of ``Signature.inputs`` or of ``Signature.outputs``."""
Graph = Callable[[Arrays], Arrays]
"""A packaged computation behind one call, whichever format runs it."""
Graphs = Mapping[str, Graph]

Widget = Literal["image", "text", "table", "json", "audio", "ids"]
AnswerKind = Literal["classes", "value", "labels", "boxes", "text", "json", "media"]
Starter = Callable[[Signature], "nn.Module"]


class InputError(ValueError):
    """A request's input cannot be read. The message is for the person who sent it.

    Attributes:
        index: Position of the bad item in its batch, or None where the whole body is bad.
    """

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class Media:
    """An answer that is a file: sent as it is where the client asks for its type, in base64 within JSON."""

    content: bytes
    type: str


Prediction = dict[str, Any] | Media
"""The answer to one item: ready for JSON, or a file."""


@dataclass(frozen=True)
class Form:
    """How a person gives an input and reads an answer: page, panel, curl line and lab follow from it.

    Nothing else in the house asks which kind an input is.

    Attributes:
        widget: The field that takes an input; it is JSON wherever a page does not know the widget.
        key: The JSON key of one item; its plural takes a list of them.
        media_types: Bodies beside JSON.
        requirements: Distributions that the codec needs where it serves.
        answer: How an answer is drawn.
    """

    widget: Widget
    key: str
    media_types: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    answer: AnswerKind = "json"

    @property
    def plural(self) -> str:
        """The JSON key of a list of items."""
        return self.key if self.key.endswith("s") else f"{self.key}s"

    @property
    def file(self) -> str:
        """The name of a file that could be an item; empty where an item is none."""
        return {"image": "picture.png", "audio": "sound.wav"}.get(self.widget, "")

    @property
    def sample(self) -> str:
        """An item as a word on a line of ``%lepton predict``, to be written over."""
        return self.file or {"text": '"a sentence"', "table": '{"column": 1}'}.get(self.widget, "INPUT")


class Codec(ABC):
    """Turns real inputs into model inputs, and model outputs into answers. Needs numpy, never torch.

    One codec serves the HTTP service, `lepton_nb.predict` and the parity check, so that an input
    means the same in all three.

    Attributes:
        kind: The ``kind`` of the preprocessing in a signature that is this codec's.
        form: How a person gives an input.
    """

    kind: ClassVar[str]
    form: ClassVar[Form] = Form("json", "inputs")

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
        """A raw request body of one of the form's media types as a batch: one item, or every row of a table.

        Raises:
            InputError: If the body is not of that type.
        """
        raise InputError(f"this model takes no {media_type} body; send JSON")

    def run(self, graphs: Graphs, inputs: Arrays) -> Arrays:
        """The outputs for a batch; override it to compose several graphs, such as a loop over steps."""
        return graphs["model"](inputs)

    def stream(self, graphs: Graphs, inputs: Arrays) -> Iterator[Any] | None:  # noqa: ARG002
        """The pieces of the answer to one item as they come, each ready for JSON.

        A generator that returns the outputs has them encoded as the answer at the end; else `run` gives them.

        Returns:
            None where there is nothing to wait for.
        """
        return None

    def aligned(self, expected: Arrays, answered: Arrays) -> Arrays:  # noqa: ARG002
        """Outputs of `run`, or of a graph, in the order of others of the same inputs.

        Override it where equal scores may come in any order; the outputs are then compared one by one.
        """
        return answered

    @property
    def answer_kind(self) -> AnswerKind:
        """How an answer is drawn; the form's, where the codec's answers are always of one kind."""
        return self.form.answer

    @property
    def streams(self) -> bool:
        """Whether answers may come in pieces."""
        return type(self).stream is not Codec.stream

    def about(self) -> dict[str, Any]:
        """The form as JSON, for whoever draws it."""
        form = self.form
        return {
            "widget": form.widget,
            "key": form.key,
            "file": form.file,
            "media_types": form.media_types,
            "answer": self.answer_kind,
            "streams": self.streams,
        }

    @abstractmethod
    def encode(self, outputs: Arrays) -> Sequence[Prediction]:
        """The outputs, each ``(N, ...)``, as one answer per item: ready for JSON, or a file.

        Raises:
            InputError: With the item's index, where the model's output for it is not finite.
        """

    def scores(self, output: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The probability of each class or label ``(N, C)``, where there are any.

        Raises:
            InputError: If there are none.
        """
        raise InputError("this model has no classes")

    @abstractmethod
    def request_schema(self) -> dict[str, Any]:
        """JSON schema of the request object."""

    @abstractmethod
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of one answer of `encode`."""

    @abstractmethod
    def example(self) -> dict[str, Any]:
        """A small request that works: for the documentation page and the curl line."""


@dataclass(frozen=True)
class GraphSpec:
    """A module to export.

    Attributes:
        module: Takes tensors by position, gives one tensor or a tuple of them.
        inputs: What it takes; None in a shape is a free dimension (besides the batch).
        outputs: What it gives.
        example: A batch of 3 or more real items; a free dimension is 2 or longer in it.
    """

    module: nn.Module
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    example: tuple[Tensor, ...]


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

        Override it where the model computes its own loss, or needs the target to go forward.
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
