"""One epoch of Adam through each peer's own loop, the way its documentation begins, logging turned off.

The model keeps a clock: `Clocked.forward` notes when it was called, so that every peer is measured alike,
from one forward pass to the next, without what happens before and after an epoch.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

WARM_UP = 5  # steps that do not count


class Clocked(nn.Module):
    """A model that remembers when it was called.

    Attributes:
        clock: `time.process_time` on a machine that others use too: it counts this process's own work.
    """

    clock: Callable[[], float] = time.perf_counter

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.calls: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls.append(Clocked.clock())
        return self.body(x)

    def seconds_a_step(self) -> float:
        counted = self.calls[WARM_UP:]
        return (counted[-1] - counted[0]) / (len(counted) - 1)

    def undisturbed(self) -> float:
        """The tenth percentile of the seconds a step took: what others on the machine did not stretch."""
        counted = self.calls[WARM_UP:]
        gaps = sorted(after - before for before, after in pairwise(counted))
        return gaps[len(gaps) // 10]


Fit = Callable[[nn.Module, DataLoader[Any], float], None]


def textbook(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()


def lightning(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def training_step(self, batch: Any, _: int) -> Tensor:
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=lr)

    trainer = L.Trainer(
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    trainer.fit(Module(), loader)


def fastai(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    from functools import partial

    import fastai.callback.progress  # noqa: F401 - gives Learner its no_bar
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    held_out = DataLoader(Subset(loader.dataset, range(8)), batch_size=8)
    learner = Learner(
        DataLoaders(loader, held_out, device=torch.device("cpu")),
        model,
        loss_func=nn.CrossEntropyLoss(),
        opt_func=partial(OptimWrapper, opt=torch.optim.Adam),
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(1, lr)


def keras(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    os.environ["KERAS_BACKEND"] = "torch"
    from keras import Sequential, layers, losses, optimizers

    wrapped = Sequential([layers.TorchModuleWrapper(model)])
    wrapped.compile(
        optimizer=optimizers.Adam(lr),
        loss=losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    wrapped.fit(loader, epochs=1, verbose=0)


def skorch(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    from skorch import NeuralNet

    net = NeuralNet(
        model,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=lr,
        max_epochs=1,
        batch_size=loader.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.fit(loader.dataset)


def ignite(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    from ignite.engine import create_supervised_trainer

    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss()).run(loader, max_epochs=1)


def accelerate(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    prepared, optimizer, batches = accelerator.prepare(
        model, torch.optim.Adam(model.parameters(), lr=lr), loader
    )
    for images, labels in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(prepared(images), labels)
        accelerator.backward(loss)
        optimizer.step()


class _Named(Dataset[Any]):
    """Items by name, as the HF Trainer wants them."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> dict[str, Any]:
        x, labels = self.dataset[index]
        return {"x": x, "labels": labels}


class _WithLoss(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.model(x)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def hf_trainer(model: nn.Module, loader: DataLoader[Any], lr: float) -> None:
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=loader.batch_size or 1,
            learning_rate=lr,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            use_cpu=True,
            disable_tqdm=True,
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        trainer = Trainer(
            _WithLoss(model),
            arguments,
            train_dataset=_Named(loader.dataset),
            optimizers=(optimizer, None),
        )
        trainer.train()


PEERS: dict[str, Fit] = {
    "textbook loop": textbook,
    "lightning": lightning,
    "fastai": fastai,
    "skorch": skorch,
    "ignite": ignite,
    "accelerate": accelerate,
    "transformers": hf_trainer,
    "keras": keras,
}


def installed() -> dict[str, Fit]:
    """The peers that can be imported here, and the textbook loop."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "transformers", "ignite"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return {
        name: fit
        for name, fit in PEERS.items()
        if name == "textbook loop" or importlib.util.find_spec(name) is not None
    }


def measure(fit: Fit, body: nn.Module, loader: DataLoader[Any], lr: float) -> Clocked:
    """`body`, trained for one epoch by a peer."""
    model = Clocked(body)
    fit(model, loader, lr)
    return model
