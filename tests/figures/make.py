"""What the tasks gave when their figures were stored: ``python -m tests.figures.make FILE``.

The same data, seeds and settings, through every task and most features of the loop. Stored are the loss of
every step, the metrics of every epoch, a sum over the last weights, and the whole evaluation.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb import data

WORDS = ("good", "bad", "film", "plot", "actor", "slow", "bright", "dull", "warm", "cold")


def pictures() -> Any:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 255, (120, 3, 12, 12), dtype=np.uint8)
    y = (x[:, 0].mean((1, 2)) > x[:, 1].mean((1, 2))).astype(np.int64)
    return data.arrays(x[:80], y[:80], val=(x[80:100], y[80:100]), test=(x[100:], y[100:]), name="pictures")


def texts(root: Path) -> Any:
    draw = np.random.default_rng(1)
    for part, count in (("train", 90), ("val", 30), ("test", 30)):
        for i in range(count):
            row = list(draw.choice(WORDS, 6))
            label = "up" if row.count("good") > row.count("bad") else "down"
            file = root / part / label / f"{i}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(" ".join([*row, str(i)]))
    return data.load(str(root), max_length=12, name="texts")


def rows(target: str, root: Path) -> Any:
    draw = np.random.default_rng(2)
    for part, count in (("train", 100), ("val", 30), ("test", 30)):
        frame = pd.DataFrame({"a": draw.normal(size=count), "b": draw.choice(["x", "y", "z"], count)})
        value = frame["a"] * 2 + (frame["b"] == "x")
        frame["y"] = value if target == "value" else np.where(value > 0.5, "yes", "no")
        frame.to_csv(root / f"{part}.csv", index=False)
    return data.load(str(root), target="y", name=target)


def labels(count: int) -> Any:
    draw = np.random.default_rng(5)
    x = draw.normal(size=(80, 6)).astype(np.float32)
    y = (x[:, :count] > 0.4).astype(np.float32)
    return data.arrays(x, y) if count > 1 else data.arrays(x, y[:, 0], task="binary-classification")


def pairs(root: Path) -> Any:
    draw = np.random.default_rng(4)
    sources = sorted({" ".join(draw.choice(WORDS, draw.integers(1, 5))) for _ in range(200)})
    lines = (f"{source}\t{' '.join(word[::-1] for word in source.split())}\n" for source in sources)
    (root / "pairs.tsv").write_text("".join(lines))
    return data.load(str(root / "pairs.tsv"), task="translation", vocab_size=300, beams=2)


def loader() -> Any:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(64, 5, generator=generator)
    y = (x[:, 0] > 0).long()
    make = lambda part: DataLoader(TensorDataset(x[part], y[part]), batch_size=16)  # noqa: E731
    return data.loaders(make(slice(0, 48)), make(slice(48, 64)), name="loader")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


train = partial(lepton_nb.train, progress=False)


def figures(run: Any) -> dict[str, Any]:
    history = run.history()
    weights = run.load_checkpoint("last")[1]["model"]
    epochs = history.epochs()
    kept = [name for name in epochs.columns if name.startswith("val_") or name == "train_loss"]
    return {
        "task": run.task,
        "loss": history["loss"][1],
        "epochs": {name: epochs[name].tolist() for name in sorted(kept)},
        "weights": sum(float(value.double().abs().sum()) for value in weights.values()),
        "evaluation": lepton_nb.evaluate(run).metrics,
    }


def stop_first(state: Any) -> None:
    if state.epoch == 0:
        state.control.stop()


def measure(root: Path) -> dict[str, Any]:
    """The figures of all cases; `root` is an empty folder for data."""
    for name in ("texts", "classes", "value"):
        (root / name).mkdir()
    usual: dict[str, Any] = {"epochs": 2, "batch_size": 16, "seed": 7}
    classes = rows("classes", root / "classes")
    runs = {
        "pictures": train("SmallCNN", pictures(), mixup=0.2, label_smoothing=0.1, **usual),
        "pictures, ema": train("SmallCNN", pictures(), ema=0.9, optimizer="sgd", **usual),
        "texts": train(None, texts(root / "texts"), clip=1.0, **usual),
        "classes": train("MLP", classes, class_weights="balanced", accumulation=2, **usual),
        "values": train("MLP", rows("value", root / "value"), schedule="one-cycle", **usual),
        "loader": train(Net, loader(), swa=0.5, epochs=4, seed=7),
    }
    half = train("MLP", classes, callbacks=[stop_first], name="half", **usual)
    runs["resumed"] = lepton_nb.resume(half.ref, progress=False)
    return {name: figures(run) for name, run in runs.items()}


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(sys.argv[1]).write_text(json.dumps(measure(Path(folder)), indent=1) + "\n")
