"""Reading, cleaning and splitting a table of a million rows, and texts, with the growth from a tenth of it.

OMP_NUM_THREADS=1 python -m tests.benchmarks.reading

Each measurement is in a process of its own, which reads the file once before by `pandas.read_csv`: a measure
of the machine. Wall time grows beside other work, the processor's time less; both are told.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS, TEXTS, WORDS = 1_000_000, 300_000, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenth", action="store_true", help="only a tenth of it")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        _measure(options.file)
        return
    print("| | rows | wall | processor | peak memory | `pandas.read_csv` |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for make, count in ((_table, ROWS), (_texts, TEXTS)):
            for size in (count // 10,) if options.tenth else (count // 10, count):
                path = Path(folder) / f"{make.__name__}.csv"
                make(size).to_csv(path, index=False)
                command = [sys.executable, "-m", "tests.benchmarks.reading", "--file", str(path)]
                subprocess.run(command, check=True)


def _measure(path: Path) -> None:
    from lepton_nb import data
    from lepton_nb.data.tables import bundle  # noqa: F401 - what it loads is not measured
    from lepton_nb.data.texts import reading  # noqa: F401

    alone = _timed(lambda: pd.read_csv(path))
    wall, processor = _timed(lambda: data.load(path, **({} if "texts" in path.name else {"target": "y"})))
    rows = sum(1 for _ in path.open("rb")) - 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds = " | ".join(f"{value:.1f} s" for value in (wall, processor))
    print(f"| {path.stem[1:]} | {rows:,} | {seconds} | {peak:.2f} GB | {alone[1]:.1f} s |", flush=True)


def _timed(work: Any) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def _table(count: int) -> pd.DataFrame:
    """18 columns: an id, ten of numbers, four of eight categories, a date as text, a code, the target."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 900, count), "D")
    return pd.DataFrame(
        {
            "customer": [f"C{i:07}" for i in range(count)],
            **{f"n{i}": rng.normal(100, 15, count).round(3) for i in range(9)},
            "age": rng.integers(18, 90, count),
            **{f"c{i}": rng.choice([f"v{j}" for j in range(8)], count) for i in range(4)},
            "signup": pd.Series(days).dt.strftime("%Y-%m-%d"),
            "zip": rng.integers(10_000, 99_999, count),
            "y": rng.integers(0, 2, count),
        }
    )


def _texts(count: int) -> pd.DataFrame:
    """Sentences of twenty of 20,000 words, as often as words are (Zipf)."""
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, (20_000, 8)).astype(np.uint8)
    words = [bytes(row[: 2 + i % 7]).decode() for i, row in enumerate(letters)]
    odds = 1 / np.arange(1, 20_001)
    drawn = rng.choice(20_000, (count, WORDS), p=odds / odds.sum())
    return pd.DataFrame(
        {"text": [" ".join(words[i] for i in row) for row in drawn], "label": rng.integers(0, 2, count)}
    )


if __name__ == "__main__":
    main()
