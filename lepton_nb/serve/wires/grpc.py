"""The Open Inference Protocol (v2) over gRPC as the worker speaks it: serialized messages in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from lepton_nb.processes.refusals import RefusedError
from lepton_nb.serve.batches import Answer, Request
from lepton_nb.serve.wires.base import Question
from lepton_nb.serve.wires.grpc_messages import MESSAGES
from lepton_nb.serve.wires.protocol import ProtocolWire
from lepton_nb.serve.wires.tensors import Asked
from lepton_nb.tasks import InputError
from lepton_nb.tasks.base import Arrays

# Where the values of a tensor stand when they are not sent raw. There is no field for FP16.
_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class _Wanted(NamedTuple):
    outputs: list[Asked]
    id: str


class GrpcWire(ProtocolWire):
    """Reads `ModelInferRequest`, writes `ModelInferResponse` with raw contents."""

    def read(self, request: Request) -> Question:
        try:
            message = MESSAGES["ModelInferRequest"].FromString(bytes(request.body))
        except DecodeError:
            raise RefusedError(400, "the message is no ModelInferRequest") from None
        self._check_model(message)
        if not message.inputs:
            raise InputError("there are no inputs")
        raw = message.raw_input_contents
        if raw and len(raw) != len(message.inputs):
            raise InputError(f"there are {len(message.inputs)} inputs and {len(raw)} raw_input_contents")
        values: dict[str, Any] = {}
        for index, entry in enumerate(message.inputs):
            if entry.name in values:
                raise InputError(f"input {entry.name!r} comes twice")
            content = memoryview(raw[index]) if raw else _contents(entry)
            values[entry.name] = self.tensors.value(entry.name, entry.datatype, tuple(entry.shape), content)
        asked = list(map(self._asked, message.outputs)) or self.tensors.every(binary=True)
        wanted = _Wanted(asked, message.id)
        return Question(self.tensors.arrays(values), wanted)

    def _check_model(self, message: Any) -> None:
        if message.model_name != self.name:
            raise RefusedError(404, f"there is no model {message.model_name[:80]!r}, only {self.name!r}")
        if message.model_version not in ("", self.version):
            asked = f"{message.model_version!r:.40}"
            raise RefusedError(404, f"version {asked} of {self.name!r} is not served, only {self.version!r}")

    def _asked(self, entry: Any) -> Asked:
        place = self.tensors.place_of(entry.name)
        classes = _parameter(entry.parameters, "classification", 0)
        return Asked(place, self.tensors.check_classes(place, classes))

    def _write(self, outputs: Arrays, question: Question) -> Answer:
        wanted: _Wanted = question.wanted
        tensors = [self.tensors.output(outputs, asked) for asked in wanted.outputs]
        message = MESSAGES["ModelInferResponse"](
            model_name=self.name,
            model_version=self.version,
            id=wanted.id,
            outputs=[
                {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.values.shape}
                for tensor in tensors
            ],
            raw_output_contents=[tensor.raw() for tensor in tensors],
        )
        return Answer(200, message.SerializeToString())


def _contents(entry: Any) -> Any:
    field = _CONTENTS.get(entry.datatype)
    if field is None:
        raise InputError(f"input {entry.name!r} of {entry.datatype!r:.20} needs raw_input_contents")
    values = getattr(entry.contents, field)
    return list(values) if field == "bytes_contents" else np.asarray(values)


def _parameter(parameters: Mapping[str, Any], name: str, default: Any) -> Any:
    if name not in parameters:
        return default
    value = parameters[name]
    choice = value.WhichOneof("parameter_choice")
    return getattr(value, choice) if choice else default
