"""The classification models of torchvision by name, fitted to the data."""

from __future__ import annotations

import re
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from lepton_nb.errors import ModelError, did_you_mean
from lepton_nb.models.local_weights import fill, is_weights_file, left_out_note, read_weights
from lepton_nb.models.spec import RANDOM

_SMALL = 64


def torchvision_names() -> list[str]:
    """Every classification model of the installed torchvision, such as ``resnet18``."""
    from torchvision import models

    return list(models.list_models(module=models))


def build_torchvision(
    name: str,
    *,
    num_classes: int,
    in_channels: int = 3,
    height: int = 224,
    width: int = 224,
    small_stem: bool = False,
    weights: str | None = None,
) -> nn.Module:
    """A torchvision model with a head for `num_classes`, for pictures of `in_channels` × `height` × `width`.

    Args:
        small_stem: Give a ResNet the stem of He et al., "Deep Residual Learning" (CVPR 2016), section 4.2: a
            3×3 convolution of stride 1 and no max-pooling. Its usual stem leaves only 8×8 of a 32×32
            picture before the first block.
        weights: Name of pretrained weights, ``"DEFAULT"`` for the best, or a file with a ``state_dict``;
            random where None. What has a name is downloaded once. Their first convolution and their head
            are refitted where the data needs it.

    Raises:
        ModelError: If there is no such model or weights, the sizes do not suit it, or a download fails.
    """
    if name not in torchvision_names():
        raise ModelError(f"torchvision has no model {name!r}.", did_you_mean(name, torchvision_names()))
    if weights is not None and is_weights_file(weights):
        return _from_file(name, weights, num_classes, in_channels, (height, width), small_stem=small_stem)
    if weights is not None:
        model = pretrained(name, weights, height, width)
        _replace_head(model, num_classes)
    else:
        model = _random(name, num_classes, height, width)
    if in_channels != 3:
        _replace_first_conv(model, in_channels, keep=weights is not None)
    if small_stem:
        _shrink_stem(model)
    return model


def wants_small_stem(name: str, height: int, width: int) -> bool:
    """Whether it is a ResNet (ResNeXt, wide ResNet), and the pictures are small."""
    return name.startswith(("resnet", "resnext", "wide_resnet")) and max(height, width) < _SMALL


def torchvision_notes(
    name: str, *, in_channels: int, height: int, width: int, weights: str | None
) -> list[str]:
    """What `build_torchvision` adapted, one sentence each."""
    notes = []
    if in_channels != 3:
        done = "summed" if in_channels == 1 else "spread"
        how = f": its pretrained filters are {done}" if weights and not is_weights_file(weights) else ""
        notes.append(f"{name} takes {in_channels} channel{'s' * (in_channels != 1)} in place of 3{how}.")
    small = weights is None or (is_weights_file(weights) and has_small_stem(weights))
    if wants_small_stem(name, height, width) and small:
        notes.append(
            f"{name} has the stem for small pictures ({height} × {width}): a 3 × 3 convolution with "
            "stride 1, no max-pooling."
        )
    elif wants_small_stem(name, height, width):
        notes.append(
            f"{name} keeps its stem for 224 × 224 pictures with pretrained weights; "
            f"for {height} × {width}, --image-size 128 or more does better."
        )
    return notes


def has_small_stem(weights: str) -> bool:
    """Whether a file's ResNet has the stem for small pictures."""
    first = read_weights(weights).get("conv1.weight")
    return first is not None and first.shape[-1] == 3


def begins_with(name: str, weights: str | None) -> str:
    """What to call the weights a model begins with: ``random``, a name of torchvision's, or a file."""
    from torchvision import models

    if weights is None or is_weights_file(weights):
        return weights or RANDOM
    known = models.get_model_weights(name)
    found: str = (known.DEFAULT if weights == "DEFAULT" else known[weights]).name
    return found


def file_note(model: nn.Module, weights: str) -> str | None:
    """Which weights of a file the model did not take; None where it took all."""
    return left_out_note(model, read_weights(weights), _head_name(model), weights)


def _from_file(
    name: str, path: str, num_classes: int, in_channels: int, size: tuple[int, int], *, small_stem: bool
) -> nn.Module:
    """The model with the weights of a file, built for the channels and the stem of the file first."""
    state = read_weights(path)
    model = _random(name, num_classes, *size)
    first = state.get(f"{_first_conv(model)}.weight")
    channels = int(first.shape[1]) if first is not None and first.ndim == 4 else 3
    if small_stem:
        _shrink_stem(model)
    if channels != 3:
        _replace_first_conv(model, channels, keep=False)
    fill(model, state, _head_name(model), path)
    if channels != in_channels:
        _replace_first_conv(model, in_channels, keep=True)
    return model


