"""The environment of the front's child processes."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Which Python runs, with which libraries, store and threads, is decided where the server is started.
_FRONTS = ("LEPTON_", "PYTHON", "LD_", "DYLD_", "OMP_", "MKL_", "OPENBLAS_", "MALLOC_")
_TOKEN = "LEPTON_TOKEN"  # a child may run the user's own code, which needs none


def environment_of_child(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The front's own environment, or another one with the front's own business left as it is."""
    own = {name: value for name, value in os.environ.items() if name != _TOKEN}
    if given is None:
        return own
    theirs = {name: value for name, value in given.items() if not name.startswith(_FRONTS)}
    return {**theirs, **{name: value for name, value in own.items() if name.startswith(_FRONTS)}}


def unpack_environment(packed: Mapping[str, str]) -> dict[str, str]:
    """An environment that came as JSON, each byte as one character: it need not be UTF-8.

    Raises:
        ValueError: If it is none.
    """
    items = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in packed.items()]
    if any(b"\0" in name + value or b"=" in name or not name for name, value in items):
        raise ValueError("this is no environment of a process")
    return {os.fsdecode(name): os.fsdecode(value) for name, value in items}
