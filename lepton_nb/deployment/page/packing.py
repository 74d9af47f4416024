"""Files as text inside an HTML page, a fiftieth larger than they are: base64 would be a third larger."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import numpy as np

_SHIFT = 42  # so that zeros, which weights are full of, need no escape
_ESCAPE = ord("=")
_BEYOND = 64
# What HTML reads as something else, or as another character, in the text of a script.
_ESCAPED = np.frombuffer(b"\0\r<=", np.uint8)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Files, compressed, as bytes of a page whose charset is windows-1252; ``boot.js`` unpacks them.

    Source: yEnc (http://www.yenc.org), with the bytes escaped that HTML does not keep.
    """
    packed = {name: gzip.compress(content, 6, mtime=0) for name, content in files.items()}
    head = json.dumps({name: len(content) for name, content in packed.items()}).encode()
    return escape(len(head).to_bytes(4, "little") + head + b"".join(packed.values()))


def escape(content: bytes) -> bytes:
    shifted = np.frombuffer(content, np.uint8) + np.uint8(_SHIFT)
    special = np.isin(shifted, _ESCAPED)
    at = np.arange(len(shifted)) + np.cumsum(special) - special  # after the escapes before it
    escaped = np.empty(len(shifted) + int(special.sum()), np.uint8)
    escaped[at[special]] = _ESCAPE
    escaped[at + special] = shifted + np.uint8(_BEYOND) * special
    return escaped.tobytes()
