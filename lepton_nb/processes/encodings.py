"""Bodies with a ``Content-Encoding``."""

from __future__ import annotations

import zlib

from lepton_nb.processes.refusals import RefusedError

_WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
PLAIN = (b"", b"identity")
KNOWN = (*PLAIN, *_WINDOWS)


def inflate(body: bytes | memoryview, encoding: bytes, limit: int) -> bytes | memoryview:
    """A body without one of the `KNOWN` encodings.

    Raises:
        RefusedError: If it is not of that encoding, or has more than `limit` bytes without it.
    """
    if encoding in PLAIN:
        return body
    decoder = zlib.decompressobj(_WINDOWS[encoding])
    try:
        content = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        raise RefusedError(400, f"the body is not {encoding.decode()}: {error}") from None
    if len(content) > limit:
        raise RefusedError(413, f"the body is larger than {limit / (1 << 20):g} MiB once it is decompressed")
    if not decoder.eof:
        raise RefusedError(400, f"the {encoding.decode()} body is cut off")
    return content
