"""A last batch of one item, which some layers cannot train on: said before the epoch whose end it spoils."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lepton_nb.batch import Batch, part
from lepton_nb.data import DataBundle
from lepton_nb.data.own.splits import LoaderSplit, UserLoader
from lepton_nb.errors import TrainingError
from lepton_nb.models.objectives import returned
from lepton_nb.models.preserve import untouched
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.parts import evaluating_parts


def check_last_batch(
    model: nn.Module, bundle: DataBundle, batch: Batch, loss: Any, config: TrainConfig
) -> None:
    """Try the model on one item where an epoch ends with a batch of one.

    Args:
        batch: A real one, on the model's device.
        loss: How it goes through the model, see `returned`.

    Raises:
        TrainingError: If the model cannot train on it; a batch norm over pictures can.
    """
    last, items = _last_size(bundle, config), len(bundle.train)
    if last != 1 or (layer := _layer_that_fails(model, part(batch, 0, 1), loss, config)) is None:
        return
    if isinstance(bundle.train, LoaderSplit) and len(_loader(bundle.train)) < items:
        raise TrainingError(
            f"The last batch of train has 1 item, of {items:,}, and {layer} needs 2 or more to train.",
            "Write DataLoader(…, drop_last=True), or give it another batch_size.",
        )
    raise TrainingError(
        f"Every batch of train has 1 item, and {layer} needs 2 or more to train.",
        "Give batches of 2 or more: DataLoader(…, batch_size=16), or --batch-size 16.",
    )


def _last_size(bundle: DataBundle, config: TrainConfig) -> int | None:
    """Items in the last batch of an epoch; None where it is not known or surely more than one."""
    if isinstance(bundle.train, LoaderSplit):
        return _loader(bundle.train).last_batch
    return 1 if 1 in (config.batch_size, len(bundle.train)) else None


def _loader(split: LoaderSplit) -> UserLoader:
    return split.loader(batch_size=1, shuffle=True)


def _layer_that_fails(model: nn.Module, one: Batch, loss: Any, config: TrainConfig) -> str | None:
    """The batch norm that has one value per channel of one item; None where the model trains on one."""
    still = evaluating_parts(model)
    frozen = frozen_modules(model, config.freeze) if config.freeze and config.unfreeze_at is None else []
    inside: list[str] = []
    with untouched(model), torch.no_grad():
        model.train()
        for module in [*(model.get_submodule(name) for name in still), *_every(frozen)]:
            module.training = False
        watches = [
            module.register_forward_pre_hook(lambda _, __, name=name: inside.append(name))
            for name, module in model.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
        ]
        try:
            returned(loss, model, one)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                return None  # whatever else it is, it is not of the number of items
            return f"`{inside[-1]}` (batch norm)" if inside else "its batch norm"
        except Exception:
            return None
        finally:
            for watch in watches:
                watch.remove()
    return None


def _every(modules: list[nn.Module]) -> list[nn.Module]:
    return [inner for module in modules for inner in module.modules()]
