"""The options of `deploy`: what they may be, and what to write instead."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from lepton_nb.errors import ArgumentError, DeploymentError, did_you_mean
from lepton_nb.show.numbers import limit as limit_text

_LEAST_MEMORY = 64 << 20
_ORIGIN = re.compile(r"https?://[^/\s:]+(:\d{1,5})?")
_HOST = re.compile(r"\*|([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")


def parse_size(size: int | str) -> int:
    """Bytes, from a number or from text such as ``2g``, ``512m`` or ``1.5 GiB``.

    Raises:
        ArgumentError: If it is no size, or less than a worker needs to start.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", str(size).lower())
    if found is None or isinstance(size, bool):
        raise ArgumentError(
            f"memory is {size!r}, expected a size.", "Write 512m or 2g, or a number of bytes."
        )
    result = int(float(found[1]) * 1024 ** " kmgt".index(found[2] or " "))
    if result < _LEAST_MEMORY:
        raise ArgumentError(
            f"memory is {size!r}, {limit_text(result)}; a service needs {limit_text(_LEAST_MEMORY)} or more.",
            "Write 512m or 2g, or leave it out.",
        )
    return result


def check_arguments(host: str, lifetime: str, origins: Sequence[str], allowed_hosts: Sequence[str]) -> None:
    if os.name != "posix":
        raise DeploymentError("Services run on Linux and macOS; on Windows, deploy from WSL.")
    if lifetime not in ("detached", "kernel"):
        raise ArgumentError(f"lifetime is {lifetime!r}.", did_you_mean(str(lifetime), ["detached", "kernel"]))
    if not isinstance(host, str) or not host:
        raise ArgumentError(f"host is {host!r}, expected an address.", "Leave it out for this machine alone.")
    wrong = [text for text in origins if text != "*" and not _ORIGIN.fullmatch(text)]
    if isinstance(origins, str) or wrong:
        raise ArgumentError(
            f"{wrong[0] if wrong else origins!r} is no origin of a web page.",
            "Write its scheme, host and port, without a path: http://localhost:3000",
        )
    wrong = [text for text in allowed_hosts if not _HOST.fullmatch(text)]
    if isinstance(allowed_hosts, str) or wrong:
        raise ArgumentError(
            f"{wrong[0] if wrong else allowed_hosts!r} is no name of a host.",
            "Write what clients' Host header says, without scheme and path: models.example.org",
        )
