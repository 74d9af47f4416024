"""`doctor`: looks at the installation, the store and the services, and mends what it safely can."""

from __future__ import annotations

import platform
import shutil
import time

import psutil

from lepton_nb.deployment.mending import examine_services
from lepton_nb.deployment.report import Report
from lepton_nb.errors import LeptonError, PackageError
from lepton_nb.packaging import Package
from lepton_nb.packaging.requirements import installed_versions
from lepton_nb.runs import RunStore
from lepton_nb.show.numbers import limit, size

_LITTLE = 2 << 30  # bytes of free disk below which the next checkpoint may fail
_STALE = 3600.0  # seconds after which what an interrupted build left is rubbish


def doctor() -> Report:
    """Examine what can go wrong, and mend what can be mended without losing anything.

    Records of services whose process is gone (after a reboot, or a process id used again) are removed,
    servers that no record knows are recorded again or ended, and half-built packages are deleted.
    """
    report = Report()
    _installation(report)
    try:
        store = RunStore()
        _disk(report, store)
        _runs(report, store)
        _packages(report, store)
        examine_services(report, store)
    except LeptonError as error:
        report.add("problem", "store", error.message, error.hint or "")
    return report


def _installation(report: Report) -> None:
    versions = ", ".join(f"{name} {number}" for name, number in installed_versions().items())
    report.add("ok", "versions", versions)
    report.add("ok", "device", _device())


def _device() -> str:
    import torch

    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    memory = limit(psutil.virtual_memory().total)
    machine = f"{cores} cores, {memory} memory, {platform.system()} {platform.machine()}"
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return f"{accelerator}; {machine}" if accelerator is not None else f"CPU only; {machine}"


def _disk(report: Report, store: RunStore) -> None:
    free = shutil.disk_usage(store.root).free
    sizes = {
        name: sum(path.stat().st_size for path in (store.root / name).rglob("*") if path.is_file())
        for name in ("runs", "packages", "services")
    }
    used = ", ".join(f"{name} {size(count)}" for name, count in sizes.items())
    text = f"{store.root}: {used}; {size(free)} free"
    if free < _LITTLE:
        report.add("warning", "disk", text, "Delete runs you no longer need, or set LEPTON_HOME elsewhere.")
    else:
        report.add("ok", "disk", text)


def _runs(report: Report, store: RunStore) -> None:
    problems = store.check()
    for problem in problems:
        report.add("problem", "store", problem)
    runs = store.list_runs()
    interrupted = [run.ref for run in runs if run.status == "interrupted"]
    if interrupted:
        shown = ", ".join(interrupted[:5])
        report.add("warning", "runs", f"interrupted: {shown}", f"%lepton resume {interrupted[0]}")
    if not problems:
        report.add("ok", "store", f"{len(runs)} runs, every checkpoint as it was written")


def _packages(report: Report, store: RunStore) -> None:
    records = store.list_packages()
    damaged = 0
    for record in records:
        if not record.path.is_dir():
            continue  # the store's own check tells
        try:
            Package.load(record.path)
        except PackageError as error:
            damaged += 1
            report.add("problem", "packages", error.message, error.hint or "")
    root = store.root / "packages"
    drafts = [path for path in root.glob(".draft-*") if time.time() - path.stat().st_mtime > _STALE]
    for path in drafts:
        shutil.rmtree(path, ignore_errors=True)
        report.add("mended", "packages", f"deleted {path.name}, which an interrupted build left")
    known = {record.path for record in records}
    for path in root.glob("*/*"):
        if path.is_dir() and path not in known:
            report.add("warning", "packages", f"{path} belongs to no package; it can be deleted")
    if not damaged:
        report.add("ok", "packages", f"{len(records)}, every file as it was packaged")
