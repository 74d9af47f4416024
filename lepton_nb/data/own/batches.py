"""What a batch of a user's own loader must be, and what to say where it is not."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lepton_nb.batch import Batch, Tree
from lepton_nb.data.targets import Kind
from lepton_nb.errors import DataError

EXPECTED = (
    "Each batch is to be (inputs, target): tensors, or tuples or dicts of them; or a dict with the target "
    "under 'labels', 'label', 'targets' or 'target'."
)
TARGET_KEYS = ("labels", "label", "targets", "target")


def check_batch(batch: Any, name: str) -> Batch:
    """A batch as ``(inputs, target)``; what holds inputs alone is its own target, as for an autoencoder.

    Args:
        batch: What the loader yields.
        name: The split, for messages.

    Raises:
        DataError: If it is something else; says what came.
    """
    if isinstance(batch, Mapping):
        return _from_dict(batch, name)
    if isinstance(batch, Tensor):
        batch = (batch,)
    if not isinstance(batch, tuple | list) or len(batch) not in (1, 2):
        raise DataError(f"{name} yields {describe(batch)}.", _hint(batch))
    inputs = as_rows(batch[0])
    if inputs is None:
        raise DataError(f"The inputs of {name} are {describe(batch[0])}.", _hint(batch))
    if len(batch) == 1:
        return Batch(inputs, inputs)
    target = as_rows(batch[1])
    if target is None:
        raise _no_target(batch[1], name)
    return Batch(inputs, target)


def target_key(batch: Any) -> str | None:
    """Under which name a dict batch holds its target; None where there is none, or the batch is no dict."""
    return next((key for key in TARGET_KEYS if isinstance(batch, Mapping) and key in batch), None)


def as_rows(value: Any) -> Tree | None:
    """A tensor, or a tuple or dict of nothing but tensors; None where it is something else."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Mapping) and value and all(isinstance(part, Tensor) for part in value.values()):
        return dict(value)
    if isinstance(value, list | tuple) and value and all(isinstance(part, Tensor) for part in value):
        return tuple(value)
    return None


def sent(value: Any, device: torch.device) -> Any:
    """Whatever a loader yields with its tensors on the device, and else as it is."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, Mapping):
        return {name: sent(part, device) for name, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(sent(part, device) for part in value))
    if isinstance(value, list | tuple):
        return type(value)(sent(part, device) for part in value)
    return value


def _from_dict(batch: Mapping[str, Any], name: str) -> Batch:
    """The target by its usual name, the other tensors by theirs; texts, which no model takes, stay out."""
    key = target_key(batch)
    if key is None:
        raise DataError(f"{name} yields {describe(batch)}.", EXPECTED)
    inputs = {part: value for part, value in batch.items() if part != key and isinstance(value, Tensor)}
    target = as_rows(batch[key])
    if target is None:
        raise _no_target(batch[key], name)
    if not inputs:
        raise DataError(f"{name} yields {describe(batch)}: there is no tensor beside {key!r}.", EXPECTED)
    return Batch(inputs, target)


def _no_target(target: Any, name: str) -> DataError:
    texts = isinstance(target, list | tuple) and target and isinstance(target[0], str)
    hint = "Turn class names into numbers: classes.index(name)." if texts else EXPECTED
    return DataError(f"The targets of {name} are {describe(target)}.", hint)


def as_float32(tensor: Tensor) -> Tensor:
    """Double precision, which numpy makes unasked and no model here takes, as float32."""
    return tensor.float() if tensor.dtype == torch.float64 else tensor


def as_target(target: Tensor, kind: Kind) -> Tensor:
    """Targets as the tasks take them: int64 ``(N,)``, or float32 ``(N, T)`` where they are quantities."""
    if kind == "classification":
        return target.to(torch.int64)
    numbers = target.to(torch.float32)
    return numbers.unsqueeze(1) if numbers.ndim == 1 else numbers


def describe(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"a dict of {', '.join(map(repr, list(value)[:5]))}"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple):
        parts = ", ".join(describe(part) for part in value[:3]) + (", …" if len(value) > 3 else "")
        return f"a {type(value).__name__} of {len(value)}: {parts}"
    return f"a {type(value).__name__}"


def explain_failure(error: Exception, name: str) -> DataError:
    """What the user's own data code failed with, and on which of its lines."""
    message = (str(error).strip() or type(error).__name__).splitlines()
    if "default_collate" in message[0] and "PIL" in " ".join(message):
        return DataError(
            f"{name} gives PIL images, which cannot be batched.",
            "Add transforms.ToTensor() to the dataset's transform.",
        )
    if "stack expects each tensor to be equal size" in message[0]:
        return DataError(
            f"The items of {name} differ in shape: {message[0]}.",
            "Add transforms.Resize((height, width)) to the dataset's transform, or pad in a collate_fn.",
        )
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    place = ""
    if frames and "lepton_nb" not in frames[-1].filename:
        place = f" in {frames[-1].name}, line {frames[-1].lineno}: {frames[-1].line}"
    return DataError(f"{name} fails on its first batch{place}", f"{type(error).__name__}: {message[-1]}")


def _hint(batch: Any) -> str:
    if isinstance(batch, tuple | list) and len(batch) > 2:
        return f"{EXPECTED} For several inputs yield ((a, b), target)."
    return EXPECTED
