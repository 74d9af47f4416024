"""Services by name."""

from __future__ import annotations

from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import NotFoundError, did_you_mean
from lepton_nb.runs import RunStore


def find_live(store: RunStore, name: str) -> Deployment | None:
    """The service of that name, where it runs."""
    found = find(store, name)
    return found if found is not None and found.alive else None


def find(store: RunStore, name: str) -> Deployment | None:
    """The service of that name, running or not."""
    try:
        return Deployment(store.get_deployment(name), store)
    except NotFoundError:
        return None


def nothing_called(store: RunStore, name: str) -> NotFoundError:
    """What to raise where neither a service nor a run has that name."""
    names = [*(record.name for record in store.list_deployments()), *store.run_names()]
    return NotFoundError(f"There is no service and no run {name!r}.", did_you_mean(name, names))