def _random(name: str, num_classes: int, height: int, width: int) -> nn.Module:
    from torchvision import models

    arguments = _size_arguments(name, height, width)
    model: nn.Module = models.get_model(name, weights=None, num_classes=num_classes, **arguments)
    return model


def _size_arguments(name: str, height: int, width: int) -> dict[str, Any]:
    """What the models of a fixed picture size must be told, and the two with extra outputs."""
    if name == "googlenet":
        return {"aux_logits": False, "init_weights": True}
    if name == "inception_v3":
        if min(height, width) < 75:
            raise _bad_size(name, height, width, "at least 75 × 75", 75)
        return {"aux_logits": False, "init_weights": True}
    if name == "maxvit_t":
        if height % 224 or width % 224:
            raise _bad_size(name, height, width, "multiples of 224", 224)
        return {"input_size": (height, width)}
    patch = re.fullmatch(r"vit_\w_(\d+)", name)
    if patch is None:
        return {}
    side = int(patch[1])
    if height != width or height % side:
        fitting = -(-max(height, width) // side) * side
        raise _bad_size(name, height, width, f"squares of a multiple of {side}", fitting)
    return {"image_size": height}


def _bad_size(name: str, height: int, width: int, takes: str, size: int) -> ModelError:
    return ModelError(
        f"{name} takes {takes} pixels, but the pictures are {height} × {width}.",
        f"Load the data with --image-size {size}.",
    )


def pretrained(name: str, weights: str, height: int, width: int) -> nn.Module:
    """A model of torchvision with weights of that name, which are downloaded once.

    Raises:
        ModelError: If there are no such weights, or the download fails.
    """
    from torchvision import models

    known = models.get_model_weights(name)
    names = list(dict.fromkeys([*known.__members__, "DEFAULT"]))
    if weights not in names:
        raise ModelError(f"{name} has no weights {weights!r}.", did_you_mean(weights, names))
    extra = {"aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    try:
        model: nn.Module = models.get_model(
            name, weights=known[weights] if weights != "DEFAULT" else weights, **extra
        )
    except (URLError, TimeoutError, ConnectionError) as error:
        url = known.DEFAULT.url if weights == "DEFAULT" else known[weights].url
        raise ModelError(
            f"The weights of {name} cannot be downloaded from {url}: {getattr(error, 'reason', error)}.",
            f"Go online, put the file into {torch.hub.get_dir()}/checkpoints, or train without --weights.",
        ) from error
    size = getattr(model, "image_size", None)  # of a vision transformer
    if isinstance(size, int) and (height, width) != (size, size):
        raise _bad_size(name, height, width, f"{size} × {size}, with these weights,", size)
    if hasattr(model, "transform_input"):
        model.__dict__["transform_input"] = False  # the data is already normalised
    return model


def _replace_head(model: nn.Module, num_classes: int) -> None:
    """A new last layer with `num_classes` outputs: linear, or the 1×1 convolution of SqueezeNet."""
    name = _head_name(model)
    head = model.get_submodule(name)
    if isinstance(head, nn.Linear):
        _set(model, name, nn.Linear(head.in_features, num_classes))
    else:
        assert isinstance(head, nn.Conv2d)
        _set(model, name, nn.Conv2d(head.in_channels, num_classes, 1))
    if hasattr(model, "num_classes"):
        model.__dict__["num_classes"] = num_classes


def _head_name(model: nn.Module) -> str:
    """The last linear layer or convolution: it makes the logits."""
    kinds = (nn.Linear, nn.Conv2d)
    layers: list[str] = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    return layers[-1]


def _first_conv(model: nn.Module) -> str:
    layers: list[str] = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    return layers[0]


def _replace_first_conv(model: nn.Module, in_channels: int, *, keep: bool) -> None:
    """A first convolution for `in_channels`.

    With `keep`, its pretrained filters are summed for one channel, else repeated and scaled so that the
    activations keep their size (as timm does).
    """
    name = _first_conv(model)
    old = model.get_submodule(name)
    assert isinstance(old, nn.Conv2d)
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    if keep:
        repeats = -(-in_channels // old.in_channels)
        with torch.no_grad():
            if in_channels == 1:
                new.weight.copy_(old.weight.sum(1, keepdim=True))
            else:
                repeated = old.weight.repeat(1, repeats, 1, 1)[:, :in_channels]
                new.weight.copy_(repeated * (old.in_channels / in_channels))
            if new.bias is not None and old.bias is not None:
                new.bias.copy_(old.bias)
    _set(model, name, new)


def _shrink_stem(model: nn.Module) -> None:
    first = model.get_submodule("conv1")
    assert isinstance(first, nn.Conv2d)
    conv = nn.Conv2d(first.in_channels, first.out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    _set(model, "conv1", conv)
    _set(model, "maxpool", nn.Identity())


def _set(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, module)
