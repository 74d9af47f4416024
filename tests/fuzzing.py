"""Requests that are damaged a little: strategies of the fuzz tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same examples every time; `deadline` would measure the machine.
fuzz = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def damaged(content: bytes, edits: list[tuple[int, int]], cut: int, repeat: int) -> bytes:
    """The content with some bytes changed, its end cut off, or said several times."""
    result = bytearray(content)
    for at, value in edits:
        result[at % len(result)] = value
    return bytes(result[: len(result) - cut % len(result)] * repeat)


edits = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6)
