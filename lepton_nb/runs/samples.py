"""What the machine did while a run trained: values over time; the metrics are over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lepton_nb.runs.run import Run

Sample = tuple[float, Mapping[str, float]]
"""``(unix seconds, values by name)``."""

_ADD = "INSERT OR REPLACE INTO samples (run, key, timestamp, value) VALUES (?, ?, ?, ?)"
_READ = "SELECT key, timestamp, value FROM samples WHERE run = ? ORDER BY key, timestamp"


def add_samples(run: Run, samples: Sequence[Sample]) -> None:
    """Append samples to the run's.

    Raises:
        StoreError: If they cannot be written.
    """
    rows = [(run.sequence, key, at, float(value)) for at, values in samples for key, value in values.items()]
    with run.store.database.transaction() as connection:
        connection.executemany(_ADD, rows)


def read_samples(run: Run) -> dict[str, tuple[list[float], list[float]]]:
    """Of each value ``(times, values)``, the oldest first.

    `HardwareSampler` writes ``cpu_percent``, ``memory``, ``device_memory`` and ``device_percent``.
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    for key, at, value in run.store.database.rows(_READ, (run.sequence,)):
        times, values = found.setdefault(key, ([], []))
        times.append(at)
        values.append(value)
    return found
