"""The textbook CNN on the real CIFAR-10: ours, the peers and the compute floor, taking turns.

    python -m tests.benchmarks.training PATH/TO/cifar10 [--images 6400] [--rounds 3] [--bf16] [--threads 2]
    python -m tests.benchmarks.training PATH/TO/cifar10 --quick

Everyone trains `LeptonCNN` (with `fc1` as it must be), batch 64, Adam 1e-3. The peers read the JPEG files
through an ImageFolder in every epoch, as the textbook does; "decoded" has the same images as tensors in
memory. Ours is `%lepton data` and `%lepton train` with their defaults; what decoding once costs is printed
beside it. The floor is one fixed batch, over and over.

What counts is the time from one forward pass to the next. Each round runs every entry once, each in a process
of its own: a process that has kept freed memory, as ours does, is faster for whoever comes next. Of each
entry the median of its rounds is printed, and its ratio to the textbook loop of the same rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from tests.benchmarks.peers import Clocked, installed, measure, textbook
from tests.benchmarks.textbook_cifar10 import LeptonCNN

BATCH, LR = 64, 1e-3


def floor(steps: int, *, fused: bool, bf16: bool = False, kept: bool = False) -> float:
    """Seconds a step of one fixed batch.

    Args:
        kept: With freed memory kept by the process, as our loop has it.
    """
    from lepton_nb.training.allocator import freed_memory_kept

    model, criterion = Clocked(LeptonCNN()), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=fused)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(0, 10, (BATCH,))
    with freed_memory_kept(torch.device("cpu" if kept else "meta")):
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
    return model.seconds_a_step()


def ours(bundle: Any, **settings: Any) -> float:
    """Seconds a step of `train`: history and checkpoints on disk."""
    import lepton_nb

    model = Clocked(LeptonCNN())
    lepton_nb.train(
        model,
        bundle,
        epochs=1,
        batch_size=BATCH,
        lr=LR,
        optimizer="adam",
        schedule="constant",
        weight_decay=0.0,
        progress=False,
        **settings,
    )
    steps = len(bundle.loader("train", batch_size=BATCH))
    model.calls = model.calls[-steps:]  # the check before training calls it too
    return model.seconds_a_step()


def folder_loader(path: Path, images: int) -> DataLoader[Any]:
    """The textbook's loader over `images` files, evenly drawn from the classes."""
    from torchvision import datasets, transforms

    transform = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
    whole = datasets.ImageFolder(str(path / "train"), transform=transform)
    some = torch.linspace(0, len(whole) - 1, images).long().tolist()
    return DataLoader(Subset(whole, some), batch_size=BATCH, shuffle=True)


def decoded_loader(loader: DataLoader[Any]) -> DataLoader[Any]:
    images, labels = zip(*loader.dataset, strict=True)
    dataset = TensorDataset(torch.stack(images), torch.tensor(labels))
    return DataLoader(dataset, batch_size=BATCH, shuffle=True)


def entries(path: Path, images: int, *, bf16: bool) -> dict[str, Callable[[], float]]:
    """What is measured; each makes its own data when it is called."""
    steps = max(20, images // BATCH)
    found: dict[str, Callable[[], float]] = {
        "textbook loop, ImageFolder": lambda: run(textbook, folder_loader(path, images)),
        "textbook loop, decoded": lambda: run(textbook, decoded_loader(folder_loader(path, images))),
        "ours": lambda: ours(read(path, images), precision="fp32"),
    }
    for name, fit in installed().items():
        if fit is not textbook:
            found[f"{name}, ImageFolder"] = lambda fit=fit: run(fit, folder_loader(path, images))
    found["floor, plain Adam"] = lambda: floor(steps, fused=False)
    found["floor, fused Adam"] = lambda: floor(steps, fused=True)
    found["floor, fused Adam, freed memory kept"] = lambda: floor(steps, fused=True, kept=True)
    if bf16:
        found["ours, --precision bf16"] = lambda: ours(read(path, images), precision="bf16")
        found["floor, fused Adam, bf16"] = lambda: floor(steps, fused=True, bf16=True)
    return found


def read(path: Path, images: int) -> Any:
    """The data as `%lepton data` has it; decoded once, for all rounds."""
    from lepton_nb import data

    started = time.perf_counter()
    bundle = data.load(path / "train", limit=images, val_fraction=0.0, test_fraction=0.0)
    if "came from the cache" not in str(bundle.report):
        seconds, count = time.perf_counter() - started, len(bundle.train)
        each = seconds / count * BATCH * 1e3
        print(f"decoding {count:,} files once: {seconds:.1f} s ({each:.1f} ms a batch)", file=sys.stderr)
    return bundle


def run(fit: Any, loader: DataLoader[Any]) -> float:
    return measure(fit, LeptonCNN(), loader, LR).seconds_a_step()


def compare(names: Sequence[str], rounds: int) -> None:
    """Run everything in turn and print the table."""
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            if len(times[name]) < number:
                continue  # a peer that does not run with this torch
            done = subprocess.run(
                [sys.executable, *_command(), "--entry", name], capture_output=True, text=True
            )
            if done.returncode == 0:
                times[name].append(float(done.stdout.splitlines()[-1]))
            else:
                print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    medians = {name: statistics.median(values) for name, values in times.items() if values}
    base = times["textbook loop, ImageFolder"]
    print("\n| | ms a step | images/s | against the textbook loop |\n| --- | --- | --- | --- |")
    for name, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        ratio = statistics.median(b / t for b, t in zip(base, times[name], strict=False))
        print(f"| {name} | {seconds * 1e3:.1f} | {BATCH / seconds:,.0f} | {ratio:.2f} |")
    print()
    for mine, floor_name in _FLOORS.items():
        if mine in medians and floor_name in medians:
            ratio = statistics.median(f / m for m, f in zip(times[mine], times[floor_name], strict=False))
            print(f"{mine}: {ratio:.2f} of the {floor_name}")


def _command() -> list[str]:
    return ["-m", "tests.benchmarks.training", *sys.argv[1:]]


_FLOORS = {"ours": "floor, fused Adam", "ours, --precision bf16": "floor, fused Adam, bf16"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=6400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch (default: one a core)")
    parser.add_argument("--bf16", action="store_true", help="measure bf16, too: slow without units for it")
    parser.add_argument("--cpu", action="store_true", help="processor time, on a machine that is not quiet")
    parser.add_argument("--quick", action="store_true", help="960 images, one round")
    parser.add_argument("--entry", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.cpu:
        Clocked.clock = time.process_time
    images, rounds = (960, 1) if args.quick else (args.images, args.rounds)
    every = entries(args.path, images, bf16=args.bf16)
    if args.entry:
        print(every[args.entry]())
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {images:,} images, {rounds} rounds")
    with tempfile.TemporaryDirectory() as home:
        os.environ["LEPTON_HOME"] = home
        compare(list(every), rounds)


if __name__ == "__main__":
    main()
