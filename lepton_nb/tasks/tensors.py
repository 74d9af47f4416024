"""The codec every task falls back to: inputs that already are tensors, as nested lists or arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from lepton_nb.errors import did_you_mean
from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.arrays import read_npy, to_batch, zeros
from lepton_nb.tasks.base import AnswerKind, Arrays, Codec, Form, InputError, Prediction
from lepton_nb.tasks.bodies import array_schema, kind_of, request_schema

NPY = "application/x-npy"


class TensorCodec(Codec):
    """Takes ``{"inputs": ...}``: one batch of what ``model.forward`` takes.

    With several inputs, ``inputs`` is an object of one batch a name. Subclasses add their own keys to
    ``forms``.

    Args:
        signature: What the model takes.
        answers: Turns its outputs into answers.
    """

    kind: ClassVar[str] = "tensor"
    form: ClassVar[Form] = Form("json", "inputs", (NPY,))

    def __init__(self, signature: Signature, answers: Answers) -> None:
        super().__init__(signature)
        self.answers = answers
        self.forms: dict[str, Callable[[Any], Arrays]] = {"inputs": self.from_tensors}

    def prepare(self, value: Any) -> Arrays:
        if isinstance(value, Mapping):
            return self.decode_json(value)
        return self.from_tensors(value)

    def decode_json(self, body: Mapping[str, Any]) -> Arrays:
        if not isinstance(body, Mapping):
            raise InputError(f"expected a JSON object with {self._choices()}, got {kind_of(body)}")
        unknown = [key for key in body if key not in self.forms]
        if unknown:
            advice = did_you_mean(str(unknown[0]), self.forms) or ""
            raise InputError(f"unknown key {unknown[0]!r}: send {self._choices()}. {advice}".rstrip())
        if len(body) != 1:
            seen = " and ".join(map(repr, body)) or "an empty object"
            raise InputError(f"send exactly one of {self._choices()}, got {seen}")
        ((key, value),) = body.items()
        return self.forms[key](value)

    def decode_bytes(self, body: bytes, media_type: str) -> Arrays:
        if media_type == NPY:
            return self.from_tensors(read_npy(body))
        return super().decode_bytes(body, media_type)

    def from_tensors(self, value: Any) -> Arrays:
        """Model inputs as nested lists, arrays or tensors, with or without the batch dimension.

        Raises:
            InputError: If a shape or type is not the signature's.
        """
        specs = self.signature.inputs
        if len(specs) == 1:
            return (self.check(to_batch(value, specs[0])),)
        batches = tuple(
            self.check(to_batch(part, spec, spec.name))
            for part, spec in zip(self._parts(value), specs, strict=True)
        )
        if len({len(batch) for batch in batches}) > 1:
            sizes = ", ".join(f"{spec.name} {len(batch)}" for spec, batch in zip(specs, batches, strict=True))
            raise InputError(f"the inputs differ in their number of items: {sizes}")
        return batches

    def check(self, batch: np.ndarray) -> np.ndarray:
        """A place for subclasses to refuse values that no real input of theirs can give."""
        return batch

    @property
    def answer_kind(self) -> AnswerKind:
        return self.answers.kind

    def encode(self, outputs: Arrays) -> Sequence[Prediction]:
        return self.answers.encode(outputs)

    def scores(self, output: np.ndarray) -> np.ndarray:
        return self.answers.scores(output)

    def request_schema(self) -> dict[str, Any]:
        return request_schema({"inputs": self.inputs_schema()})

    def inputs_schema(self) -> dict[str, Any]:
        """JSON schema of the value of ``inputs``."""
        specs = self.signature.inputs
        schemas = {spec.name: array_schema(spec) for spec in specs}
        if len(specs) == 1:
            return schemas[specs[0].name]
        return {
            "type": "object",
            "properties": schemas,
            "required": list(schemas),
            "additionalProperties": False,
        }

    def answer_schema(self) -> dict[str, Any]:
        return self.answers.schema()

    def example(self) -> dict[str, Any]:
        values = {spec.name: zeros(spec).tolist() for spec in self.signature.inputs}
        return {"inputs": next(iter(values.values())) if len(values) == 1 else values}

    def _parts(self, value: Any) -> Sequence[Any]:
        """The value of each input, by name or by position."""
        names = [spec.name for spec in self.signature.inputs]
        if isinstance(value, Mapping):
            for name in names:
                if name not in value:
                    raise InputError(f"'inputs' has no {name!r}: it needs {', '.join(map(repr, names))}")
            for name in value:
                if name not in names:
                    raise InputError(
                        f"unknown input {name!r}: this model takes {', '.join(map(repr, names))}"
                    )
            return [value[name] for name in names]
        if isinstance(value, tuple | list) and len(value) == len(names):
            return value
        raise InputError(f"this model takes {len(names)} inputs: {', '.join(map(repr, names))}")

    def _choices(self) -> str:
        return " or ".join(repr(form) for form in self.forms)
