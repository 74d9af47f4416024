"""The parser of a connection: an offer to speak another protocol changes nothing (RFC 9110, 7.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools

_CONNECT = b"CONNECT"


class Parser:
    """httptools' parser, but for heads with ``Upgrade``: it takes what follows them for the other protocol.

    Java's clients and ``curl --http2`` offer HTTP/2 with every request, and what follows is the body. So such
    a head is parsed once more, without its offer.

    Args:
        protocol: Gets the callbacks. Where `again`, a head or a message that is complete counts for nothing.
        head: The head at hand, written without its offer.
    """

    def __init__(self, protocol: Any, head: Callable[[], bytes]) -> None:
        self._protocol = protocol
        self._head = head
        self._parser = self._new()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    @property
    def again(self) -> bool:
        """Whether the head at hand will be parsed once more."""
        return self._parser.should_upgrade() and self._parser.get_method() != _CONNECT

    def should_upgrade(self) -> bool:
        """Never, for uvicorn."""
        return False

    def feed_data(self, data: bytes) -> None:
        """Parse what has arrived.

        Raises:
            httptools.HttpParserError: If it is not HTTP.
        """
        rest = memoryview(data)
        while True:
            try:
                self._parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as offer:
                if not self.again:
                    return  # after CONNECT, which is refused, nothing is HTTP
                rest = rest[offer.args[0] :]
            head, self._parser = self._head(), self._new()
            self._parser.feed_data(head)

    def _new(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self._protocol)
        # As uvicorn's own: what follows a request that closes the connection is dropped, not refused.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser
