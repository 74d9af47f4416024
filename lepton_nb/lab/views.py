"""Runs, checkpoints and packages as JSON, without their histories."""

from __future__ import annotations

from typing import Any

from lepton_nb.runs import Checkpoint, PackageRecord, Run, RunStore
from lepton_nb.runs.overview import latest, trend
from lepton_nb.runs.queue import waits_for
from lepton_nb.runs.states import ACTIVE

_FIELDS = (
    *("id", "name", "number", "ref", "status", "task", "model", "data", "monitor", "mode"),
    *("epochs", "epoch", "step", "total_steps", "attempt", "best_value", "best_step", "error", "tags"),
    *("notes", "notebook", "created_at", "begun_at", "ended_at", "heartbeat_at", "seconds"),
)
_CHECKPOINT = ("step", "epoch", "value", "best", "attempt", "sha256", "size", "created_at")


def facts(run: Run) -> dict[str, Any]:
    """What the store knows of a run."""
    return {name: getattr(run, name) for name in _FIELDS}


def run_view(run: Run, spark: int = 32) -> dict[str, Any]:
    """A run as lists show it, with a sparkline of at most `spark` values."""
    metric, values = trend(run, spark)
    active = run.status in ACTIVE
    return {
        **facts(run),
        "progress": progress(run),
        "phase": run.vitals.get("phase") if active else run.status,
        "eta": run.vitals.get("eta") if active else None,
        "device": run.vitals.get("device"),
        "items_per_second": run.vitals.get("items_per_second"),
        "memory": run.vitals.get("memory"),
        "samples": run.vitals.get("samples", []),
        "background": in_background(run),
        "queue": waits_for(run) or None,
        "latest": latest(run, ("loss", "lr", "train_loss", "val_loss", run.monitor)),
        "sparkline": {"metric": metric, "values": values},
        "actions": actions(run),
    }


def progress(run: Run) -> float | None:
    """How much of the run is done, 0 to 1; None where its length is not known."""
    if run.status == "finished":
        return 1.0
    if run.total_steps:
        return min(1.0, run.step / run.total_steps)
    return min(1.0, run.epoch / run.epochs) if run.epochs else None


def actions(run: Run) -> list[str]:
    """What can be done with a run now, in the order a menu shows it."""
    if run.status == "queued":
        return ["stop", "annotate"]
    if run.status in ACTIVE:
        return ["stop", "resume" if run.status == "paused" else "pause", "lr", "annotate"]
    trained = ["evaluate", "deploy"] if run.best_step is not None or run.epoch > 0 else []
    unfinished = ["resume"] if run.status != "finished" and run.step > 0 else []
    return [*unfinished, *trained, "annotate", "delete"]


def in_background(run: Run) -> bool:
    """Whether it trains, or trained, in a process of its own."""
    return (run.path / "background.json").is_file()


def checkpoint_view(checkpoint: Checkpoint) -> dict[str, Any]:
    return {name: getattr(checkpoint, name) for name in _CHECKPOINT} | {"path": str(checkpoint.path)}


def package_view(record: PackageRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "version": record.version,
        "run_id": record.run_id,
        "path": str(record.path),
        "sha256": record.sha256,
        "task": record.task,
        "formats": list(record.formats),
        "created_at": record.created_at,
    }


def package_views(store: RunStore) -> list[dict[str, Any]]:
    """Every package with the run it was made from and the services that serve it, the newest first."""
    refs = {
        row["id"]: f"{row['name']}@{row['number']}"
        for row in store.database.rows("SELECT id, name, number FROM runs")
    }
    serving: dict[tuple[str, int], list[str]] = {}
    for service in store.list_deployments():
        serving.setdefault((service.package, service.version), []).append(service.name)
    return [
        {
            **package_view(record),
            "run": refs.get(record.run_id),
            "deployments": serving.get((record.name, record.version), []),
        }
        for record in store.list_packages()
    ]
