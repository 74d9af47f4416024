"""Bodies with a ``Content-Encoding``."""

from __future__ import annotations

import zlib

from lepton_nb.processes.refusals import RefusedError
from lepton_nb.show.numbers import limit as limit_text

_WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
PLAIN = (b"", b"identity")
KNOWN = (*PLAIN, *_WINDOWS)
_MOST_MEMBERS = 10_000  # of a gzip body; each costs a copy of `_STEP`, however small it is
_STEP = 16 << 10


def inflate(body: bytes | memoryview, encoding: bytes, limit: int) -> bytes | memoryview:
    """A body without one of the `KNOWN` encodings; one of several gzip members is all of their contents.

    Raises:
        RefusedError: If it is not of that encoding, or has more than `limit` bytes without it.
    """
    if encoding in PLAIN:
        return body
    body, content, at, members = memoryview(body), bytearray(), 0, 0
    while at < len(body) or not members:
        if members == (1 if encoding == b"deflate" else _MOST_MEMBERS):
            raise RefusedError(400, f"{len(body) - at} bytes follow the end of the {encoding.decode()} body")
        try:
            at = _member(body, at, zlib.decompressobj(_WINDOWS[encoding]), content, limit)
        except zlib.error as error:
            raise RefusedError(400, f"the body is not {encoding.decode()}: {error}") from None
        members += 1
    return bytes(content)


def _member(body: memoryview, at: int, decoder: zlib._Decompress, content: bytearray, limit: int) -> int:
    """Add what one stream holds to the content; where it ends in the body."""
    while not decoder.eof:
        if at >= len(body):
            raise RefusedError(400, "the compressed body is cut off")
        piece = body[at : at + _STEP]
        at += len(piece)
        while piece and not decoder.eof:
            content += decoder.decompress(piece, limit + 1 - len(content))
            if len(content) > limit:
                size = f"{limit_text(limit)}"
                raise RefusedError(413, f"the body is larger than {size} once it is decompressed")
            piece = memoryview(decoder.unconsumed_tail)
    return at - len(decoder.unused_data)
