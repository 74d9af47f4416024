"""The limit of the model: items a second in a loop of its own process, without any server. Prints JSON."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from tests.benchmarks.serving.peers import model


def main(seconds: float) -> None:
    run = model.load()
    limits = {}
    for size in (1, 8, 32):
        batch = np.random.default_rng(0).random((size, 3, 32, 32), dtype=np.float32)
        run(batch)
        count, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            run(batch)
            count += size
        limits[size] = count / elapsed
    print(json.dumps(limits))


if __name__ == "__main__":
    main(float(sys.argv[1]))
