"""The way between a request and a model: what is taken, how a packaged model is run, what is answered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.forms import AnswerKind, Form, Prediction

if TYPE_CHECKING:
    from torch import Tensor, nn

Arrays = tuple[np.ndarray, ...]
"""One batch, each ``(N, *shape)``, in the order of ``Signature.inputs`` or of ``Signature.outputs``."""
Graph = Callable[[Arrays], Arrays]
"""A packaged computation behind one call, whichever format runs it."""
Graphs = Mapping[str, Graph]


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

    Attributes:
        kind: The ``kind`` of the preprocessing in a signature that is this codec's.
        form: How a person gives an input.
        signature: What a request gives and gets: behind the model's inputs also what `run` hands past the
            model to the answers.
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
