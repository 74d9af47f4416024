"""Who may ask: the ``Host`` allow-list, which stops DNS rebinding, and bearer tokens."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

_BEARER = b"bearer "
_HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[^\[\]:@/\s]+)(:\d{0,5})?")


class Refusal(NamedTuple):
    """Why a request is not let in."""

    status: int
    error: str


class Gate:
    """Checks the headers of every request.

    Args:
        host: The bound address.
        allowed: Further names a ``Host`` header may have; ``*`` allows all.
        token: What clients must send; empty lets everybody in.
        admin_token: What ``/admin`` needs; empty closes it.
    """

    def __init__(self, host: str, allowed: Iterable[str], token: str, admin_token: str) -> None:
        names = {f"[{host}]" if ":" in host else host, *allowed}
        self._any_host = "*" in names
        self._hosts = {name.lower().encode() for name in names}
        self._token = token.encode()
        self._admin_token = admin_token.encode()

    def check_host(self, host: bytes | None) -> Refusal | None:
        """Refuse a request that was not meant for this service.

        Another's page can lead a browser here only under its own name, whatever the port: loopback's names
        are nobody's own. A request without a host is of HTTP/1.0, which no browser speaks.
        """
        if self._any_host or host is None or self._knows(host.lower()):
            return None
        shown = host.decode("latin-1")[:80]
        return Refusal(
            421,
            f"this service does not answer to the host {shown!r}; "
            "whoever starts it allows a name with --allow-host NAME",
        )

    def _knows(self, host: bytes) -> bool:
        parts = _HOST.fullmatch(host)
        return parts is not None and (host in self._hosts or parts[1] in self._hosts or _loops(parts[1]))

    def check_client(self, authorization: bytes) -> Refusal | None:
        """Refuse a request without the clients' (or the administrator's) token."""
        if not self._token:
            return None
        given = _bearer(authorization)
        if given is None:
            return Refusal(401, "send the token of this service: 'Authorization: Bearer TOKEN'")
        # Both comparisons always run: the time taken tells nothing about either token.
        client, admin = _same(given, self._token), _same(given, self._admin_token)
        return None if client or admin else Refusal(401, "this is not the token of this service")

    def check_admin(self, authorization: bytes) -> Refusal | None:
        """Refuse a request without the administrator's token."""
        if not self._admin_token:
            return Refusal(404, "this service has no administration routes")
        given = _bearer(authorization)
        if given is not None and _same(given, self._admin_token):
            return None
        return Refusal(403, "this needs the administrator's token")


def _loops(name: bytes) -> bool:
    """Whether a name can only mean the machine that uses it."""
    if name == b"localhost":
        return True
    try:
        return ip_address(name.decode("latin-1").strip("[]")).is_loopback
    except ValueError:
        return False


def _bearer(authorization: bytes) -> bytes | None:
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip()


def _same(given: bytes, token: bytes) -> bool:
    return bool(token) and hmac.compare_digest(given, token)
