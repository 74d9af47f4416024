"""Which packages stay on disk: everything that is live or can come back, and the newest few of each name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from lepton_nb.deployment.state import KEPT, ServiceState
from lepton_nb.errors import NotFoundError
from lepton_nb.runs import PackageRecord, RunStore
from lepton_nb.runs.home import locked, private_folder


@contextmanager
def in_use(store: RunStore) -> Iterator[None]:
    """While the block runs, no other process removes a package."""
    with locked(private_folder(store.root / "packages") / ".lock", shared=True):
        yield


def prune(store: RunStore) -> list[PackageRecord]:
    """Delete packages that nothing needs any more; they can be built again from their runs.

    What stays: the newest `KEPT` of each name, what any service has live or in its history, and packages
    whose run was deleted: nothing could build them again. Nothing is deleted while another process deploys.

    Returns:
        What was deleted.
    """
    deleted: list[PackageRecord] = []
    with locked(private_folder(store.root / "packages") / ".lock", wait=False) as alone:
        if not alone:
            return []
        needed = _needed(store)
        seen: dict[str, int] = {}
        for record in store.list_packages():  # newest first
            seen[record.name] = seen.get(record.name, 0) + 1
            spare = seen[record.name] > KEPT and (record.name, record.version) not in needed
            if spare and _can_be_built_again(record, store):
                store.delete_package(record.name, record.version)
                shutil.rmtree(record.path, ignore_errors=True)
                deleted.append(record)
    return deleted


def _needed(store: RunStore) -> set[tuple[str, int]]:
    """What services have live, and what they may go back to; also those stopped for now."""
    needed = {(record.package, record.version) for record in store.list_deployments()}
    services = store.root / "services"
    for folder in services.iterdir() if services.is_dir() else ():
        needed.update(ServiceState(folder).read_history())
    return needed


def _can_be_built_again(record: PackageRecord, store: RunStore) -> bool:
    try:
        return any(item.best for item in store.get_run(record.run_id).checkpoints())
    except NotFoundError:
        return False
