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
    """Warn on the run where ``--freeze`` keeps random weights as they are."""
    freeze, name = plan.config.freeze, plan.defined.name
    if freeze is None:
        return
    drawn = _drawn(plan.defined, plan.model, freeze, plan.config.seed)
    if not drawn:
        return
    until = f" until epoch {plan.config.unfreeze_at}" if plan.config.unfreeze_at else ""
    which = f"`{drawn[0]}`" + (f" and {len(drawn) - 1} more layers" if len(drawn) > 1 else "")
    remedy = "Load trained weights into it first, or leave --freeze out."
    if plan.defined.spec.kind == "torchvision":
        remedy = (
            f"First: %lepton model {name} --data {plan.data.name} --weights DEFAULT, or a file of weights."
        )
    said = (
        f"{name} begins with random weights, and --freeze {freeze} keeps those of {which} as they are"
        f"{until}: a frozen random layer learns nothing. {remedy}"
    )
    run.warn(said)


def _drawn(definition: Definition, model: nn.Module, freeze: str, seed: int) -> list[str]:
    """The frozen layers whose weights are drawn anew each time the model is built; of an instance, none.

    Whether a class loads trained weights itself is told by building it again with another seed.
    """
    if definition.instance is not None or definition.spec.weights not in ("", RANDOM):
        return []
    frozen = {id(p) for module in frozen_modules(model, freeze) for p in module.parameters() if p.ndim >= 2}
    with private_rng():
        seed_all(seed + 1)
        other = dict(definition.build().named_parameters())
    return [
        name.rpartition(".")[0]
        for name, parameter in model.named_parameters()
        if id(parameter) in frozen and not _equal(parameter, other.get(name))
    ]


def _equal(ours: nn.Parameter, theirs: nn.Parameter | None) -> bool:
    same = theirs is not None and ours.shape == theirs.shape
    return same and torch.equal(ours.detach().cpu(), theirs.detach().cpu())  # type: ignore[union-attr]
