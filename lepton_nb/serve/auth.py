"""Who may ask: the ``Host`` allow-list, which stops DNS rebinding, and bearer tokens."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple

_BEARER = b"bearer "
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Refusal(NamedTuple):
    """Why a request is not let in."""

    status: int
    error: str


class Gate:
    """Checks the headers of every request.

    Args:
        host: The bound address.
        port: The bound port.
        allowed: Further names a ``Host`` header may have; ``*`` allows all.
        token: What clients must send; empty lets everybody in.
        admin_token: What ``/admin`` needs; empty closes it.
    """

    def __init__(self, host: str, port: int, allowed: Iterable[str], token: str, admin_token: str) -> None:
        names = {*_LOOPBACK, host, *allowed}
        self._any_host = "*" in names
        self._hosts = {form.lower().encode() for name in names for form in (name, f"{name}:{port}")}
        self._token = token.encode()
        self._admin_token = admin_token.encode()

    def check_host(self, host: bytes) -> Refusal | None:
        """Refuse a request that was not meant for this service."""
        if self._any_host or host.lower() in self._hosts:
            return None
        shown = host.decode("latin-1")[:80]
        return Refusal(421, f"this service does not answer to the host {shown!r}")

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


def _bearer(authorization: bytes) -> bytes | None:
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip()


def _same(given: bytes, token: bytes) -> bool:
    return bool(token) and hmac.compare_digest(given, token)
