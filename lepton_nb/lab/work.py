"""The process of one job: ``python -m lepton_nb.lab.work``, with what to do as JSON on standard input.

It answers with JSON on standard output; everything that is printed meanwhile goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from lepton_nb.errors import LeptonError


def evaluate(run: str, split: str | None = None) -> Any:
    """Measure a run; the numbers are then in its folder."""
    import lepton_nb

    result = lepton_nb.evaluate(run, split=split)
    return {"split": result.split, "data": result.data_name, "metrics": result.metrics}


def resume(run: str, epochs: int | None = None) -> Any:
    """Go on with a run in a process of its own, which outlives this one."""
    import lepton_nb

    return {"run": lepton_nb.resume(run, epochs=epochs, background=True).ref}


def deploy(name: str, run: str | None = None, package: str | None = None, version: int | None = None) -> Any:
    """Serve a run or a package under a name."""
    from lepton_nb.deployment import deploy as serve
    from lepton_nb.packaging import Package
    from lepton_nb.runs import RunStore

    what: Any = run
    if package is not None:
        record = RunStore().get_package(package, version)
        what = Package.load(record.path, version=record.version)
    deployment = serve(what, name)
    return {"name": deployment.name, "url": deployment.url, "version": deployment.version}


def stop(name: str) -> Any:
    """End a service."""
    from lepton_nb.deployment import get_deployment

    get_deployment(name).stop()
    return {"name": name}


def rollback(name: str) -> Any:
    """Put a service back on the version before."""
    from lepton_nb.deployment import rollback as put_back

    return {"name": name, "version": put_back(name).version}


ACTIONS: dict[str, Callable[..., Any]] = {
    "evaluate": evaluate,
    "resume": resume,
    "deploy": deploy,
    "stop": stop,
    "rollback": rollback,
}


def main() -> int:
    """Do what standard input says; the exit status is 0 where it succeeded."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    wanted = json.load(sys.stdin)
    try:
        outcome = {"result": ACTIONS[wanted["action"]](**wanted["arguments"])}
    except LeptonError as error:
        outcome = {"message": error.message, "hint": error.hint}
    except KeyboardInterrupt:
        outcome = {"message": "It was cancelled."}
    except Exception as error:
        import traceback

        traceback.print_exc()
        outcome = {"message": f"{type(error).__name__}: {error}"}
    with answer:
        json.dump(outcome, answer, default=str)
    return 0 if "result" in outcome else 1


if __name__ == "__main__":
    sys.exit(main())
