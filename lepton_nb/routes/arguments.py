"""The parameters of a route as one checked JSON object."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError

from lepton_nb.errors import nearest
from lepton_nb.routes.inputs import FileKind, Upload, file_kind, wire_type

_SCALARS = {"string", "number", "integer", "boolean", "null"}
_MOST_PROBLEMS = 3


class ArgumentsError(ValueError):
    """A request's values do not fit the parameters; the message is for who sent them."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a route that comes from the request."""

    name: str
    annotation: Any
    default: Any = ...

    @property
    def file(self) -> FileKind | None:
        return file_kind(self.annotation)


class Arguments:
    """Checks a request's values against a route's parameters.

    A single parameter that is a pydantic model, dataclass or TypedDict is the whole JSON object; otherwise
    each parameter is a key of it.

    Raises:
        TypeError: If a parameter's type can never come over HTTP.
    """

    def __init__(self, route: str, parameters: tuple[Parameter, ...]) -> None:
        self.parameters = parameters
        self.files = {item.name: item.file for item in parameters if item.file is not None}
        self._whole = parameters[0].name if len(parameters) == 1 and _is_record(parameters[0]) else None
        self._names = [item.name for item in parameters]
        self._adapter: TypeAdapter[Any]
        try:
            if self._whole:
                self._adapter = TypeAdapter(wire_type(parameters[0].annotation))
            else:
                self._adapter = TypeAdapter(_record(route, parameters))
            self.schema = self._adapter.json_schema(ref_template=f"#/components/schemas/{route}.{{model}}")
        except PydanticUserError as error:
            raise TypeError(str(error).splitlines()[0]) from None
        self.definitions = {
            f"{route}.{name}": schema for name, schema in self.schema.pop("$defs", {}).items()
        }

    def parse(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments of the route.

        Raises:
            ArgumentsError: If a value is missing, unknown or of the wrong kind.
        """
        try:
            parsed = self._adapter.validate_python(dict(values))
        except ValidationError as error:
            raise ArgumentsError(self._explain(error)) from None
        if self._whole:
            return {self._whole: parsed}
        return {name: getattr(parsed, f"p{index}") for index, name in enumerate(self._names)}

    @property
    def queryable(self) -> bool:
        """Whether every value fits into a URL."""
        return all(self._fits_url(schema) for schema in self.properties.values())

    @property
    def properties(self) -> dict[str, Any]:
        """The JSON schema of each key of the request."""
        found: dict[str, Any] = self._resolved(self.schema).get("properties", {})
        return found

    @property
    def required(self) -> set[str]:
        return set(self._resolved(self.schema).get("required", ()))

    def from_texts(self, texts: Mapping[str, list[Any]]) -> dict[str, Any]:
        """The values of a query or a form: numbers, lists and objects out of their text."""
        values: dict[str, Any] = {}
        for name, found in texts.items():
            schema = self.properties.get(name, {})
            if any(kind.get("type") == "array" for kind in self._kinds(schema)) and not _is_json(found):
                values[name] = [_value(text) for text in found]
            else:
                values[name] = self._from_text(found[-1], schema)
        return values

    def _from_text(self, text: Any, schema: dict[str, Any]) -> Any:
        kinds = self._kinds(schema)
        plain = not kinds or any(kind.get("type") == "string" for kind in kinds)
        return text if plain else _value(text)

    def _fits_url(self, schema: dict[str, Any]) -> bool:
        return all(
            (kind.get("type") in _SCALARS and "contentEncoding" not in kind)
            or "enum" in kind
            or "const" in kind
            or (kind.get("type") == "array" and "items" in kind and self._flat(kind["items"]))
            for kind in self._kinds(schema)
        )

    def _flat(self, schema: dict[str, Any]) -> bool:
        return bool(schema) and all(
            kind.get("type") in _SCALARS and "contentEncoding" not in kind for kind in self._kinds(schema)
        )

    def _kinds(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """The alternatives of a schema, without references."""
        resolved = self._resolved(schema)
        if "anyOf" in resolved:
            return [kind for item in resolved["anyOf"] for kind in self._kinds(item)]
        return [resolved]

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        reference = schema.get("$ref")
        return self.definitions[reference.rpartition("/")[2]] if reference else schema

    def _explain(self, error: ValidationError) -> str:
        problems = error.errors(include_url=False, include_context=False)
        shown = [self._problem(problem) for problem in problems[:_MOST_PROBLEMS]]
        more = len(problems) - len(shown)
        return "; ".join(shown) + (f"; and {more} more" if more else "")

    def _problem(self, problem: Any) -> str:
        place = problem["loc"]
        name = ".".join(str(part) for part in place)
        if problem["type"] == "missing":
            return f"{name!r} is missing"
        if problem["type"] == "extra_forbidden":
            best = nearest(str(place[-1]), self.properties)
            takes = f"did you mean {best!r}?" if best else f"there is {', '.join(self.properties) or 'none'}"
            return f"{name!r} is unknown: {takes}"
        text = problem["msg"].removeprefix("Value error, ")
        seen = problem["input"]
        silent = isinstance(seen, (Upload, dict, list)) or (place and place[0] in self.files)
        value = "" if silent else f", got {_shown(seen)}"
        return f"{name!r}: {text[:1].lower() + text[1:]}{value}" if name else text


def _record(route: str, parameters: tuple[Parameter, ...]) -> type[BaseModel]:
    """A model with the parameters' names as aliases: its own names cannot clash with pydantic's."""
    fields: dict[str, Any] = {
        f"p{index}": (wire_type(item.annotation), Field(item.default, alias=item.name))
        for index, item in enumerate(parameters)
    }
    config = ConfigDict(extra="forbid", title=route)
    return create_model(f"{route}_arguments", __config__=config, **fields)


def _is_record(parameter: Parameter) -> bool:
    kind = parameter.annotation
    return (
        parameter.file is None
        and isinstance(kind, type)
        and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind) or typing.is_typeddict(kind))
    )


def _is_json(found: list[Any]) -> bool:
    return len(found) == 1 and isinstance(found[0], str) and found[0].lstrip().startswith("[")


def _value(text: Any) -> Any:
    """The JSON value that a text is, else the text."""
    if not isinstance(text, str):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
