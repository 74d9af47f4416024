"""Saying no to a request before its input is looked at."""

from __future__ import annotations


class RefusedError(Exception):
    """A request that is answered with an error before its input is looked at."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
