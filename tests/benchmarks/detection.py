"""Blood cells: average precision on the official test part, and what training costs.

    python -m tests.benchmarks.detection PATH/TO/bccd [--recipe detection] [--precision bf16] [--epochs 60]

PATH is a folder of Pascal VOC. Trained on trainval, measured on test with the last weights: nothing is chosen
by looking at the test.
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
    parser.add_argument("--recipe", default="detection")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    changes = {} if args.epochs is None else {"epochs": args.epochs}
    cells = data.load(args.path, name="cells", official=False, val_fraction=0.0)
    print(cells.report)
    wall, cpu = time.perf_counter(), time.process_time()
    run = lepton_nb.train(
        data=cells,
        recipe=args.recipe,
        seed=args.seed,
        precision=args.precision,
        restore_best=False,
        name="cells",
        **changes,
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    result = lepton_nb.evaluate((run.live["model"], cells), split="test")
    print(result)
    print(result.per_class())
    print(f"training {wall:.0f} s, {cpu:.0f} s of processor time, seed {args.seed}, {args.precision}")


if __name__ == "__main__":
    main()
