"""What will not be possible later with a model that cannot be built again, said before the first step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn

from lepton_nb.batch import mapped
from lepton_nb.errors import LeptonError
from lepton_nb.models import Definition, Inputs, ModelSpec
from lepton_nb.models.check.rebuilding import rebuilding_fault
from lepton_nb.packaging.example import find_example
from lepton_nb.packaging.export import export_program
from lepton_nb.packaging.restore import NO_DEPLOY
from lepton_nb.runs import Run

if TYPE_CHECKING:
    from lepton_nb.training.plan import Plan

_ITEMS = 2


def prove_source(definition: Definition, network: nn.Module, inputs: Inputs) -> None:
    """Build a model again from its captured source; a source that does not answer alike is not kept.

    Args:
        inputs: Of a batch, on the model's device.
    """
    spec = definition.spec
    if spec.kind != "source":
        return
    few = mapped(lambda tensor: tensor[:_ITEMS], inputs)
    fault = rebuilding_fault(spec, network, few)
    if fault is not None:
        definition.spec = ModelSpec("live", spec.name, missing=[fault])


def say_limits(run: Run, plan: Plan) -> None:
    """Warn on the run where only this kernel will have its model."""
    spec = plan.defined.spec
    if plan.example == ():
        _say_unknown(run)
    elif spec.kind == "live":
        _say_live(run, plan, spec)


def _say_unknown(run: Run) -> None:
    """Of a step that does not call the model itself nobody knows what a service of it would take."""
    run.write_json(NO_DEPLOY, {"reason": "your step does not call the model itself with tensors"})
    run.warn(
        "Your step does not call the model itself with tensors alone, as model(x), so what a service would "
        "take is not known: evaluate measures by the step, and deploy cannot."
    )


def _say_live(run: Run, plan: Plan, spec: ModelSpec) -> None:
    why = next(iter(spec.missing), "") or "its source was not found"
    no_export = _why_not_exported(run, plan)
    if no_export is None:
        now = "evaluate and deploy use the model in this kernel"
    else:
        run.write_json(NO_DEPLOY, {"reason": no_export})
        now = (
            "evaluate uses the model in this kernel, and deploy cannot (its graph cannot be exported, either)"
        )
    said = (
        f"{spec.name} cannot be built again in another process: {why}. So {now}; after a restart, make it "
        f"again, and lepton_nb.load_model({run.ref!r}, model=VARIABLE) gives it the weights, "
        f"%lepton resume {run.ref} --model VARIABLE goes on."
    )
    run.warn(said)


def _why_not_exported(run: Run, plan: Plan) -> str | None:
    """Why the model has no graph to deploy; None where it has one."""
    try:
        with torch.no_grad():
            alone = copy.deepcopy(plan.model).cpu().eval()
        for spec in plan.data.task.graphs(alone, plan.data.signature, find_example(run)).values():
            export_program(spec)
    except LeptonError as error:
        return error.message
    except Exception as error:  # a model that cannot be copied, or has no signature to bind to
        return f"{type(error).__name__}: {error}"
    return None
