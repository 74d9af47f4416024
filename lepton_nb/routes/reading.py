"""The values a request brings: from its query, a JSON object, a form, or one file as the whole body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from lepton_nb.routes.arguments import Arguments
from lepton_nb.routes.inputs import Upload

JSON = "application/json"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class BodyError(ValueError):
    """A body cannot be read at all.

    Attributes:
        status: 400 for a damaged one, 415 for a type nobody takes, 422 for JSON that is no object.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_values(request: Request, arguments: Arguments) -> dict[str, Any]:
    """What a request gives for each parameter.

    Raises:
        BodyError: If its body cannot be read.
    """
    query = arguments.from_texts(_grouped(request.query_params.multi_items()))
    if request.method == "GET":
        return query
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in FORMS:
        return {**query, **arguments.from_texts(await _form(request))}
    body = await request.body()
    if media_type in ("", JSON):
        return {**query, **_object(body)}
    name = next(iter(arguments.files), "")
    if len(arguments.files) == 1 and arguments.files[name].takes(media_type):
        return {**query, name: Upload(body, media_type)}
    taken = ", ".join(media_types(arguments))
    raise BodyError(415, f"this route takes no {media_type} body; send one of {taken}")


def media_types(arguments: Arguments) -> list[str]:
    """The content types that a POST to these parameters may have."""
    raw = [media for kind in arguments.files.values() for media in kind.media]
    return [JSON, FORMS[0] if arguments.files else FORMS[1], *(raw if len(arguments.files) == 1 else ())]


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BodyError(422, "the body must be a JSON object")
    return value


async def _form(request: Request) -> dict[str, list[Any]]:
    try:
        form = await request.form()
        items = [(key, await _content(value)) for key, value in form.multi_items()]
        await form.close()
    except (MultiPartException, UnicodeDecodeError, ValueError) as error:
        raise BodyError(400, f"the form cannot be read: {getattr(error, 'message', error)}") from None
    return _grouped(items)


async def _content(value: UploadFile | str) -> Upload | str:
    if isinstance(value, UploadFile):
        return Upload(await value.read(), value.content_type or "")
    return value


def _grouped(items: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for key, value in items:
        grouped.setdefault(key, []).append(value)
    return grouped
