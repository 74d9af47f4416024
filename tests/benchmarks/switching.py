"""How long deploying, deploying again and rolling back take, and what clients notice of many switches.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.switching [--switches 40]

Two packages of a tiny model are built first, with ONNX, and two that run from source with torch.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lepton_nb.deployment import Deployment, deploy, rollback
from lepton_nb.packaging import build_package
from tests.serving_support import LINEAR_SOURCE, make_run, pictures

BRANCHING = LINEAR_SOURCE.replace(
    "        return", "        if x.sum().item() > 1e9:\n            raise ValueError\n        return"
)


@dataclass
class Load:
    """What the clients of a service saw."""

    answers: int = 0
    failures: int = 0
    slowest: float = 0.0
    versions: set[int] = field(default_factory=set)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def clients(service: Deployment, count: int) -> Iterator[Load]:
    """Half of the clients keep their connection, half open one for every request."""
    load, done = Load(), threading.Event()
    body = json.dumps({"inputs": pictures(1).tolist()})
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    address = service.url.removeprefix("http://")

    def ask(keeps: bool) -> None:
        connection = http.client.HTTPConnection(address, timeout=30)
        while not done.is_set():
            started = time.perf_counter()
            try:
                connection.request("POST", "/predict", body, headers)
                answer = connection.getresponse()
                content = json.loads(answer.read())
                load.failures += answer.status != 200
                load.versions.add(content.get("version", 0))
            except (OSError, http.client.HTTPException, ValueError):
                load.failures += 1
                connection.close()
            load.answers += 1
            load.slowest = max(load.slowest, time.perf_counter() - started)
            if not keeps:
                connection.close()

    threads = [threading.Thread(target=ask, args=(index % 2 == 0,)) for index in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        done.set()
        for thread in threads:
            thread.join()


def measure(source: str, name: str, switches: int) -> None:
    runs = [make_run(name, source=source, seed=seed) for seed in (0, 5)]
    for run in runs:
        build_package(run)
    first = timed(lambda: deploy(runs[0], name))
    service = deploy(runs[0], name)
    again = timed(lambda: deploy(runs[1], name))
    back = [timed(lambda: rollback(name))]
    for _ in range(4):
        deploy(runs[1], name)
        back.append(timed(lambda: rollback(name)))
    with clients(service, 8) as load:
        for index in range(switches):
            before = load.answers
            deploy(runs[(index + 1) % 2], name)
            while load.answers < before + 20:
                time.sleep(0.002)
    memory = service.stats()["memory_bytes"] / (1 << 20)
    service.stop()
    middle = sorted(back)[2] * 1e3
    print(f"{name}: first deploy {first:.2f} s, another version {again:.2f} s, rollback {middle:.0f} ms")
    print(
        f"  {switches} switches under 8 clients: {load.answers} requests, {load.failures} failed or dropped, "
        f"versions seen {sorted(load.versions)}, slowest answer {load.slowest * 1e3:.0f} ms, "
        f"{memory:.0f} MiB with the version before still loaded"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--switches", type=int, default=40)
    switches = parser.parse_args().switches
    with tempfile.TemporaryDirectory() as home:
        os.environ["LEPTON_HOME"] = home
        measure(LINEAR_SOURCE, "onnx", switches)
        measure(BRANCHING, "source", switches)


if __name__ == "__main__":
    main()
