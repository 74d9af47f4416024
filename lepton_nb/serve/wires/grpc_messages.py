"""The gRPC messages of the Open Inference Protocol (v2).

They are built from the table below instead of generated code, which protobuf ties to its own version; and in
a pool of their own, so that a client library that brings the same messages can live in the same process.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "inference.GRPCInferenceService"

_PACKAGE = "inference"
_Field = descriptor_pb2.FieldDescriptorProto

# For each message its fields as "[repeated ]type name", numbered from 1 on. `parameters` is a map, and
# `InferParameter` a oneof.
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready",
    "ModelReadyRequest": "string name, string version",
    "ModelReadyResponse": "bool ready",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name, string version, repeated string extensions",
    "ModelMetadataRequest": "string name, string version",
    "ModelMetadataResponse": (
        "string name, repeated string versions, string platform, "
        "repeated ModelMetadataResponse.TensorMetadata inputs, "
        "repeated ModelMetadataResponse.TensorMetadata outputs"
    ),
    "ModelMetadataResponse.TensorMetadata": "string name, string datatype, repeated int64 shape",
    "ModelInferRequest": (
        "string model_name, string model_version, string id, map parameters, "
        "repeated ModelInferRequest.InferInputTensor inputs, "
        "repeated ModelInferRequest.InferRequestedOutputTensor outputs, repeated bytes raw_input_contents"
    ),
    "ModelInferRequest.InferInputTensor": (
        "string name, string datatype, repeated int64 shape, map parameters, InferTensorContents contents"
    ),
    "ModelInferRequest.InferRequestedOutputTensor": "string name, map parameters",
    "ModelInferResponse": (
        "string model_name, string model_version, string id, map parameters, "
        "repeated ModelInferResponse.InferOutputTensor outputs, repeated bytes raw_output_contents"
    ),
    "ModelInferResponse.InferOutputTensor": (
        "string name, string datatype, repeated int64 shape, map parameters, InferTensorContents contents"
    ),
    "InferParameter": (
        "bool bool_param, int64 int64_param, string string_param, double double_param, uint64 uint64_param"
    ),
    "InferTensorContents": (
        "repeated bool bool_contents, repeated int32 int_contents, repeated int64 int64_contents, "
        "repeated uint32 uint_contents, repeated uint64 uint64_contents, repeated float fp32_contents, "
        "repeated double fp64_contents, repeated bytes bytes_contents"
    ),
}


def _build() -> dict[str, Any]:
    """The message classes by name."""
    file = descriptor_pb2.FileDescriptorProto(
        name="open_inference_grpc.proto", package=_PACKAGE, syntax="proto3"
    )
    made: dict[str, Any] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        message = made[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=inner)
        made[name] = message
        for number, field in enumerate(fields.split(", ") if fields else (), start=1):
            _add_field(message, name, field, number)
    oneof = made["InferParameter"]
    oneof.oneof_decl.add(name="parameter_choice")
    for field in oneof.field:
        field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _add_field(message: Any, owner: str, text: str, number: int) -> None:
    kind, name = text.removeprefix("repeated ").split()
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind == "map":
        entry = message.nested_type.add(name="ParametersEntry")
        entry.options.map_entry = True
        _add_field(entry, owner, "string key", 1)
        _add_field(entry, owner, "InferParameter value", 2)
        kind = f"{owner}.ParametersEntry"
    if text.startswith("repeated ") or kind.endswith("Entry"):
        field.label = _Field.LABEL_REPEATED
    if kind[0].isupper():
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")


MESSAGES = _build()
