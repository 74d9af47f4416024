"""Plain values as Python text: what a constant of the notebook becomes in captured source."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

_LONGEST_TEXT = 100_000
_MOST_ELEMENTS = 256


def value_text(value: Any) -> str | None:
    """An expression that gives an equal value; None for what is not plain, or too long to read.

    Numbers, strings, containers of them, and the dtypes, devices and small tensors and arrays of torch and
    numpy. The names `torch` and `np` stand for the libraries.
    """
    text = _text(value)
    return text if text is not None and len(text) <= _LONGEST_TEXT else None


def _text(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, (torch.dtype, torch.device)):
        return repr(value) if isinstance(value, torch.dtype) else f'torch.device("{value}")'
    if type(value) is Tensor:
        return _tensor_text(value)
    if isinstance(value, np.ndarray):
        plain = value.size <= _MOST_ELEMENTS and value.dtype.kind in "biuf"
        return f'np.array({value.tolist()!r}, dtype="{value.dtype}")' if plain else None
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return f"np.{value.dtype.name}({value.item()!r})"
    try:
        parsed = ast.literal_eval(repr(value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return repr(value) if type(parsed) is type(value) and parsed == value else None


def _tensor_text(value: Tensor) -> str | None:
    plain = value.numel() <= _MOST_ELEMENTS and value.layout == torch.strided and not value.is_quantized
    if not plain or value.requires_grad or not bool(torch.isfinite(value).all()):
        return None
    return f"torch.tensor({value.tolist()!r}, dtype={value.dtype})"
