"""What routes of one's own cost: the model's own route with and without them, and routes that ask the model.

python -m tests.benchmarks.routes
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import lepton_nb
from tests.benchmarks.serving.load import run_wrk
from tests.benchmarks.serving.requests import Ask
from tests.models_support import Notebook
from tests.serving_support import make_run, pictures

ROUTES = """
import numpy as np


def double(n: int) -> int:
    return 2 * n


def read(pixels: np.ndarray, model) -> dict:
    return model(pixels[None].astype(np.float32))
"""
ROUNDS, SECONDS = 3, 3.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEPTON_HOME"] = f"{folder}/home"
        run = make_run()
        plain = lepton_nb.deploy(run, lifetime="kernel")
        notebook = Notebook(ROUTES)
        routes = [notebook["double"], notebook["read"]]
        options: Any = {"namespace": notebook.namespace, "cells": ["", *notebook.cells]}
        own = lepton_nb.service(routes, "own", model=run, lifetime="kernel", **options)
        pixels = pictures(1)[0].tolist()
        asks = {
            "/predict of a plain service": (plain, "/predict", {"inputs": [pixels]}),
            "/predict beside routes": (own, "/predict", {"inputs": [pixels]}),
            "a route that asks the model": (own, "/read", {"pixels": pixels}),
            "a route without the model": (own, "/double", {"n": 1}),
        }
        try:
            for connections in (1, 16):
                measure(asks, connections, Path(folder))
        finally:
            plain.stop()
            own.stop()


def measure(asks: dict[str, Any], connections: int, folder: Path) -> None:
    """Requests a second of each, in turn, and their ratio to the first."""
    rates: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(ROUNDS):
        for name, (service, path, body) in asks.items():
            headers = {"Authorization": f"Bearer {service.token}"}
            ask = Ask(path, json.dumps(body).encode(), "application/json", headers)
            sample = run_wrk(service.url, ask, connections, SECONDS, folder)
            assert not sample.failed, (name, sample)
            rates[name].append(sample.rate)
    first = statistics.median(next(iter(rates.values())))
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{connections:3d} connections  {name:30s} {rate:8.0f} / s  {rate / first:5.2f}")


if __name__ == "__main__":
    main()
