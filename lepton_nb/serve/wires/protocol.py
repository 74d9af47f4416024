"""What the Open Inference Protocol (v2) is in every form: tensors by name, of one model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from lepton_nb.serve.batches import Answer
from lepton_nb.serve.wires.base import Question, Wire, parts
from lepton_nb.serve.wires.tensors import Tensors
from lepton_nb.tasks import Codec
from lepton_nb.tasks.base import Arrays


class ProtocolWire(Wire):
    """A form of the protocol.

    Args:
        name: Name of the model, as clients call it.
        version: Its version.
    """

    input_status: ClassVar[int] = 400

    def __init__(self, codec: Codec, name: str, version: int) -> None:
        self.tensors = Tensors(codec)
        self.name = name
        self.version = str(version)

    def write(self, questions: Sequence[Question], outputs: Arrays) -> list[Answer]:
        return [self._write(part, question) for question, part in parts(questions, outputs)]

    @abstractmethod
    def _write(self, outputs: Arrays, question: Question) -> Answer:
        """The answer to one question, of its part of the outputs."""
