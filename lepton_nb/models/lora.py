"""LoRA (Hu et al. 2021) by peft: frozen linear layers learn through two small matrices beside each.

The model keeps its class and its calls. A package gets it with the matrices folded into the layers, so that
serving knows nothing of peft.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from lepton_nb.errors import ArgumentError, ModelError
from lepton_nb.models.libraries import needs
from lepton_nb.models.spec import ModelSpec


def add_lora(
    model: nn.Module, *, r: int, alpha: float, dropout: float, targets: Sequence[str] = ()
) -> list[str]:
    """Put the matrices beside layers of a model, in place, and freeze everything but them and its head.

    Args:
        targets: Names of layers, or how their names end; those usual for such a model where there are none.

    Returns:
        The names of the layers that have got some.

    Raises:
        ArgumentError: If no linear layer has such a name.
    """
    peft = needs("peft", "peft")
    names = _layers(model, targets)
    config = peft.LoraConfig(r=r, lora_alpha=alpha, lora_dropout=dropout, target_modules=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peft.inject_adapter_in_model(config, model)
    for name in head_parts(model):
        model.get_submodule(name).requires_grad_(True)
    return names


def merged(model: nn.Module, spec: ModelSpec) -> tuple[nn.Module, ModelSpec]:
    """The model with the matrices folded into its layers, in place, and the spec of that architecture."""
    if not spec.lora:
        return model, spec
    from peft.tuners.lora import LoraLayer

    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge(safe_merge=True)
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, layer.get_base_layer())
    return model, replace(spec, lora={})


def head_parts(model: nn.Module) -> list[str]:
    """Names of the parts that make logits: of transformers all beside the body, else the last layer."""
    body = getattr(model, "base_model_prefix", "")
    if body and hasattr(model, body):
        return [name for name, _ in model.named_children() if name != body]
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1:]


def _layers(model: nn.Module, targets: Sequence[str]) -> list[str]:
    linear = _linear(model)
    heads = head_parts(model)
    inside = [name for name in linear if not any(f"{name}.".startswith(f"{head}.") for head in heads)]
    wanted = targets or _usual(model)
    found = [name for name in inside if not wanted or any(_ends(name, target) for target in wanted)]
    missing = [target for target in targets if not any(_ends(name, target) for name in inside)]
    if missing or not found:
        what = f"layer {missing[0]!r}" if missing else "linear layer beside its head"
        raise ArgumentError(
            f"lora: the {type(model).__name__} has no {what}.",
            f"Its linear layers end in {', '.join(dict.fromkeys(n.rpartition('.')[2] for n in inside))}."
            if inside
            else "LoRA is for models of linear layers; --freeze backbone trains the head of any.",
        )
    return found


def _linear(model: nn.Module) -> list[str]:
    """Names of the layers that peft knows how to adapt, the insides of `nn.MultiheadAttention` left out."""
    attention = tuple(name for name, part in model.named_modules() if isinstance(part, nn.MultiheadAttention))
    return [
        name
        for name, part in model.named_modules()
        if (type(part) is nn.Linear or type(part).__name__ == "Conv1D")
        and not name.startswith(tuple(f"{owner}." for owner in attention))
    ]


def _usual(model: nn.Module) -> Sequence[str]:
    """The layers that peft adapts in such a model of transformers; none of any other: then it is all."""
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    kind = str(getattr(getattr(model, "config", None), "model_type", ""))
    found: Sequence[str] = KNOWN.get(kind, ())
    return found


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def check_not_adapted(model: nn.Module) -> None:
    """Refuse a model that has adapters already.

    Raises:
        ModelError: If it has; says how to train it as it is.
    """
    if any(name.endswith(("lora_A", "lora_magnitude_vector")) for name, _ in model.named_modules()):
        raise ModelError(
            "The model has LoRA adapters already.", "Leave --lora out to train them as they are."
        )
