"""Whether the notebook has moved on from a model that was captured, or has weights of its own by now."""

from __future__ import annotations

import ast
import hashlib
import types
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.models.capture.cells import segment
from lepton_nb.models.capture.finding import find_definition
from lepton_nb.models.capture.imports import is_installed
from lepton_nb.models.capture.values import value_text

_WHOLE = 1 << 20  # elements up to which every weight is looked at
_SAMPLED = 256  # elements of each tensor that are looked at beyond


def changed_names(source: str, namespace: Mapping[str, Any]) -> list[str]:
    """The classes, functions and constants of captured source that mean something else in the notebook now.

    What the notebook does not have, or whose text cannot be found, counts as unchanged. Comments, blank lines
    and the order of cells do not matter.
    """
    return [name for name, node, text in _definitions(source) if _differs(node, text, namespace.get(name))]


def _definitions(source: str) -> Iterator[tuple[str, ast.stmt, str]]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node, segment(source, node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            (target,) = node.targets
            if isinstance(target, ast.Name):
                yield target.id, node, ""


def _differs(node: ast.stmt, text: str, value: Any) -> bool:
    if value is None:
        return False
    if isinstance(node, ast.Assign):
        now = value_text(value)
        return now is not None and ast.dump(ast.parse(now, mode="eval").body) != ast.dump(node.value)
    if not isinstance(value, type | types.FunctionType) or is_installed(value.__module__):
        return False
    now = find_definition(value, ())
    return now is not None and ast.dump(ast.parse(now)) != ast.dump(ast.parse(text))


def weights_fingerprint(model: nn.Module) -> str:
    """A digest of a model's weights and buffers that changes when it is trained, in a few milliseconds.

    Small models are read whole. Of a large one, evenly spaced elements of every tensor are read, which no
    optimizer step leaves as they are.
    """
    tensors = [(name, value) for name, value in model.state_dict().items() if isinstance(value, Tensor)]
    whole = sum(value.numel() for _, value in tensors) <= _WHOLE
    digest = hashlib.blake2b()
    parts = []
    for name, value in tensors:
        digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        flat = value.detach().reshape(-1)
        step = 1 if whole else max(1, flat.numel() // _SAMPLED)
        parts.append(flat[::step].to(torch.float64))
    if parts:
        # One copy from the device, not one for every tensor.
        digest.update(torch.cat([part.to(parts[0].device) for part in parts]).cpu().numpy().tobytes())
    return digest.hexdigest()
