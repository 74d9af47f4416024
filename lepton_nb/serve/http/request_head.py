"""What the head of a request may say: RFC 9112, where it leaves a server no choice."""

from __future__ import annotations

from collections.abc import Sequence

import httptools

Headers = Sequence[tuple[bytes, bytes]]

_SINGLE = frozenset({b"host", b"authorization", b"content-type", b"content-encoding"})


def fault_in(method: bytes, version: str, headers: Headers) -> tuple[int, str] | None:
    """Status and reason where a request must not be taken: it is not clear for whom it is, or where it ends.

    Args:
        headers: With names in lower case.
    """
    found, codings = set(), []
    for name, value in headers:
        if name in _SINGLE:
            if name in found:
                return 400, f"a request has one {name.decode()} header, and this one has several"
            found.add(name)
        elif name == b"transfer-encoding":
            codings.append(value.strip().lower())
    if version not in ("1.1", "1.0"):
        return 505, f"this service speaks HTTP/1.1, not HTTP/{version}"
    if method == b"CONNECT":
        return 501, "this service is no proxy: it takes no CONNECT"
    if b"host" not in found and version != "1.0":
        return 400, "a request has one host header, and this one has none"
    if codings and version == "1.0":
        return 400, "HTTP/1.0 has no Transfer-Encoding"
    if codings not in ([], [b"chunked"]):
        shown = b", ".join(codings).decode("latin-1")[:80]
        return 501, f"the transfer coding {shown!r} is not known here; send the body as it is, or chunked"
    return None


def split_target(method: bytes, url: bytes) -> tuple[bytes, bytes]:
    """The host that a target such as ``http://host/path`` names, empty where it names none, and the rest.

    Raises:
        httptools.HttpParserError: If it is none that a request of this method has.
    """
    if url == b"*" and method == b"OPTIONS":
        return b"", url
    target = httptools.parse_url(url)
    if not target.host:
        raise httptools.HttpParserInvalidURLError("this target names nothing")
    host = b"[%b]" % target.host if b":" in target.host else target.host
    port = b":%d" % target.port if target.port else b""
    query = b"?" + target.query if target.query else b""
    return host + port, (target.path or b"/") + query
