"""This checkout and an older commit, taking turns: what training and serving lost or gained since.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.against_commit REV [--rounds 7] [--seconds 3]

Training is the textbook CNN on pictures in memory and the tiny model of `step_cost`, each in a process of its
own that imports one of the two trees; of serving, both services are up and are asked in turn (needs wrk). A
ratio is the median of the rounds' ratios, this checkout to the commit: above 1 is faster now.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.serving.load import run_wrk
from tests.benchmarks.serving.servers import ROOT, TOKEN, Running, all_servers, started

_CNN = """
import torch
from lepton_nb import data
from tests.benchmarks.training import BATCH, ours
pictures, labels = torch.randn(100 * BATCH, 3, 32, 32), torch.randint(0, 10, (100 * BATCH,))
print(ours(data.arrays(pictures, labels, val_fraction=0.0, test_fraction=0.0), precision="fp32"))
"""
_TINY = """
from tests.benchmarks.step_cost import ours
print(ours(4000, panel=False).undisturbed())
"""
_PACKAGE = """
import sys
from pathlib import Path
from tests.benchmarks.serving.setup import make_package
make_package(Path(sys.argv[1]))
"""


def run(tree: Path, code: str, *arguments: str) -> str:
    """What a script prints that imports `tree`."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PYTHONPATH": str(tree), "LEPTON_HOME": home}
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def checkout(revision: str, folder: Path) -> Iterator[Path]:
    """The tree of a commit, for as long as it is compared."""
    tree = folder / "then"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(tree), revision], check=True, capture_output=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def training(then: Path, rounds: int) -> dict[str, list[float]]:
    """Ratios by workload, a round each."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds):
        for name, code in (("textbook CNN", _CNN), ("tiny model", _TINY)):
            trees = [then, ROOT] if turn % 2 else [ROOT, then]
            seconds = {tree: float(run(tree, code).splitlines()[-1]) for tree in trees}
            found.setdefault(name, []).append(seconds[then] / seconds[ROOT])
    return found


def serving(then: Path, folder: Path, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Ratios of requests a second by wire and connections, a round each."""
    server = next(server for server in all_servers() if server.name == "lepton_nb (onnx)")
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        services: dict[Path, Running] = {}
        for number, tree in enumerate((ROOT, then)):
            place = folder / f"service-{number}"
            place.mkdir()
            run(tree, _PACKAGE, str(place / "package"))
            services[tree] = stack.enter_context(started(server, place / "package", None, place, root=tree))
        for turn in range(rounds):
            for kind, ask in server.asks.items():
                ask = dataclasses.replace(ask, headers={**ask.headers, "Authorization": f"Bearer {TOKEN}"})
                for connections in (1, 64):
                    trees = [then, ROOT] if turn % 2 else [ROOT, then]
                    rates = {
                        tree: run_wrk(services[tree].url, ask, connections, seconds, folder).rate
                        for tree in trees
                    }
                    found.setdefault(f"{kind}, {connections} connections", []).append(
                        rates[ROOT] / rates[then]
                    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, checkout(args.revision, Path(name)) as then:
        ratios = training(then, args.rounds)
        ratios |= serving(then, Path(name), args.rounds, args.seconds)
    print("| | ratio | of the rounds |\n| --- | --- | --- |")
    for workload, values in ratios.items():
        print(f"| {workload} | {statistics.median(values):.3f} | {min(values):.2f} to {max(values):.2f} |")


if __name__ == "__main__":
    main()
