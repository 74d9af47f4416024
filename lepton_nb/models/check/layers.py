"""What each kind of layer accepts, and how to say that it was given something else.

Each function looks at one layer that raised and returns the error to show, or None where the reason is
another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.models.check.failures import Failure, dtype_text, factors_text

_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_BATCH_NORMS = {
    **dict.fromkeys((nn.BatchNorm1d, nn.InstanceNorm1d), (2, 3)),
    **dict.fromkeys((nn.BatchNorm2d, nn.InstanceNorm2d), (4,)),
    **dict.fromkeys((nn.BatchNorm3d, nn.InstanceNorm3d), (5,)),
}
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


def explain_layer(failure: Failure) -> ModelError | None:
    """The error for the layer that raised, or None where it was given what it takes."""
    if not is_layer(failure.module):
        return None
    message = _tuple_given(failure)
    if message is None and failure.tensor is not None:
        message = _wrong_dtype(failure, failure.tensor) or _wrong_device(failure, failure.tensor)
        explain = next(
            (found for kinds, found in _EXPLAIN.items() if isinstance(failure.module, kinds)), None
        )
        if message is None and explain is not None:
            message = explain(failure, failure.module, failure.tensor)
    return ModelError(message) if message else None


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer of torch or a subclass of one: not the user's own, not a container."""
    bases = [base for base in type(module).__mro__ if base.__module__.startswith("torch.nn.modules.")]
    return bool({*bases} - {nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict})


def _tuple_given(failure: Failure) -> str | None:
    given = failure.args[0] if failure.args else None
    if not isinstance(given, (tuple, list)) or not isinstance(failure.error, (TypeError, AttributeError)):
        return None
    maker = failure.trace.maker(given)
    source = f" of `{maker}`" if maker else ""
    pair = "the pair (output, state)" if len(given) == 2 else f"a {type(given).__name__} of {len(given)}"
    write = f"; write x, _ = self.{maker}(x)" if maker and len(given) == 2 else "; take the tensor out of it"
    return f"{failure.label} takes a tensor but gets {pair}{source}{write}"


def _wrong_dtype(failure: Failure, x: Tensor) -> str | None:
    module, given, source = failure.module, dtype_text(x), failure.source(x)
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        if x.dtype in (torch.int64, torch.int32):
            return None
        return f"{failure.label} takes int64 ids but gets {given}{source}; write x.long() before it"
    weight = next((p for p in module.parameters(recurse=False) if p.is_floating_point()), None)
    if weight is None or weight.dtype == x.dtype:
        return None
    what = f"{failure.label} takes {dtype_text(weight)} but gets {given}{source}"
    if weight.dtype != torch.float32:
        return f"{what}; its weights are {dtype_text(weight)}: write model.float()"
    if x.dtype == torch.uint8:
        return f"{what}; pictures are scaled first: x.float() / 255, or transforms.ToTensor() in the data"
    if not x.is_floating_point():
        return f"{what}; token ids go through an nn.Embedding first, numbers through x.float()"
    return f"{what}; write x.float(), or torch.tensor(…, dtype=torch.float32) where the data is made"


def _wrong_device(failure: Failure, x: Tensor) -> str | None:
    weight = next(failure.module.parameters(recurse=False), None)
    if weight is None or weight.device == x.device:
        return None
    return (
        f"{failure.label} is on {weight.device} but gets a tensor on {x.device}{failure.source(x)}; "
        f"make new tensors in forward with device=x.device, and keep every layer on one device"
    )


def _linear(failure: Failure, module: nn.Linear, x: Tensor) -> str | None:
    takes, given = module.in_features, x.shape[-1] if x.dim() else 1
    if takes == given:
        return None
    what = f"{failure.label} takes {takes} features but gets {given}"
    flat = prod(x.shape[1:])
    if x.dim() >= 4 or (x.dim() == 3 and takes == flat):
        flatten = (
            "put nn.Flatten() before it" if failure.in_sequential() else "write x = x.flatten(1) before it"
        )
        also = "" if flat == takes else f" and nn.Linear({flat}, {module.out_features})"
        return f"{what}, the last of {failure.shape(x)}{failure.source(x)}; {flatten}{also}"
    if x.dim() == 3:
        return f"{what}, the last of {failure.shape(x)}{failure.source(x)}{failure.fixed(in_features=given)}"
    made_of = factors_text(failure.trace.origin(x), given)
    lazy = f" or nn.LazyLinear({module.out_features})"
    return f"{what}{' ' + made_of if made_of else ''}{failure.fixed(in_features=given)}{lazy}"


def _conv(failure: Failure, module: Any, x: Tensor) -> str | None:
    dims, takes = len(module.kernel_size), module.in_channels
    if x.dim() != dims + 2:
        return _conv_dims(failure, takes, x, dims)
    given = x.shape[1]
    if given == takes:
        return _too_small(failure, module, x)
    what = f"{failure.label} takes {takes} channel{'s' * (takes != 1)} but gets {given}{failure.source(x)}"
    if x.shape[-1] == takes:
        order = ", ".join(str(dim) for dim in (0, dims + 1, *range(1, dims + 1)))
        return f"{what}: the channels come last in {failure.shape(x)}; write x = x.permute({order})"
    return what + failure.fixed(in_channels=given)


