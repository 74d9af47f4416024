"""Waiting for a device: runs in the background train on it one after the other, first come first served.

A place in the queue belongs to a process, known by its id and start. When that process is gone, however it
ended, its place is free: there is no lock that a crash could leave behind.
"""

from __future__ import annotations

from dataclasses import dataclass

from lepton_nb.runs import process
from lepton_nb.runs.run import Run


@dataclass(frozen=True)
class QueuePlace:
    """Where a run stands in the queue for its device.

    Attributes:
        device: The device it waits for, or trains on.
        ahead: The runs before it, by ``name@number``; the first of them trains. Empty where it is its turn.
    """

    device: str
    ahead: tuple[str, ...]

    def __str__(self) -> str:
        device = self.device.partition(" ")[0]  # without the number of the card
        if not self.ahead:
            return f"next on {device}"
        others = len(self.ahead) - 1
        behind = f" and {others} more" if others else ""
        return f"waits for {device}, behind {self.ahead[0]}{behind}"


def waits_for(run: Run) -> str:
    """``waits for cpu, behind cnn@1`` of a queued run, and nothing of others."""
    place = place_of(run) if run.status == "queued" else None
    return "" if place is None else str(place)


def enqueue(run: Run, device: str) -> None:
    """Put a run at the end of the queue for a device, as this process's until another one claims it."""
    pid, started = process.current()
    with run.store.database.transaction() as connection:
        connection.execute("DELETE FROM queue WHERE run = ?", (run._seq,))
        connection.execute(
            "INSERT INTO queue (device, run, pid, pid_started) VALUES (?, ?, ?, ?)",
            (device, run._seq, pid, started),
        )
        connection.execute(
            "UPDATE runs SET status = 'queued', pid = ?, pid_started = ?, error = NULL, ended_at = NULL, "
            "request = NULL WHERE seq = ?",
            (pid, started, run._seq),
        )
    run.refresh()


def claim(run: Run, pid: int, started: float) -> None:
    """Say which process holds the run's place, and is to train it. Changes nothing once it has begun."""
    with run.store.database.transaction() as connection:
        connection.execute(
            "UPDATE queue SET pid = ?, pid_started = ? WHERE run = ?", (pid, started, run._seq)
        )
        connection.execute(
            "UPDATE runs SET pid = ?, pid_started = ? WHERE seq = ? AND status = 'queued'",
            (pid, started, run._seq),
        )
    run.refresh()


def leave(run: Run) -> None:
    """Give the run's place up: it has ended, or waits no longer."""
    run.store.database.execute("DELETE FROM queue WHERE run = ?", (run._seq,))


def place_of(run: Run) -> QueuePlace | None:
    """Where the run stands; None where it does not. Clears away the places of processes that are gone."""
    database = run.store.database
    own = database.row("SELECT ticket, device FROM queue WHERE run = ?", (run._seq,))
    if own is None:
        return None
    rows = database.rows(
        "SELECT ticket, queue.pid, queue.pid_started, name, number FROM queue JOIN runs ON seq = run "
        "WHERE device = ? AND ticket < ? ORDER BY ticket",
        (own["device"], own["ticket"]),
    )
    ahead = []
    for row in rows:
        if process.is_alive(row["pid"], row["pid_started"]):
            ahead.append(f"{row['name']}@{row['number']}")
        else:
            database.execute("DELETE FROM queue WHERE ticket = ? AND pid = ?", (row["ticket"], row["pid"]))
    return QueuePlace(own["device"], tuple(ahead))
