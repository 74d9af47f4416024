"""A run: one training, on disk from its first step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lepton_nb.runs.display import card, line
from lepton_nb.runs.history import History
from lepton_nb.runs.mailbox import Action, Mailbox
from lepton_nb.runs.writer import RunWriter

__all__ = ["Action", "Run", "RunWriter"]


class Run(Mailbox):
    """One training: its row in the store, its folder, and what of it lives in this process.

    Read by anybody (`RunRow`), written by the process that trains it (`RunWriter`), asked by others
    (`Mailbox`). Made by `RunStore`.
    """

    def refresh(self) -> Run:
        """Read the row again; returns the run itself.

        Raises:
            NotFoundError: If it was deleted.
        """
        self.flush()
        self._read_again()
        return self

    def history(self) -> History:
        """Everything measured so far."""
        self.flush()
        return History(self.store.database, self._seq)

    def annotate(self, *, notes: str | None = None, tags: Mapping[str, str | None] | None = None) -> None:
        """Replace the notes, and set or replace the given tags; a tag of None is taken away."""
        with self.store.database.transaction() as connection:
            row = connection.execute("SELECT notes, tags FROM runs WHERE seq = ?", (self._seq,)).fetchone()
            self.notes = row["notes"] if notes is None else notes
            merged = {**json.loads(row["tags"]), **(tags or {})}
            self.tags = {name: value for name, value in merged.items() if value is not None}
            connection.execute(
                "UPDATE runs SET notes = ?, tags = ? WHERE seq = ?",
                (self.notes, json.dumps(self.tags), self._seq),
            )

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return card(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Data for the lab to draw, beside the card and the line of text."""
        from lepton_nb.runs.bundle import MIME, run_bundle

        return {MIME: run_bundle(self)}
