"""timm's models, fitted to the data."""

from __future__ import annotations

from typing import Any

from torch import nn

from lepton_nb.errors import ModelError, did_you_mean
from lepton_nb.models.definition import Definition
from lepton_nb.models.libraries import needs, short_name
from lepton_nb.models.libraries.hub import first_line, in_cache, not_at_hand, pinned, reach
from lepton_nb.models.libraries.pictures import picture_sizes
from lepton_nb.models.local_weights import fill, is_weights_file, left_out_note, read_weights
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.spec import RANDOM, ModelSpec
from lepton_nb.signature import Signature

BEST = "DEFAULT"


def define(name: str, signature: Signature | None, weights: str | None) -> tuple[Definition, nn.Module]:
    timm = needs("timm", "timm")
    _check(timm, name, weights)
    sizes = picture_sizes(f"timm:{name}", signature)
    kwargs = {
        "model": name,
        "num_classes": signature.num_outputs if signature is not None else 1000,
        "in_chans": sizes["in_channels"],
        **_size(timm, name, sizes["height"], sizes["width"]),
    }

    def factory() -> nn.Module:
        if weights is None:
            return build(**kwargs)
        return _pretrained(**kwargs) if weights == BEST else _from_file(weights, kwargs)

    with private_rng():
        network = factory()
    short = short_name(name)
    spec = ModelSpec(
        "timm",
        short,
        f"timm.create_model({name!r}, num_classes={kwargs['num_classes']})",
        kwargs=kwargs,
        requirements=[pinned("timm")],
        weights=weights or RANDOM,
        given=_given(network, name),
    )
    return Definition(short, spec, factory=factory, notes=_notes(network, weights)), network


def build(**kwargs: Any) -> nn.Module:
    timm = needs("timm", "timm")
    arguments = {key: value for key, value in kwargs.items() if key != "model"}
    try:
        model: nn.Module = timm.create_model(kwargs["model"], pretrained=False, **arguments)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        given = ", ".join(f"{key}={value}" for key, value in arguments.items())
        raise ModelError(
            f"timm:{kwargs['model']} cannot be built with {given}: {first_line(error)}.",
            f"Load the data with --image-size {_own_size(kwargs['model'])}.",
        ) from error
    _check_patches(model, kwargs)
    return model


def _check_patches(model: nn.Module, kwargs: dict[str, Any]) -> None:
    """Refuse pictures that a vision transformer cannot cut into its patches."""
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    size = kwargs.get("img_size")
    if size is not None and patch is not None and any(a % b for a, b in zip(size, patch, strict=True)):
        raise ModelError(
            f"timm:{kwargs['model']} cuts pictures into {patch[0]} × {patch[1]}, but they are "
            f"{size[0]} × {size[1]}.",
            f"Load the data with --image-size {_own_size(kwargs['model'])}.",
        )


def _own_size(name: str) -> int:
    """The pictures' size that a model was made for."""
    config = needs("timm", "timm").models.get_pretrained_cfg(name)
    return int(config.input_size[-1]) if config is not None else 224


def _check(timm: Any, name: str, weights: str | None) -> None:
    if not timm.is_model(name):
        raise ModelError(
            f"timm has no model {name!r}.",
            did_you_mean(name, timm.list_models()) or "timm.list_models('*') lists them.",
        )
    if weights is not None and weights != BEST and not is_weights_file(weights):
        raise ModelError(
            f"timm:{name} has no weights {weights!r}.",
            f"Write --weights {BEST}, or a .pth or .safetensors file.",
        )


def _size(timm: Any, name: str, height: int, width: int) -> dict[str, Any]:
    """The size of the pictures, for the models that are built for one."""
    fixed = timm.models.get_pretrained_cfg(name)
    return {"img_size": (height, width)} if fixed is not None and fixed.fixed_input_size else {}


def _pretrained(**kwargs: Any) -> nn.Module:
    timm = needs("timm", "timm")
    name, arguments = kwargs["model"], {key: value for key, value in kwargs.items() if key != "model"}
    config = timm.models.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise ModelError(f"timm has no pretrained weights for {name}.", "Leave --weights out.")
    repo, then = (
        str(config.hf_hub_id or name),
        f"%lepton model timm:{name} --weights FOLDER/model.safetensors",
    )
    known = in_cache(repo, "model.safetensors")
    reach(repo, then, cached=known is not None)
    overlay = None if known is None else {"file": known}
    try:
        model: nn.Module = timm.create_model(
            name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments
        )
    except (OSError, RuntimeError) as error:
        raise not_at_hand(repo, then, first_line(error)) from error
    return model


def _from_file(path: str, kwargs: dict[str, Any]) -> nn.Module:
    model = build(**kwargs)
    fill(model, read_weights(path), _head(model), path)
    return model


def _head(model: Any) -> str:
    """The name of the layer that gives the logits."""
    name = model.pretrained_cfg.get("classifier")
    return str(name[0] if isinstance(name, tuple | list) else name)


def _given(model: Any, name: str) -> str:
    """The name with the tag that says which of its weights are the default."""
    tag = model.pretrained_cfg.get("tag")
    return f"timm:{name}.{tag}" if tag and "." not in name else f"timm:{name}"


def _notes(model: nn.Module, weights: str | None) -> list[str]:
    if weights is None or weights == BEST:
        return []
    said = left_out_note(model, read_weights(weights), _head(model), weights)
    return [] if said is None else [said]
