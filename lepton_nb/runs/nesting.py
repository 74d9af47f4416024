"""Nested Python values to JSON and back, with their tensors set aside.

Scalars and lists stand for themselves. Everything else is an object of one key: ``{"$tensor": name}``,
``{"$dict": [[key, value], ...]}`` (keys need not be strings: an optimizer's are integers),
``{"$tuple": [...]}``, ``{"$bytes": base64}``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import StoreError

if TYPE_CHECKING:
    import torch


def encode(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """`value` as JSON; its tensors go into `tensors`, one entry for each distinct one.

    Raises:
        StoreError: If it holds something that is no data; says where.
    """
    return _Encoder(tensors).encode(value, ())


def decode(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """What `encode` was given. Tensors that were one are one again.

    Raises:
        ValueError: If it is not what `encode` makes.
        KeyError: If a tensor is missing.
    """
    if isinstance(value, list):
        return [decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((tag, content),) = value.items()
    if tag == "$tensor":
        return tensors[content]
    if tag == "$dict":
        return {decode(key, tensors): decode(item, tensors) for key, item in content}
    if tag == "$tuple":
        return tuple(decode(item, tensors) for item in content)
    if tag == "$bytes":
        return base64.b64decode(content)
    raise ValueError(f"unknown tag {tag!r}")


class _Encoder:
    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        import numpy
        import torch

        self.numpy_scalar = numpy.generic
        self.tensors = tensors
        self.tensor_type = torch.Tensor
        self.strided = torch.strided
        self.names: dict[tuple[Any, ...], str] = {}

    def encode(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, self.numpy_scalar):
            value = value.item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, self.tensor_type):
            return {"$tensor": self._store(value, path)}
        if isinstance(value, Mapping):
            return {
                "$dict": [[self.encode(k, path), self.encode(v, (*path, str(k)))] for k, v in value.items()]
            }
        if isinstance(value, list | tuple):
            items = [self.encode(item, (*path, str(index))) for index, item in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        if isinstance(value, bytes | bytearray):
            return {"$bytes": base64.b64encode(value).decode()}
        raise StoreError(
            f"{'.'.join(path) or 'The state'} is a {type(value).__name__}, which a checkpoint cannot hold.",
            "A state holds tensors, numbers, strings, bytes, and lists, tuples and dicts of them.",
        )

    def _store(self, tensor: torch.Tensor, path: tuple[str, ...]) -> str:
        if tensor.layout != self.strided or tensor.is_meta or tensor.is_quantized:
            kind = "meta" if tensor.is_meta else "quantized" if tensor.is_quantized else str(tensor.layout)
            raise StoreError(
                f"{'.'.join(path)} is a {kind} tensor, which a checkpoint cannot hold.",
                "Make it an ordinary one, for example with .to_dense() or .dequantize().",
            )
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        if tensor.numel() and place in self.names:
            return self.names[place]
        name = base = ".".join(path) or "tensor"
        while name in self.tensors or name == "__metadata__":
            name = f"{base}~{len(self.tensors)}"
        self.tensors[name] = tensor
        self.names[place] = name
        return name
