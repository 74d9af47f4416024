"""The objects of the user's that a run was trained with: given again, still here, or made again from disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from lepton_nb.callbacks import Callback
from lepton_nb.data import DataBundle
from lepton_nb.models.losses import make_loss_again, require_arguments
from lepton_nb.runs import Run
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.fitting import make_criterion
from lepton_nb.training.monitoring import Monitor
from lepton_nb.training.optimizers import check_optimizer
from lepton_nb.training.own import Own, make_optimizer_again
from lepton_nb.training.own_metrics import as_metrics
from lepton_nb.training.plan import Plan
from lepton_nb.training.scheduling import Scheduling
from lepton_nb.training.several import as_one


class Recorded:
    """What `Plan.described` kept of a run.

    Args:
        given: What the user gives anew.
    """

    def __init__(self, run: Run, given: Own) -> None:
        self.run, self.given = run, given
        self._own: dict[str, Any] = run.read_json("own.json", {})

    @property
    def stepped(self) -> bool:
        """Whether a step of the user's trains it."""
        return self.given.step is not None or bool(self._own.get("step"))

    @property
    def has_loss(self) -> bool:
        """Whether the loss is the user's."""
        return self.given.loss is not None or bool(self._own.get("loss")) or self.stepped

    def plan(
        self,
        network: nn.Module,
        bundle: DataBundle,
        settings: TrainConfig,
        callbacks: Sequence[Callback],
        lr: float | None,
    ) -> Plan:
        """The plan to go on.

        Raises:
            TrainingError: If only the user can make an object of it again; says which, and how to give it.
        """
        step = self._step()
        loss = step if self.stepped else make_criterion(self._loss(), bundle, settings)
        return Plan(
            network,
            bundle,
            loss,
            self._optimizer(network),
            settings,
            Monitor(self.run.monitor, self.run.mode),
            callbacks,
            own_loss=self.has_loss,
            stepped=self.stepped,
            scheduling=self._scheduling(),
            metrics=self._metrics(),
            lr=lr,
        )

    def _step(self) -> Any:
        if self.given.step is not None or not self.stepped:
            return self.given.step
        return self._here("step")

    def _loss(self) -> Any:
        described = self._own.get("loss")
        if self.given.loss is not None or not described:
            return self.given.loss
        if described["kwargs"] is not None:
            return make_loss_again(described, self.run.ref)
        return self._here("loss")

    def _here(self, kind: str) -> Any:
        """What this process trained the run with."""
        found = self.run.live.get(kind)
        if found is None:
            require_arguments({**self._own[kind], "kwargs": None}, kind, self.run.ref)
        return found

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer | None:
        given = as_one(self.given.optimizer)
        if given is None and isinstance(self.given.scheduler, LRScheduler):
            given = self.given.scheduler.optimizer
        if given is not None:
            return check_optimizer(given, network, by_loop=not self.stepped)
        described, live = self._own.get("optimizer"), self.run.live
        if not described:
            return None
        if network is live.get("model") and "optimizer" in live:
            found: torch.optim.Optimizer = live["optimizer"]
            return found
        return make_optimizer_again(described, network, self.run.ref)

    def _scheduling(self) -> Scheduling | None:
        described, given = self._own.get("scheduler"), self.given.scheduler
        if not described:
            return None
        if given is None and described["kwargs"] is None:
            given = self._here("scheduler")
        return Scheduling(given, described["each"], described)

    def _metrics(self) -> dict[str, Any]:
        names = self._own.get("metrics") or []
        if self.given.metrics is not None or not names:
            return as_metrics(self.given.metrics)
        if "metrics" not in self.run.live:
            require_arguments({"class": ", ".join(names), "kwargs": None}, "metric", self.run.ref)
        found: dict[str, Any] = self.run.live["metrics"]
        return found
