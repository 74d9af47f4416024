"""Review sentences: accuracy on a held-out fifth, by model and seed.

    python -m tests.benchmarks.sentiment PATH/TO/sentiment [--seeds 3]

PATH holds `*_labelled.txt` files of `sentence<TAB>label` lines.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import pandas as pd

import lepton_nb
from lepton_nb import data

MODELS = {
    "BagOfEmbeddings": {"epochs": 10, "batch_size": 32, "lr": 3e-3, "weight_decay": 0.3},
    "TextTransformer": {"epochs": 10, "batch_size": 32, "lr": 1e-3, "weight_decay": 0.3},
}


def read(path: Path) -> pd.DataFrame:
    lines = [line for file in sorted(path.glob("*_labelled.txt")) for line in file.read_text().split("\n")]
    rows = [line.rsplit("\t", 1) for line in lines if "\t" in line]
    return pd.DataFrame(rows, columns=["sentence", "label"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    sentences = read(args.path)
    print(f"{len(sentences)} sentences")
    for model, config in MODELS.items():
        scores, started = [], time.perf_counter()
        for seed in range(args.seeds):
            bundle = data.load(
                sentences,
                name="reviews",
                text="sentence",
                label="label",
                test_fraction=0.2,
                val_fraction=0.05,
                seed=seed,
            )
            run = lepton_nb.train(model, bundle, seed=seed, name=model, **config)
            scores.append(lepton_nb.evaluate(run, split="test").metrics["accuracy"])
        seconds = (time.perf_counter() - started) / args.seeds
        shown = ", ".join(f"{score:.1%}" for score in scores)
        print(f"{model}: mean {statistics.mean(scores):.1%} ({shown}), {seconds:.0f} s a run")


if __name__ == "__main__":
    main()
