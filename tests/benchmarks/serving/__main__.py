"""Serving the textbook CNN: our service and its peers under the same load, one after the other, in rounds.

apt-get install wrk
python -m tests.benchmarks.serving --install /tmp/peers    # once: an environment for each peer
python -m tests.benchmarks.serving --peers /tmp/peers      # all of it, about 25 minutes
python -m tests.benchmarks.serving --short                 # a quick look at our own
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from tests.benchmarks.serving import report, setup
from tests.benchmarks.serving.load import run_wrk
from tests.benchmarks.serving.requests import KINDS, Ask
from tests.benchmarks.serving.servers import ROOT, TOKEN, Server, all_servers, started


def main() -> int:
    options = _parse()
    if options.install:
        setup.install(options.install)
        return 0
    if shutil.which("wrk") is None:
        print("wrk is missing: apt-get install wrk", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="serving-benchmark-") as folder:
        _measure(options, Path(folder))
    return 0


def _measure(options: argparse.Namespace, folder: Path) -> None:
    package = folder / "package"
    setup.make_package(package)
    setup.make_package(folder / "source", exportable=False)
    servers = [server for server in all_servers() if _wanted(server, options)]
    samples: report.Samples = {}
    costs: dict[str, list[tuple[float, int]]] = {}
    limits = {name: _model_limit(name, package, options.seconds) for name in ("onnx", "torch")}
    for round_ in range(options.rounds):
        for server in servers:
            print(f"round {round_ + 1}: {server.name}", file=sys.stderr, flush=True)
            place = folder / f"{round_}-{len(costs)}-{server.name}"
            place.mkdir()
            try:
                its = folder / "source" if server.model == "source" else package
                _measure_server(server, its, options, place, samples, costs)
            except (RuntimeError, OSError) as error:
                print(f"{server.name} cannot be measured: {error}", file=sys.stderr)
    _print(options, servers, samples, costs, limits)


def _measure_server(
    server: Server,
    package: Path,
    options: argparse.Namespace,
    place: Path,
    samples: report.Samples,
    costs: dict[str, list[tuple[float, int]]],
) -> None:
    with started(server, package, options.peers, place) as running:
        for kind in options.kinds:
            if kind not in server.asks:
                continue
            ask = _with_token(server.asks[kind])
            for connections in options.connections:
                run_wrk(running.url, ask, connections, min(1.0, options.seconds), place)  # warm
                sample = run_wrk(running.url, ask, connections, options.seconds, place)
                samples.setdefault((server.name, kind, connections), []).append(sample)
        costs.setdefault(server.name, []).append((running.seconds, running.memory()))


def _with_token(ask: Ask) -> Ask:
    return dataclasses.replace(ask, headers={**ask.headers, "Authorization": f"Bearer {TOKEN}"})


def _wanted(server: Server, options: argparse.Namespace) -> bool:
    if options.only and not any(part in server.name for part in options.only):
        return False
    if server.peer:
        return options.peers is not None and (options.peers / server.peer).is_dir()
    return True


def _model_limit(model: str, package: Path, seconds: float) -> dict[str, float]:
    environment = {**os.environ, "BENCH_MODEL": model, "BENCH_PACKAGE": str(package), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.benchmarks.serving.peers.limits", str(seconds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _print(
    options: argparse.Namespace,
    servers: list[Server],
    samples: report.Samples,
    costs: dict[str, list[tuple[float, int]]],
    limits: dict[str, dict[str, float]],
) -> None:
    load = ", ".join(f"{value:.1f}" for value in psutil.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}; {options.rounds} × {options.seconds:g} s, medians\n")
    for name, limit in limits.items():
        rates = " / ".join(f"{limit[size]:.0f}" for size in ("1", "8", "32"))
        print(f"model limit ({name}), items/s at batch 1 / 8 / 32: {rates}")
    for kind in options.kinds:
        print(f"\n{kind}, requests/s\n")
        print(report.kind_table(samples, servers, kind, options.connections, limits["onnx"]))
    print("\nlepton_nb (onnx) against the best\n")
    print(report.ratio_table(samples, servers, options.kinds, options.connections))
    print(f"\n{report.cost_table(costs)}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--install", type=Path, metavar="DIR", help="make the peers' environments, and end")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where they are")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="servers whose name holds one of these")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--connections", nargs="*", type=int, default=[1, 8, 32, 64])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--short", action="store_true", help="one round of 2 s at 1 and 32 connections, JSON")
    options = parser.parse_args()
    if options.short:
        options.seconds, options.rounds = 2.0, 1
        options.connections, options.kinds = [1, 32], ["json"]
    return options


if __name__ == "__main__":
    sys.exit(main())
