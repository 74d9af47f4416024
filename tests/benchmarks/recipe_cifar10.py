"""A recipe on the real CIFAR-10: accuracy on the test images after its epochs, and the time it takes.

    python -m tests.benchmarks.recipe_cifar10 PATH/TO/cifar10 [--recipe cifar10-94] [--seed 0]

A short look at a recipe that wants a GPU, on a CPU:

    … --recipe cifar10-94 --limit 2000 --epochs 3 --batch-size 64 --lr 0.1
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import lepton_nb
from lepton_nb import data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", default="cifar10")
    parser.add_argument("--limit", type=int, help="images of each split")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--lr", type=float)
    args = parser.parse_args()
    given = {name: getattr(args, name) for name in ("epochs", "batch_size", "lr")}
    changes = {name: value for name, value in given.items() if value is not None}

    started = time.perf_counter()
    cifar = data.load(args.path, name="cifar", cache=False, val_fraction=0.05, limit=args.limit)
    loaded = time.perf_counter()
    run = lepton_nb.train(data=cifar, recipe=args.recipe, seed=args.seed, name=args.recipe, **changes)
    trained = time.perf_counter()
    result = lepton_nb.evaluate(run, split="test")
    _, accuracy = run.history()["val_accuracy"]
    for epoch, value in enumerate(accuracy, start=1):
        print(f"epoch {epoch:2d}  val_accuracy {value:.1%}")
    print(f"test accuracy {result.metrics['accuracy']:.2%} (best checkpoint by val_accuracy)")
    print(f"data {loaded - started:.0f} s, training {trained - loaded:.0f} s, seed {args.seed}")


if __name__ == "__main__":
    main()
