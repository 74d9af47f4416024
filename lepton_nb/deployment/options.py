"""The options of `deploy`: what they may be, and what to write instead."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from lepton_nb.errors import ArgumentError, DeploymentError, did_you_mean
from lepton_nb.processes.settings import Settings
from lepton_nb.show.numbers import limit as limit_text

_LEAST_MEMORY = 64 << 20
LIMITS = ("time_limit", "max_body", "max_held", "max_batch")
"""Settings that `limits` gives; a service keeps them from one start to the next."""
_ORIGIN = re.compile(r"https?://[^/\s:]+(:\d{1,5})?")
_HOST = re.compile(r"\*|([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")


def parse_size(size: int | str, name: str = "memory", least: int = _LEAST_MEMORY) -> int:
    """Bytes, from a number or from text such as ``2g``, ``512m`` or ``1.5 GiB``.

    Args:
        name: What messages call it.
        least: What it must be.

    Raises:
        ArgumentError: If it is no size, or too small a one.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", str(size).lower())
    if found is None or isinstance(size, bool):
        raise ArgumentError(
            f"{name} is {size!r}, expected a size.", "Write 512m or 2g, or a number of bytes."
        )
    result = int(float(found[1]) * 1024 ** " kmgt".index(found[2] or " "))
    if result < least:
        raise ArgumentError(
            f"{name} is {size!r}, {limit_text(result)}; expected {limit_text(least)} or more.",
            "Write 512m or 2g, or leave it out.",
        )
    return result


def limits(
    time_limit: float | None, max_body: int | str | None, max_batch: int | None
) -> dict[str, int | float]:
    """The settings of a service that bound a request, of those that were given.

    Raises:
        ArgumentError: If one is out of range.
    """
    found: dict[str, int | float] = {}
    if time_limit is not None:
        found["time_limit"] = _bounded(
            "time_limit", time_limit, 0.1, 86_400, "Seconds a request may take: 60"
        )
    if max_body is not None:
        found["max_body"] = parse_size(max_body, "max_body", 1 << 10)
        found["max_held"] = max(Settings.max_held, 4 * int(found["max_body"]))
    if max_batch is not None:
        found["max_batch"] = int(
            _bounded("max_batch", max_batch, 1, 65_536, "Write a number of requests, such as 32.")
        )
    return found


def _bounded(name: str, value: float, least: float, most: float, hint: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ArgumentError(f"{name} is {value!r}; expected {least:g} to {most:g}.", hint)
    return value


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
