"""Inputs that come as the fields and files of a form, or as files that nobody has given a type."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from lepton_nb.processes.refusals import RefusedError
from lepton_nb.serve.wires.multipart import Part, read_form
from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.base import Arrays
from lepton_nb.tasks.padding import joined
from lepton_nb.tasks.tensors import NPY

UNNAMED = "application/octet-stream"
URL_FORM = "application/x-www-form-urlencoded"
_MAGIC = b"\x93NUMPY"

Read = Callable[[bytes, str], Arrays]
"""``(content, media type) -> inputs``"""


class Uploads:
    """Reads forms: each file is an item, or a table of them; without files, one field is as in JSON.

    Args:
        codec: Says what its fields and files are.
        read: Reads one file.
    """

    def __init__(self, codec: Codec, read: Read) -> None:
        self._codec = codec
        self._read = read
        fields = codec.request_schema()["properties"]
        self._texts = {name for name, schema in fields.items() if schema.get("type") == "string"}

    def type_of(self, content: bytes, filename: str = "") -> str:
        """What a file without a type is taken for: by its name, else what the model takes first."""
        if content.startswith(_MAGIC):
            return NPY
        return mimetypes.guess_type(filename)[0] or self._codec.form.media_types[0]

    def read(self, content_type: str, body: bytes) -> Arrays:
        """The inputs of a form.

        Raises:
            RefusedError: If it cannot be read.
            InputError: If it holds something else than files, or one field.
        """
        parts = read_form(content_type, body)
        files = [part for part in parts if part.filename is not None or part.media_type]
        if len(files) == len(parts) and files:
            return self._read_files(files)
        names = [part.name for part in parts if part not in files]
        if files or len(set(names)) != 1:
            seen = ", ".join(map(repr, names)) or "nothing"
            raise InputError(f"send files, or one field as in JSON; the form has the fields {seen}")
        return self._codec.decode_json(self._fields(parts))

    def _read_files(self, files: Sequence[Part]) -> Arrays:
        batches = []
        for index, file in enumerate(files):
            media_type = file.media_type
            if media_type in ("", UNNAMED):
                media_type = self.type_of(file.content, file.filename or "")
            try:
                batches.append(self._read(file.content, media_type))
            except InputError as error:
                label = f"{file.filename or file.name}: " if len(files) > 1 else ""
                raise InputError(f"{label}{error}", index) from error
        return joined(batches, self._codec.signature.inputs)

    def _fields(self, fields: Sequence[Part]) -> dict[str, Any]:
        """The JSON object that fields of one name stand for."""
        name = fields[0].name
        values = [self._value(field) for field in fields]
        if len(values) == 1:
            return {name: values[0]}
        if name != self._codec.form.key:
            raise InputError(f"the form has {len(values)} fields {name!r}")
        return {self._codec.form.plural: values}

    def _value(self, field: Part) -> Any:
        try:
            if field.name in self._texts:
                return field.content.decode("utf-8")
            return orjson.loads(field.content)
        except ValueError as error:
            raise RefusedError(400, f"the field {field.name[:40]!r} cannot be read: {error}") from None
