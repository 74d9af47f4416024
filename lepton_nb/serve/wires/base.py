"""How requests are read and answers are written: one class a dialect, used by the worker."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import orjson

from lepton_nb.processes.refusals import RefusedError
from lepton_nb.serve.batches import Answer, Request
from lepton_nb.serve.http.accepting import JSON, preferred
from lepton_nb.serve.wires.floats import InputsReader
from lepton_nb.serve.wires.multipart import FORM
from lepton_nb.serve.wires.uploads import UNNAMED, URL_FORM, Uploads
from lepton_nb.tasks import Codec
from lepton_nb.tasks.base import Arrays, Media, Prediction


class Question(NamedTuple):
    """A request that has been read.

    Attributes:
        arrays: The model's inputs, each ``(N, *shape)``.
        wanted: What the dialect needs to know to write the answer.
        warnings: What of the input is unlike everything that the model was trained on.
    """

    arrays: Arrays
    wanted: Any = None
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.arrays[0])


def parts(questions: Iterable[Question], outputs: Arrays) -> Iterator[tuple[Question, Arrays]]:
    """Each question with its part of the outputs of all their rows."""
    start = 0
    for question in questions:
        end = start + question.rows
        yield question, tuple(output[start:end] for output in outputs)
        start = end


class Wire(ABC):
    """One dialect.

    Attributes:
        input_status: The HTTP status of an `InputError`.
        streams: Whether answers come in pieces, where the model has any.
    """

    input_status: ClassVar[int]
    streams: ClassVar[bool] = False

    @abstractmethod
    def read(self, request: Request) -> Question:
        """What a request asks.

        Raises:
            RefusedError: If it cannot be taken at all.
            InputError: If its input is not one of the model's.
        """

    @abstractmethod
    def write(self, questions: Sequence[Question], outputs: Arrays) -> list[Answer]:
        """The answers to questions whose rows, one after the other, gave the outputs.

        Raises:
            InputError: If one of them cannot be answered; the others are then written one at a time.
        """


class PredictWire(Wire):
    """Our own: the task's real inputs, and answers for people.

    Args:
        version: Sent with every answer.
    """

    input_status: ClassVar[int] = 422

    def __init__(self, codec: Codec, version: int) -> None:
        self.codec = codec
        self.version = version
        self._reader = InputsReader(codec.signature.inputs)
        self._uploads = Uploads(codec, self._read_content)

    def read(self, request: Request) -> Question:
        content_type = request.content_type.decode("latin-1")
        media_type = content_type.partition(";")[0].strip().lower() or JSON
        if media_type == FORM:
            return Question(self._uploads.read(content_type, bytes(request.body)), request.accept)
        return Question(self._read_content(bytes(request.body), media_type), request.accept)

    def _read_content(self, content: bytes, media_type: str) -> Arrays:
        """A body, or a file of a form."""
        if media_type == JSON:
            return self._read_json(content)
        if media_type == UNNAMED:
            media_type = self._uploads.type_of(content)
        if not self._takes(media_type):
            accepted = ", ".join((JSON, FORM, *self.codec.form.media_types))
            hint = "; curl -d says so unless told -H 'Content-Type: …'" if media_type == URL_FORM else ""
            raise RefusedError(415, f"this model takes no {media_type} body{hint}; send one of {accepted}")
        return self.codec.decode_bytes(content, media_type)

    def write(self, questions: Sequence[Question], outputs: Arrays) -> list[Answer]:
        predictions = iter(self.codec.encode(outputs))
        return [self._answer(list(islice(predictions, question.rows)), question) for question in questions]

    def _answer(self, predictions: list[Prediction], question: Question) -> Answer:
        """JSON; the file itself where the only answer is one, and the client asks for its type."""
        accept = question.wanted
        only = predictions[0] if accept and len(predictions) == 1 else None
        if isinstance(only, Media) and preferred(accept, (JSON, only.type)) == only.type:
            return Answer(200, only.content, content_type=only.type.encode())
        warnings = {"warnings": question.warnings} if question.warnings else {}  # first: they are to be read
        return Answer(200, dump_json({**warnings, "predictions": predictions, "version": self.version}))

    def _read_json(self, body: bytes) -> Arrays:
        batch = self._reader.read(body)
        return self.codec.decode_json(load_json(body)) if batch is None else self.codec.prepare(batch)

    def _takes(self, media_type: str) -> bool:
        major = media_type.partition("/")[0]
        return any(known in (media_type, f"{major}/*") for known in self.codec.form.media_types)


class StreamWire(PredictWire):
    """The same, its answers in pieces as the model makes them."""

    streams: ClassVar[bool] = True


def dump_json(value: Any) -> bytes:
    """A value as JSON, with arrays as lists, and files as ``{"content": base64, "type": …}``."""
    return orjson.dumps(value, _in_base64, orjson.OPT_SERIALIZE_NUMPY)


def _in_base64(value: Any) -> str:
    """What orjson asks for of a value that JSON has no form for: of a `Media`, its bytes."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def load_json(body: bytes | memoryview) -> Any:
    """The value of a JSON body.

    Raises:
        RefusedError: If it is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None


def failure(status: int, message: str, index: int | None = None) -> Answer:
    """The answer ``{"error": message}``, with the position of the bad item where one is to blame."""
    body: dict[str, str | int] = {"error": message}
    if index is not None:
        body["index"] = index
    return Answer(status, orjson.dumps(body))
