"""Freezing layers that hold random weights, which learn nothing then: said before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from lepton_nb.models import Definition
from lepton_nb.models.seeding import private_rng, seed_all
from lepton_nb.models.spec import RANDOM
from lepton_nb.runs import Run
from lepton_nb.training.blocks import frozen_modules

if TYPE_CHECKING:
    from lepton_nb.training.plan import Plan


def say_frozen_random(run: Run, plan: Plan) -> None:
    """Warn on the run where ``--freeze`` or ``--lora`` keeps random weights as they are."""
    freeze, lora, name = plan.config.freeze, plan.config.lora, plan.defined.name
    if freeze is None and lora is None:
        return
    drawn = _drawn(plan.defined, plan.model, _frozen(plan), plan.config.seed)
    if not drawn:
        return
    option = f"--freeze {freeze}" if freeze is not None else f"--lora {lora}"
    until = f" until epoch {plan.config.unfreeze_at}" if plan.config.unfreeze_at else ""
    which = f"`{drawn[0]}`" + (f" and {len(drawn) - 1} more layers" if len(drawn) > 1 else "")
    remedy = f"Load trained weights into it first, or leave {option.split()[0]} out."
    if plan.defined.spec.kind in ("torchvision", "timm"):
        known = plan.defined.spec.given or name
        remedy = (
            f"First: %lepton model {known} --data {plan.data.name} --weights DEFAULT, or a file of weights."
        )
    said = (
        f"{name} begins with random weights, and {option} keeps those of {which} as they are"
        f"{until}: a frozen random layer learns nothing. {remedy}"
    )
    run.warn(said)


def _frozen(plan: Plan) -> set[int]:
    """The matrices that stand still, by id."""
    frozen = list(plan.model.parameters()) if plan.config.lora is not None else []
    frozen = [parameter for parameter in frozen if not parameter.requires_grad]
    if plan.config.freeze is not None:
        frozen += [
            p for module in frozen_modules(plan.model, plan.config.freeze) for p in module.parameters()
        ]
    return {id(parameter) for parameter in frozen if parameter.ndim >= 2}


def _drawn(definition: Definition, model: nn.Module, frozen: set[int], seed: int) -> list[str]:
    """The frozen layers whose weights are drawn anew each time the model is built; of an instance, none.

    Whether a class loads trained weights itself is told by building it again with another seed.
    """
    if definition.instance is not None or definition.spec.weights not in ("", RANDOM):
        return []
    with private_rng():
        seed_all(seed + 1)
        other = dict(definition.build().named_parameters())
    plain = {name.replace(".base_layer.", "."): parameter for name, parameter in model.named_parameters()}
    return [
        name.rpartition(".")[0] or name
        for name, parameter in plain.items()
        if id(parameter) in frozen and not _equal(parameter, other.get(name))
    ]


def _equal(ours: nn.Parameter, theirs: nn.Parameter | None) -> bool:
    same = theirs is not None and ours.shape == theirs.shape
    return same and torch.equal(ours.detach().cpu(), theirs.detach().cpu())  # type: ignore[union-attr]
