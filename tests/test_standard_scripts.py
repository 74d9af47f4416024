"""Twelve scripts as people know them from the usual examples of PyTorch, written anew and tiny.

Each brings its own model, loaders, loss or step, optimizer and scheduler. Its loop is one line, `train`; and
then it can be resumed to the very same weights, and deployed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lepton_nb
from lepton_nb.packaging import build_package
from tests.training_helpers import same_weights

pytestmark = pytest.mark.slow


@dataclass
class Script:
    """What a script has before its loop begins."""

    model: Any
    train: Any
    val: Any = None
    options: dict[str, Any] = field(default_factory=dict)


def batches(*tensors: Tensor, size: int = 8) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors), batch_size=size, shuffle=True)


# -- MNIST


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.drop = nn.Conv2d(1, 4, 3), nn.Dropout(0.25)
        self.fc1, self.fc2 = nn.Linear(100, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(F.max_pool2d(F.relu(self.conv(x)), 2))
        return F.log_softmax(self.fc2(F.relu(self.fc1(x.flatten(1)))), dim=1)


def mnist() -> Script:
    model = Digits()
    train = batches(torch.rand(32, 1, 12, 12), torch.arange(32) % 10)
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    return Script(model, train, train, {"loss": F.nll_loss, "optimizer": optimizer, "scheduler": scheduler})


# -- a word language model


class WordModel(nn.Module):
    def __init__(self, words: int = 12) -> None:
        super().__init__()
        self.drop, self.encoder = nn.Dropout(0.2), nn.Embedding(words, 8)
        self.rnn, self.decoder = nn.LSTM(8, 8, batch_first=True), nn.Linear(8, words)

    def forward(self, tokens: Tensor) -> Tensor:
        output, _ = self.rnn(self.drop(self.encoder(tokens)))
        return self.decoder(self.drop(output))


def word_language_model() -> Script:
    words = torch.randint(0, 12, (32, 9))
    train = batches(words[:, :-1], words[:, 1:])

    def criterion(output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.flatten(0, 1), target.flatten())

    return Script(WordModel(), train, train, {"loss": criterion, "lr": 0.1, "optimizer": "sgd", "clip": 0.25})


# -- a variational autoencoder


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.mean, self.log_var = nn.Linear(16, 8), nn.Linear(8, 2), nn.Linear(8, 2)
        self.fc3, self.fc4 = nn.Linear(2, 8), nn.Linear(8, 16)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = F.relu(self.fc1(x))
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var) if self.training else mean
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mean, log_var


def vae() -> Script:
    train = batches(torch.rand(32, 16))

    def loss(outputs: Any, x: Tensor) -> Tensor:
        back, mean, log_var = outputs
        kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
        return (F.binary_cross_entropy(back, x, reduction="sum") + kl) / len(x)

    return Script(VAE(), train, train, {"loss": loss, "optimizer": "adam"})


# -- DCGAN


def dcgan() -> Script:
    generator = nn.Sequential(nn.ConvTranspose2d(4, 4, 4), nn.BatchNorm2d(4), nn.ReLU(),
                              nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Tanh())  # fmt: skip
    critic = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4), nn.Flatten())
    models = {"generator": generator, "critic": critic}
    optimizers = {
        name: optim.Adam(net.parameters(), 2e-3, betas=(0.5, 0.999)) for name, net in models.items()
    }

    def step(models: Any, batch: Any, optimizers: Any) -> dict[str, Any]:
        (real,) = batch
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        optimizers["critic"].zero_grad()
        fake = models["generator"](torch.randn(len(real), 4, 1, 1))
        criterion = F.binary_cross_entropy_with_logits
        loss_d = criterion(models["critic"](real), ones) + criterion(models["critic"](fake.detach()), zeros)
        loss_d.backward()
        optimizers["critic"].step()
        optimizers["generator"].zero_grad()
        loss_g = criterion(models["critic"](fake), ones)
        loss_g.backward()
        optimizers["generator"].step()
        return {"loss": loss_g, "loss_d": loss_d}

    return Script(models, batches(torch.rand(16, 1, 8, 8)), None, {"step": step, "optimizer": optimizers})


# -- super-resolution


def super_resolution() -> Script:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.PixelShuffle(2)
    )
    large = torch.rand(16, 1, 12, 12)
    train = batches(F.avg_pool2d(large, 2), large)
    return Script(model, train, train, {"loss": nn.MSELoss()})


# -- a siamese network


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(32, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.sigmoid(self.head(torch.cat((self.body(first), self.body(second)), 1))).squeeze(1)


class Pairs(Dataset[Any]):
    def __init__(self) -> None:
        self.pictures, self.same = torch.rand(24, 2, 1, 8, 8), (torch.arange(24) % 2).float()

    def __len__(self) -> int:
        return len(self.same)

    def __getitem__(self, index: int) -> Any:
        return tuple(self.pictures[index]), self.same[index]


def siamese() -> Script:
    train: Any = DataLoader(Pairs(), batch_size=8, shuffle=True)
    return Script(Siamese(), train, train, {"loss": nn.BCELoss()})


# -- a time series, by LBFGS


class Wave(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.linear = nn.LSTM(1, 8, batch_first=True), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.lstm(x[..., None])[0])[..., 0]


def time_series() -> Script:
    model = Wave()
    waves = torch.sin(torch.arange(20.0) / 3 + torch.rand(16, 1) * 6)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        x, y = batch

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            return loss

        return optimizer.step(closure)

    train = batches(waves[:, :-1], waves[:, 1:])
    return Script(
        model, train, train, {"step": step, "optimizer": optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)}
    )


# -- translation by a sequence to sequence network


class Translator(nn.Module):
    def __init__(self, words: int = 10) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(words, 8), nn.Embedding(words, 8)
        self.encoder, self.decoder = nn.GRU(8, 8, batch_first=True), nn.GRU(8, 8, batch_first=True)
        self.out = nn.Linear(8, words)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        _, hidden = self.encoder(self.source(source))
        return self.out(self.decoder(self.target(target), hidden)[0])


class Sentences(Dataset[Any]):
    def __init__(self) -> None:
        self.words = torch.randint(2, 10, (24, 6))

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> Any:
        words = self.words[index]
        return (words, torch.cat((torch.ones(1, dtype=torch.long), words.flip(0)[:-1]))), words.flip(0)


def translation() -> Script:
    train: Any = DataLoader(Sentences(), batch_size=8, shuffle=True)

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.transpose(1, 2), target)

    scheduler = partial(optim.lr_scheduler.OneCycleLR, max_lr=0.05)
    return Script(Translator(), train, train, {"loss": loss, "scheduler": scheduler})


# -- segmentation, with the outputs of torchvision's models


class Segmenter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.main, self.aux = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 1), nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = F.relu(self.body(x))
        return {"out": self.main(x), "aux": self.aux(x)}


def segmentation() -> Script:
    train = batches(torch.rand(16, 3, 8, 8), torch.randint(0, 3, (16, 8, 8)))

    def criterion(outputs: dict[str, Tensor], target: Tensor) -> Tensor:
        return sum(
            weight * F.cross_entropy(outputs[name], target) for name, weight in (("out", 1), ("aux", 0.5))
        )  # type: ignore[return-value]

    return Script(Segmenter(), train, train, {"loss": criterion})


# -- detection, with lists of pictures and targets


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.boxes, self.labels = nn.Linear(8, 4), nn.Linear(8, 3)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        x = self.body(pictures)
        return {"boxes": self.boxes(x), "labels": self.labels(x)}


def collated(items: list[Any]) -> Any:
    pictures, targets = zip(*items, strict=True)
    return list(pictures), list(targets)


def detection() -> Script:
    items: Any = [
        (torch.rand(3, 12, 12), {"boxes": torch.rand(1, 4), "labels": torch.tensor([n % 3])})
        for n in range(16)
    ]
    train: Any = DataLoader(items, batch_size=4, shuffle=True, collate_fn=collated)

    def step(model: nn.Module, batch: Any) -> dict[str, Tensor]:
        pictures, targets = batch
        found = model(torch.stack(pictures))
        boxes = F.l1_loss(found["boxes"], torch.cat([target["boxes"] for target in targets]))
        labels = F.cross_entropy(found["labels"], torch.cat([target["labels"] for target in targets]))
        return {"loss": boxes + labels, "boxes": boxes, "labels": labels}

    return Script(Detector(), train, train, {"step": step})


# -- distillation


def distillation() -> Script:
    teacher = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3)).eval().requires_grad_(False)
    student = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))

    def step(student: nn.Module, batch: Any) -> dict[str, Tensor]:
        x, y = batch
        logits = student(x)
        soft = F.kl_div(F.log_softmax(logits / 2, 1), F.softmax(teacher(x) / 2, 1), reduction="batchmean") * 4
        hard = F.cross_entropy(logits, y)
        return {"loss": 0.25 * soft + 0.75 * hard, "soft": soft}

    train = batches(torch.randn(48, 6), torch.arange(48) % 3)
    return Script(student, train, train, {"step": step})


# -- REINFORCE: a walk along a corridor, one seed an episode


class Policy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.drop, self.fc2 = nn.Linear(2, 16), nn.Dropout(0.1), nn.Linear(16, 2)

    def forward(self, state: Tensor) -> Tensor:
        return F.softmax(self.fc2(F.relu(self.drop(self.fc1(state)))), dim=1)


def reinforce() -> Script:
    def step(policy: nn.Module, batch: Any) -> dict[str, Any]:
        (seeds,) = batch
        losses, total = [], 0.0
        for seed in seeds.tolist():
            place, log_probs = seed % 3, []
            for move in range(4):
                chances = torch.distributions.Categorical(policy(torch.tensor([[float(place), float(move)]])))
                action = chances.sample()
                log_probs.append(chances.log_prob(action))
                place += 2 * int(action) - 1
            total += place
            losses.append(-torch.cat(log_probs).sum() * place)
        return {"loss": torch.stack(losses).mean(), "reward": total / len(seeds)}

    return Script(Policy(), batches(torch.arange(16), size=4), None, {"step": step, "lr": 0.01})


SCRIPTS = (
    mnist,
    word_language_model,
    vae,
    dcgan,
    super_resolution,
    siamese,
    time_series,
    translation,
    segmentation,
    detection,
    distillation,
    reinforce,
)


def written(make: Callable[[], Script]) -> Script:
    torch.manual_seed(0)
    return make()


def modules(model: Any) -> list[nn.Module]:
    return list(model.values()) if isinstance(model, dict) else [model]


@pytest.mark.parametrize("make", SCRIPTS, ids=lambda make: make.__name__)
def test_it_trains_resumes_to_the_same_weights_and_deploys(make: Callable[[], Script]) -> None:
    def run(script: Script, *callbacks: Any) -> Any:
        given = {"train": script.train, "val": script.val, **script.options}
        return lepton_nb.train(script.model, **given, epochs=2, restore_best=False, callbacks=callbacks)

    whole, half = written(make), written(make)
    assert run(whole).status == "finished"
    stopped = run(half, lambda state: state.control.stop() if state.epoch == 0 else None)
    assert stopped.status == "stopped"
    resumed = lepton_nb.resume(stopped)
    assert resumed.status == "finished"
    pairs = zip(modules(whole.model), modules(half.model), strict=True)
    assert all(same_weights(a, b) for a, b in pairs)
    package = build_package(resumed)  # what `deploy` serves: exported, and compared with the model here
    assert "onnx" in package.manifest.formats
