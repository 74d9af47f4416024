"""The recipe on the real CIFAR-10: accuracy on the 10,000 test images after 10 epochs, and the time it takes.

python -m tests.benchmarks.recipe_cifar10 PATH/TO/cifar10 [--seed 0]
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
    args = parser.parse_args()

    started = time.perf_counter()
    cifar = data.load(args.path, name="cifar", cache=False, val_fraction=0.05)
    loaded = time.perf_counter()
    run = lepton_nb.train(data=cifar, recipe="cifar10", seed=args.seed, name="cifar10-recipe")
    trained = time.perf_counter()
    result = lepton_nb.evaluate(run, split="test")
    _, accuracy = run.history()["val_accuracy"]
    for epoch, value in enumerate(accuracy, start=1):
        print(f"epoch {epoch:2d}  val_accuracy {value:.1%}")
    print(f"test accuracy {result.metrics['accuracy']:.2%} (best checkpoint by val_accuracy)")
    print(f"data {loaded - started:.0f} s, training {trained - loaded:.0f} s, seed {args.seed}")


if __name__ == "__main__":
    main()
