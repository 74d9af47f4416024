"""What others ask of the process that trains a run: a queue of words in the run's row."""

from __future__ import annotations

import math
from typing import Literal

from lepton_nb.errors import ArgumentError, StoreError
from lepton_nb.runs.states import ACTIVE
from lepton_nb.runs.writer import LocalWriter

Action = Literal["stop", "pause", "resume", "lr"]
_ACTIONS = ("stop", "pause", "resume", "lr")


class Mailbox(LocalWriter):
    """Requests, in the order they were made."""

    def request(self, action: Action, value: float | None = None) -> None:
        """Ask the process that trains it to stop, pause or resume, or to change its learning rate.

        It obeys between two steps, in the order it was asked.

        Args:
            action: ``stop``, ``pause``, ``resume`` or ``lr``.
            value: Of ``lr``: the new peak learning rate, as the setting of that name.

        Raises:
            ArgumentError: If there is no such action, or the learning rate cannot be one.
            StoreError: If no process trains it.
        """
        if action not in _ACTIONS:
            raise ArgumentError(f"There is no action {action!r}.", f"One of: {', '.join(_ACTIONS)}")
        if action == "lr" and not (isinstance(value, (int, float)) and 0 <= value < math.inf):
            raise ArgumentError(f"The learning rate is {value!r}; expected 0 or more.", "For example 1e-3")
        self.flush()
        self._read_again()
        waits = self.status == "queued" and action != "stop"
        if self.status not in ACTIVE or waits:
            hint = f"To go on with it: %lepton resume {self.ref}" if action == "resume" else None
            hint = f"To take it out of the queue: %lepton stop {self.ref}" if waits else hint
            verb = "change" if action == "lr" else action
            raise StoreError(f"Run {self.ref} is {self.status}, so there is nothing to {verb}.", hint)
        asked = action if action != "lr" else f"lr {value!r}"
        self.store.database.execute(
            "UPDATE runs SET request = coalesce(request || char(10), '') || ? WHERE seq = ?",
            (asked, self._seq),
        )

    def take_request(self) -> str | None:
        """What another process asked for first since the last call, if anything: ``stop``, ``lr 0.001``."""
        row = self.store.database.row("SELECT request FROM runs WHERE seq = ?", (self._seq,))
        asked: str | None = row["request"] if row is not None else None
        if asked is None:
            return None
        action, _, rest = asked.partition("\n")
        # What was appended since it was read stays.
        self.store.database.execute(
            "UPDATE runs SET request = nullif(substr(request, ?), '') "
            "WHERE seq = ? AND substr(request, 1, length(?)) = ?",
            (len(asked) - len(rest) + 1, self._seq, asked, asked),
        )
        return action
