"""The run store on disk: runs, metrics, checkpoints, packages and deployments.

One SQLite file in WAL mode and one folder a run, under `home`; any number of processes and threads may use
them at once. There is no session: whoever has a `RunStore` and a run's name sees all of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from lepton_nb.runs.checkpoints import Checkpoint
from lepton_nb.runs.history import History
from lepton_nb.runs.home import home
from lepton_nb.runs.notes import has_tags
from lepton_nb.runs.records import DeploymentRecord, PackageRecord
from lepton_nb.runs.retention import Retention
from lepton_nb.runs.run import Run
from lepton_nb.runs.store import RunStore
from lepton_nb.runs.table import RunTable

__all__ = [
    "Checkpoint",
    "DeploymentRecord",
    "History",
    "PackageRecord",
    "Retention",
    "Run",
    "RunStore",
    "RunTable",
    "get_run",
    "home",
    "list_runs",
    "note",
]


def get_run(ref: str) -> Run:
    """The run called `ref` in the user's store.

    Args:
        ref: ``cnn`` for the newest run of that name, ``cnn@2`` for its second, or (the start of) an id.

    Raises:
        NotFoundError: If there is none; says the nearest name.
    """
    return RunStore().get_run(ref)


def list_runs(
    name: str | None = None,
    status: str | None = None,
    limit: int | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunTable:
    """The runs in the user's store, newest first, as a list that shows itself as a table.

    Args:
        name: Only runs of this name.
        status: Only runs in this state, such as ``finished``.
        limit: At most so many.
        tags: Only runs with these tags; an empty value fits any.

    Raises:
        ArgumentError: If there is no such status.
    """
    wanted = tags or {}
    found = RunStore().list_runs(name=name, status=status, limit=None if wanted else limit)
    return RunTable([run for run in found if has_tags(run, wanted)][:limit])


def note(run: Run | str, text: str | None = None, tags: Mapping[str, str | None] | None = None) -> Run:
    """Write a line below the notes of a run, and set tags of it.

    Args:
        run: The run, or its name.
        text: The line; None writes none.
        tags: Values by name, empty for a plain mark; None takes the tag away.

    Raises:
        NotFoundError: If there is no such run.
    """
    found = get_run(run) if isinstance(run, str) else run
    notes = None if text is None else "\n".join(filter(None, [found.notes, text]))
    found.annotate(notes=notes, tags=tags)
    return found
