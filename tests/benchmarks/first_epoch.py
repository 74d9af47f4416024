"""The first epoch of a folder of pictures: decoded before, decoded while it trains, and by a DataLoader.

python -m tests.benchmarks.first_epoch PATH/TO/folder --limit 10000

Each way runs in a process of its own, with an empty cache, and trains SmallCNN for two epochs. Files are read
once before, so that all find them in the page cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = ("decoded before", "decoded while it trains", "DataLoader")
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=10_000, help="training pictures")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        _measure(options)
        return
    if (options.folder / "train").is_dir():
        options.folder /= "train"
    for path in options.folder.rglob("*.*"):
        path.read_bytes()
    print(
        "| | ready to train | first epoch | second epoch | two epochs from nothing |\n|---|---|---|---|---|"
    )
    for _ in range(options.rounds):
        for way in WAYS:
            with tempfile.TemporaryDirectory() as home:
                command = [sys.executable, "-m", "tests.benchmarks.first_epoch", str(options.folder)]
                command += ["--limit", str(options.limit), "--way", way]
                subprocess.run(command, check=True, env={**os.environ, "LEPTON_HOME": home})


def _measure(options: argparse.Namespace) -> None:
    import torch
    from torch import nn

    from lepton_nb.models import SmallCNN

    torch.manual_seed(0)
    began = time.perf_counter()
    epochs = _loader(options) if options.way == "DataLoader" else _bundle(options)
    times = [time.perf_counter()]
    model = SmallCNN(3, 10)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss = nn.CrossEntropyLoss()
    for epoch in range(2):
        for inputs, target in epochs(epoch):
            optimizer.zero_grad()
            loss(model(inputs), target).backward()
            optimizer.step()
        times.append(time.perf_counter())
    ready, first, second = times[0] - began, times[1] - times[0], times[2] - times[1]
    row = [options.way, *(f"{value:.1f} s" for value in (ready, first, second, times[2] - began))]
    print(f"| {' | '.join(row)} |", flush=True)


def _bundle(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from lepton_nb.data import folder

    stream = options.way == "decoded while it trains"
    split = {"val_fraction": 0.0, "test_fraction": 0.0}
    bundle = folder(options.folder, image_size=32, limit=options.limit, stream=stream, **split)
    return bundle.loader("train", batch_size=BATCH).batches


def _loader(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    import torch
    from torch.utils.data import DataLoader, Subset
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    steps = [v2.ToImage(), v2.Resize((32, 32)), v2.ToDtype(torch.float32, scale=True)]
    steps += [v2.Normalize([0.5] * 3, [0.5] * 3)]
    pictures = ImageFolder(options.folder, v2.Compose(steps))
    chosen = torch.randperm(len(pictures))[: options.limit].tolist()
    loader = DataLoader(Subset(pictures, chosen), BATCH, shuffle=True, num_workers=2)
    return lambda _: loader


if __name__ == "__main__":
    main()
