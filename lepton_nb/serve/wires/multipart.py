"""Bodies of ``multipart/form-data`` (RFC 7578), as browsers and ``curl -F`` send them."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from lepton_nb.processes.refusals import RefusedError

FORM = "multipart/form-data"
_MOST_PARTS = 1024
_LONGEST_HEAD = 8 << 10


class Part(NamedTuple):
    """One field of a form, or one file.

    Attributes:
        filename: None for a field.
        media_type: Empty where none is given.
    """

    name: str
    filename: str | None
    media_type: str
    content: bytes


def read_form(content_type: str, body: bytes) -> list[Part]:
    """The parts of a form.

    Raises:
        RefusedError: If it is damaged, or has too many.
    """
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_boundary()
    if not boundary:
        raise RefusedError(400, "the Content-Type of the form names no boundary")
    edge = b"\r\n--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(edge, _MOST_PARTS + 2)
    if len(pieces) > _MOST_PARTS + 2:
        raise RefusedError(413, f"the form has more than {_MOST_PARTS} parts")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise RefusedError(400, "the form is cut off: its last boundary is missing")
    return [_read_part(piece) for piece in pieces[1:-1]]


def _read_part(piece: bytes) -> Part:
    head, found, content = piece.partition(b"\r\n\r\n")
    if not found or not head.startswith(b"\r\n") or len(head) > _LONGEST_HEAD:
        raise RefusedError(400, "the form is damaged: a part has no headers")
    about = BytesHeaderParser().parsebytes(head[2:])
    if about.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise RefusedError(400, "the parts of a form are sent as they are, without Content-Transfer-Encoding")
    name = about.get_param("name", "", "content-disposition")
    media_type = about.get_content_type() if "content-type" in about else ""
    return Part(str(name), about.get_filename(), media_type, content)
