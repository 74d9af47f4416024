"""What one step costs beyond the model: Linear(10, 2), batch 32, Adam, in a real kernel with the panel on.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.step_cost [--steps 4000] [--rounds 5] [--cpu]

The bare loop takes ready batches from a list, has a fused Adam and records nothing. Ours is `train` with the
history on disk and the live panel. The peers that are installed load the same rows through a DataLoader, as
they want it. All take turns in one process; the fastest round of each counts. There are two numbers: the
mean, with the ten flushes a second in it, and the tenth percentile, which what else runs on the machine
stretches little. `--cpu` counts processor time instead of wall time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.peers import WARM_UP, Clocked, installed, measure

BATCH = 32


def rows(steps: int) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(steps * BATCH, 10, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs.sum(1) > 0).long()


def bare(steps: int, *, fused: bool = True) -> Clocked:
    """The loop one would write by hand, its batches made beforehand."""
    inputs, target = rows(steps)
    batches = list(zip(inputs.split(BATCH), target.split(BATCH), strict=True))
    model, criterion = Clocked(nn.Linear(10, 2)), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    for x, y in batches:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    return model


def ours(steps: int, *, panel: bool = True) -> Clocked:
    """One epoch of `train`."""
    from IPython.core.getipython import get_ipython

    import lepton_nb
    from lepton_nb import data

    shell = get_ipython()
    bundle = data.arrays(*rows(steps), val_fraction=0.0, test_fraction=0.0)
    model = Clocked(nn.Linear(10, 2))
    lepton_nb.train(
        model,
        bundle,
        epochs=1,
        batch_size=BATCH,
        optimizer="adam",
        schedule="constant",
        weight_decay=0.0,
        progress=panel and shell is not None,
    )
    model.calls = model.calls[-steps:]  # the check before training calls it too
    return model


def compare(steps: int, rounds: int, *, cpu: bool = False) -> None:
    """Print microseconds a step, everything in turn."""
    if cpu:
        Clocked.clock = time.process_time
    loader = DataLoader(TensorDataset(*rows(steps // 4)), batch_size=BATCH, shuffle=True)
    entries: dict[str, Callable[[], Clocked]] = {
        "bare loop, fused Adam": lambda: bare(steps),
        "bare loop, plain Adam": lambda: bare(steps, fused=False),
        "ours, history and panel": lambda: ours(steps),
        "ours, history": lambda: ours(steps, panel=False),
    }
    for name, fit in installed().items():
        entries[name] = lambda fit=fit: measure(fit, nn.Linear(10, 2), loader, 1e-3)
    best: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for name, train in list(entries.items()):
            try:
                model = train()
            except Exception as error:  # a peer that does not run with this torch
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                del entries[name]
                continue
            mean, quiet = best.get(name, (float("inf"), float("inf")))
            best[name] = min(mean, model.seconds_a_step()), min(quiet, model.undisturbed())
    floors = best["bare loop, fused Adam"]
    print("| µs a step | mean | beyond the bare loop | undisturbed | beyond the bare loop |")
    print("| --- | --- | --- | --- | --- |")
    for name, seconds in best.items():
        cells = [
            f"{s * 1e6:.0f} | {(s - floor) * 1e6:+.0f}" for s, floor in zip(seconds, floors, strict=True)
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def in_kernel(code: str) -> str:
    """What a cell with that code prints."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(
        notebook, timeout=3600, resources={"metadata": {"path": str(Path(__file__).parents[2])}}
    ).execute()
    outputs = notebook.cells[0].outputs
    return "".join(output.get("text", "") for output in outputs if output.output_type == "stream")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", action="store_true")
    args = parser.parse_args()
    assert args.steps // 4 > 2 * WARM_UP
    with tempfile.TemporaryDirectory() as home:
        os.environ["LEPTON_HOME"] = home
        call = f"compare({args.steps}, {args.rounds}, cpu={args.cpu})"
        print(in_kernel(f"from tests.benchmarks.step_cost import compare\n{call}"))


if __name__ == "__main__":
    main()
