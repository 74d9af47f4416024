"""What the lab's server extension costs with a thousand runs in the store.

``python -m tests.benchmarks.lab_api [RUNS]`` makes a store of that many runs in a temporary folder (20 epochs
and 200 steps each), and times what the handlers do, in this process and thread: the median and the worst of
the repeats. Then it trains a tiny model with and without the sampler of the hardware, in turn.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EPOCHS, STEPS = 20, 200


def fill(count: int) -> Any:
    """A store of finished runs, and one that trains."""
    from lepton_nb.runs import RunStore

    store = RunStore()
    for number in range(count):
        run = store.create_run(
            f"net-{number % 50}",
            task="image-classification",
            model="LeptonCNN",
            data=f"data-{number % 7}",
            params={"lr": 0.001 * number, "epochs": EPOCHS, "batch_size": 64},
            monitor="val_accuracy",
            mode="max",
            epochs=EPOCHS,
        )
        run.begin(STEPS)
        per_epoch = STEPS // EPOCHS
        run.log_many([(s, s // per_epoch, {"loss": 1 / (s + 1), "lr": 0.1}) for s in range(STEPS)])
        for epoch in range(EPOCHS):
            values = {
                "val_loss": 1 / (epoch + 1),
                "val_accuracy": epoch / EPOCHS,
                "train_loss": 1 / (epoch + 1),
            }
            run.log((epoch + 1) * per_epoch, values, epoch)
        run.heartbeat(epoch=EPOCHS, step=STEPS, vitals={"device": "cpu", "eta": 0.0})
        run.flush()
        if number < count - 1:
            run.set_status("finished")
    return store, run


def measure(name: str, work: Callable[[], Any], repeats: int = 15) -> None:
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        answer = work()
        times.append(1e3 * (time.perf_counter() - started))
    size = len(json.dumps(answer, default=str)) / 1024 if isinstance(answer, dict) else 0
    print(f"{name:<52} {statistics.median(times):8.2f} ms  worst {max(times):8.2f} ms  {size:7.0f} kB")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEPTON_HOME"] = str(Path(folder) / "lepton")
        store, live = fill(count)
        from lepton_nb.lab.details import compare_runs, run_detail, run_history
        from lepton_nb.lab.listing import Query, find_runs
        from lepton_nb.lab.watching import Watch

        print(f"{count} runs, {store.database.path.stat().st_size >> 20} MiB\n")
        measure("list, the first 100", lambda: find_runs(store, Query()))
        measure("list, all, with sparklines", lambda: find_runs(store, Query(limit=count)))
        measure("list, searched", lambda: find_runs(store, Query(search="net-7 data-3")))
        measure("list, sorted by the best value", lambda: find_runs(store, Query(sort="-best_value")))
        measure("a run", lambda: run_detail(store, live.ref))
        measure("its history", lambda: run_history(store, live.ref, [], 800, -1))
        measure("three runs compared", lambda: compare_runs(store, ["net-1", "net-2", "net-3"], [], 400))
        watch = Watch(store)
        watch.start()
        measure("watching, nobody wrote", watch.look, 200)

        def after_a_write() -> None:
            from lepton_nb.runs import RunStore

            other = RunStore().get_run(live.id)  # another connection, as another process has
            other.log(STEPS + 1, {"loss": time.perf_counter()}, EPOCHS)
            other.flush()

        times = []
        for _ in range(30):
            after_a_write()
            started = time.perf_counter()
            watch.look()
            times.append(1e3 * (time.perf_counter() - started))
        print(
            f"{'watching, one run wrote':<52} {statistics.median(times):8.2f} ms  worst {max(times):8.2f} ms"
        )
        print()
        sampler_cost()


def sampler_cost(rounds: int = 5) -> None:
    """Steps a second of a tiny model, alternating between with and without `HardwareSampler`."""
    import torch
    from torch import nn

    import lepton_nb
    from lepton_nb import data
    from lepton_nb.callbacks import HardwareSampler

    inputs = torch.randn(60_000, 10)
    bundle = data.arrays(inputs, (inputs[:, 0] > 0).long(), name="points")
    original = HardwareSampler.on_fit_start
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * rounds + 2):
        sampled = number % 2 == 0
        HardwareSampler.on_fit_start = original if sampled else lambda self, state: None  # type: ignore[method-assign]
        started = time.perf_counter()
        run = lepton_nb.train(nn.Linear(10, 2), bundle, epochs=3, batch_size=32, device="cpu")
        if number >= 2:  # the first two warm up
            rates[sampled].append(run.step / (time.perf_counter() - started))
    HardwareSampler.on_fit_start = original  # type: ignore[method-assign]
    ratio = statistics.median(a / b for a, b in zip(rates[True], rates[False], strict=True))
    with_, without = (statistics.median(rates[kind]) for kind in (True, False))
    print(f"steps a second with the sampler {with_:,.0f}, without {without:,.0f}; median ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