def _conv_dims(failure: Failure, takes: int, x: Tensor, dims: int) -> str | None:
    """A convolution over `dims` dimensions that was given more or fewer."""
    sizes = {1: "L", 2: "H, W", 3: "D, H, W"}[dims]
    what = f"{failure.label} takes (N, {takes}, {sizes}) but gets {failure.shape(x)}{failure.source(x)}"
    if x.dim() == dims + 1:
        if x.shape[0] != failure.trace.batch_size:
            return None
        return f"{what}: the channel dimension is missing; write x = x.unsqueeze(1)"
    if x.dim() == 2 and dims == 2:
        side = math.isqrt(x.shape[1] // takes)
        square = takes * side * side == x.shape[1]
        shape = f"({takes}, {side}, {side})" if square else f"({takes}, height, width)"
        return f"{what}; write x = x.unflatten(1, {shape})"
    return what


def _too_small(failure: Failure, module: Any, x: Tensor) -> str | None:
    """A convolution or pooling whose window is larger than what it slides over."""
    if "actual input size" not in str(failure.error) and "too small" not in str(failure.error):
        return None
    dims = x.dim() - 2
    kernel = module.kernel_size if isinstance(module.kernel_size, tuple) else (module.kernel_size,) * dims
    window, size = " × ".join(map(str, kernel)), " × ".join(map(str, x.shape[-dims:]))
    return (
        f"{failure.label} has a {window} window but only {size} is left{failure.source(x)}; "
        "use larger inputs, fewer poolings or strides, or padding"
    )


def _batch_norm(failure: Failure, module: Any, x: Tensor) -> str | None:
    dims = next(dims for kind, dims in _BATCH_NORMS.items() if isinstance(module, kind))
    name = type(module).__name__
    if x.dim() not in dims:
        fitting = {2: "1d", 3: "1d", 4: "2d", 5: "3d"}.get(x.dim())
        write = f"; write nn.{name[:-2]}{fitting}({module.num_features})" if fitting else ""
        wanted = " or ".join(f"{dim} dimensions" for dim in dims)
        return f"{failure.label} takes {wanted} but gets {failure.shape(x)}{failure.source(x)}{write}"
    if x.shape[1] != module.num_features:
        given = f"{x.shape[1]}{failure.source(x)}"
        fix = failure.fixed(num_features=x.shape[1])
        kind = "features" if x.dim() == 2 else "channels"
        return f"{failure.label} takes {module.num_features} {kind} but gets {given}{fix}"
    if "more than 1 value per channel" in str(failure.error):
        return (
            f"{failure.label} gets one value per channel, {tuple(x.shape)}{failure.source(x)}: there is "
            "nothing to normalise; train with batches of 2 or more (drop_last=True in a DataLoader)"
        )
    return None


def _group_norm(failure: Failure, module: nn.GroupNorm, x: Tensor) -> str | None:
    if x.dim() < 2 or x.shape[1] == module.num_channels:
        return None
    given = f"{x.shape[1]}{failure.source(x)}"
    fix = failure.fixed(num_channels=x.shape[1])
    return f"{failure.label} takes {module.num_channels} channels but gets {given}{fix}"


def _layer_norm(failure: Failure, module: nn.LayerNorm, x: Tensor) -> str | None:
    wanted = tuple(module.normalized_shape)
    given = tuple(x.shape[-len(wanted) :])
    if given == wanted:
        return None
    what = f"{failure.label} normalises {_plain(wanted)} values but gets {_plain(given)}"
    where = f", the last of {failure.shape(x)}{failure.source(x)}"
    return what + where + failure.fixed(normalized_shape=given)


def _embedding(failure: Failure, module: nn.Embedding, x: Tensor) -> str | None:
    return embedding_message(failure.label, module, x, failure.fixed)


def embedding_message(label: str, module: nn.Embedding, ids: Tensor, fixed: Callable[..., str]) -> str | None:
    """What to say of ids that are not in the table; None where all are."""
    low, high = (int(ids.min()), int(ids.max())) if ids.numel() else (0, 0)
    size = module.num_embeddings
    if low < 0:
        return f"{label} takes ids 0 … {size - 1} but gets {low}; ids start at 0"
    if high < size:
        return None
    return (
        f"{label} takes ids 0 … {size - 1} but gets {high}{fixed(num_embeddings=high + 1)} "
        "or larger: the size of the vocabulary"
    )


def _recurrent(failure: Failure, module: nn.RNNBase, x: Tensor) -> str | None:
    order = "(N, L, {})" if module.batch_first else "(L, N, {})"
    takes = order.format(module.input_size)
    if x.dim() not in (2, 3):
        return f"{failure.label} takes {takes} but gets {failure.shape(x)}{failure.source(x)}"
    if x.shape[-1] == module.input_size:
        return None
    given = f"{x.shape[-1]}, the last of {failure.shape(x)}{failure.source(x)}"
    fix = failure.fixed(input_size=x.shape[-1])
    return f"{failure.label} takes {module.input_size} features but gets {given}{fix}"


def _attention(failure: Failure, module: nn.MultiheadAttention, x: Tensor) -> str | None:
    if x.shape[-1] == module.embed_dim:
        return None
    given = f"{x.shape[-1]}, the last of {failure.shape(x)}{failure.source(x)}"
    return (
        f"{failure.label} takes {module.embed_dim} features but gets {given}; "
        f"make both the same: d_model or embed_dim = {x.shape[-1]}"
    )


def _plain(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


_EXPLAIN: dict[tuple[type, ...], Callable[[Failure, Any, Tensor], str | None]] = {
    (nn.Linear,): _linear,
    _CONVS: _conv,
    tuple(_BATCH_NORMS): _batch_norm,
    (nn.GroupNorm,): _group_norm,
    (nn.LayerNorm,): _layer_norm,
    (nn.Embedding, nn.EmbeddingBag): _embedding,
    (nn.RNNBase,): _recurrent,
    (nn.MultiheadAttention,): _attention,
    _POOLS: _too_small,
}
