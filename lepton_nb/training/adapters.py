"""``--lora``: what stands on the line, and the model that is trained so."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

    from lepton_nb.models import Definition

_KINDS: dict[str, Any] = {"r": int, "alpha": float, "dropout": float, "targets": str}


def parse_lora(text: str) -> dict[str, Any]:
    """``r=8,alpha=16,dropout=0.1,targets=query|value`` as arguments of `add_lora`.

    Raises:
        ArgumentError: If a name is unknown, or a value out of range.
    """
    given: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = part.partition("=")
        if name not in _KINDS:
            raise ArgumentError(
                f"lora has no setting {name!r}.", did_you_mean(name, _KINDS) or "For example --lora r=8"
            )
        try:
            given[name] = _KINDS[name](value)
        except ValueError:
            raise ArgumentError(f"lora: {name} is {value!r}, no number.", f"For example {name}=8") from None
    rank, dropout = given.get("r", 8), given.get("dropout", 0.0)
    if rank < 1 or not 0 <= dropout < 1:
        raise ArgumentError(
            f"lora is {text!r}; r is 1 or more, dropout from 0 to 1.", "For example --lora r=8,dropout=0.1"
        )
    targets = [name for name in given.get("targets", "").split("|") if name]
    return {"r": rank, "alpha": given.get("alpha", 2.0 * rank), "dropout": dropout, "targets": targets}


def with_lora(definition: Definition, text: str) -> tuple[Definition, nn.Module]:
    """A model built with LoRA, and its definition with a spec that says so; the user's own is copied."""
    from lepton_nb.models.lora import add_lora, check_not_adapted

    network = definition.build()
    check_not_adapted(network)
    if definition.instance is not None:
        network = copy.deepcopy(network)
    settings = parse_lora(text)
    layers = add_lora(network, **settings)
    trains = sum(p.numel() for p in network.parameters() if p.requires_grad)
    every = sum(p.numel() for p in network.parameters())
    copied = "; your model stays as it is, run.live['model'] is the trained one" * bool(definition.instance)
    said = (
        f"LoRA beside {len(layers)} layers: {trains:,} of {every:,} parameters train, with the head{copied}."
    )
    spec = replace(definition.spec, lora={**settings, "targets": layers})
    return replace(definition, spec=spec, notes=[*definition.notes, said]), network
