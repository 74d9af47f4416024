"""How often the model has failed in a row, and how long to wait before the next worker is started."""

from __future__ import annotations

import time

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_LOOP = 3  # failures in a row, without one answer between, that make a crash loop


class Recovery:
    """Counts what goes wrong, and forgets it with the first good answer.

    Attributes:
        failures: Workers in a row that died or could not start.
        error: What ended the last one; empty while all is well.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.error = ""
        self._retry_at = 0.0

    def failed(self, error: str) -> None:
        """Another worker is gone. The first is replaced at once, each further one after twice the pause."""
        self.failures += 1
        self.error = error
        doubled = _FIRST_PAUSE * 2 ** min(self.failures - 2, 16)
        self._retry_at = time.monotonic() + (min(_LONGEST_PAUSE, doubled) if self.failures > 1 else 0.0)

    def succeeded(self) -> None:
        """A batch was answered."""
        self.failures = 0
        self.error = ""

    @property
    def looping(self) -> bool:
        """Whether it fails again and again, so that waiting for the next worker is no use to a client."""
        return self.failures >= _LOOP

    @property
    def retry_in(self) -> float:
        """Seconds until the next worker may be started."""
        return max(0.0, self._retry_at - time.monotonic())

    def describe(self) -> str:
        """One line for people; empty while all is well."""
        if self.failures < 2:
            return self.error
        pause = self.retry_in
        then = f"the next try is in {pause:.0f} s" if pause >= 1 else "trying again"
        return f"{self.error} ({self.failures} failures in a row, {then})"
