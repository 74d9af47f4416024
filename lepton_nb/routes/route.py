"""From a class or functions with typed signatures to routes."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.background import BackgroundTasks

from lepton_nb.errors import RouteError
from lepton_nb.routes.arguments import Arguments, Parameter
from lepton_nb.routes.model import Model

MODEL = "model"
"""The name of the parameter that gets the deployed model."""

RESERVED = frozenset(
    {"predict", "healthz", "metrics", "docs", "openapi", "admin", "assets", "v2", "static", "grpc"}
)
_ODD = {
    inspect.Parameter.VAR_POSITIONAL: "*{}",
    inspect.Parameter.VAR_KEYWORD: "**{}",
    inspect.Parameter.POSITIONAL_ONLY: "{}, /",
}


@dataclass(frozen=True)
class Route:
    """One function behind one path.

    Attributes:
        name: The function's name; its path is ``/name``.
        call: The function, or the bound method.
        arguments: What a request gives it.
        model: Whether it takes the deployed model.
        background: The parameter for background tasks; empty where it has none.
        returns: Its return annotation; `inspect.Parameter.empty` where it has none.
        about: Its docstring.
    """

    name: str
    call: Callable[..., Any]
    arguments: Arguments
    model: bool
    background: str
    returns: Any
    about: str

    @property
    def path(self) -> str:
        return f"/{self.name}"

    @property
    def methods(self) -> tuple[str, ...]:
        """POST takes everything; GET only what fits into a URL."""
        return ("GET", "POST") if self.arguments.queryable else ("POST",)


def routes_of(target: Any) -> list[Route]:
    """The routes of an object's public methods, of a class's before it is made, or of functions.

    Args:
        target: A class, an instance of one, or a sequence of functions.

    Raises:
        RouteError: If there is none, or one has a signature that cannot be read from a request.
    """
    if isinstance(target, Sequence):
        named = {function.__name__: function for function in target}
    else:
        named = dict(_methods(target))
    if not named:
        name = target.__name__ if isinstance(target, type) else "The cell"
        raise RouteError(
            f"{name} has no public method with a route.", "Write def classify(self, image: Image.Image): …"
        )
    return [_route(name, function, bound=not isinstance(target, type)) for name, function in named.items()]


def takes_model(cls: type) -> bool:
    """Whether a service class is made with the deployed model.

    Raises:
        RouteError: If its constructor needs anything else.
    """
    constructor = inspect.getattr_static(cls, "__init__")
    if constructor is object.__init__:
        return False
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    for item in parameters:
        if item.name != MODEL and item.default is item.empty and item.kind not in (2, 4):
            raise RouteError(
                f"{cls.__name__}.__init__ takes {item.name!r}, which a service cannot give.",
                f"It may take {MODEL!r}, the deployed model; write the rest in the class.",
            )
    return any(item.name == MODEL for item in parameters)


def _methods(target: Any) -> Mapping[str, Any]:
    cls = target if isinstance(target, type) else type(target)
    names = [name for base in reversed(cls.__mro__[:-1]) for name in vars(base) if not name.startswith("_")]
    found = {name: inspect.getattr_static(cls, name) for name in dict.fromkeys(names)}
    functions = {
        name: getattr(target, name)
        for name, member in found.items()
        if inspect.isfunction(member) or isinstance(member, (staticmethod, classmethod))
    }
    codes = {name: list(_codes_of(function)) for name, function in functions.items()}
    return {name: function for name, function in functions.items() if not _helps(name, function, codes)}


def _codes_of(function: Any) -> Iterator[types.CodeType]:
    """The code of a function, of what it decorates, and of the functions in both."""
    found = [function.__code__, inspect.unwrap(function).__code__]
    while found:
        code = found.pop()
        yield code
        found += [part for part in code.co_consts if isinstance(part, types.CodeType)]


def _helps(name: str, function: Any, codes: Mapping[str, Sequence[types.CodeType]]) -> bool:
    """Whether a method is there for the others: it decorates one, or one calls it and no request could."""
    others = [code for other, known in codes.items() if other != name for code in known]
    if any(f".{name}.<locals>." in code.co_qualname for code in others):
        return True
    typed = all(
        item.annotation is not item.empty or item.name in ("self", MODEL)
        for item in inspect.signature(function).parameters.values()
    )
    return not typed and any(name in code.co_names for code in others)


def _route(name: str, function: Any, *, bound: bool) -> Route:
    if name in RESERVED:
        raise RouteError(
            f"The service itself has a route /{name}.", f"Call your function otherwise, such as {name}_all."
        )
    plain = inspect.unwrap(function)
    signature = inspect.signature(function)
    hints = _hints(name, plain)
    parameters, model, background = [], False, ""
    items = list(signature.parameters.values())
    if not bound and items and items[0].name == "self":
        items = items[1:]
    for item in items:
        annotation = hints.get(item.name, item.annotation)
        if item.kind in _ODD:
            shown = _ODD[item.kind].format(item.name)
            raise RouteError(
                f"{name}({shown}) cannot be read from a request.", "Name each parameter, with its type."
            )
        if isinstance(annotation, type) and issubclass(annotation, BackgroundTasks):
            background = item.name
        elif item.name == MODEL and annotation in (item.empty, Model):
            model = True
        elif annotation is item.empty:
            raise RouteError(
                f"{name}: the parameter {item.name!r} has no type.",
                f"Write {item.name}: str, int, float, Image.Image, np.ndarray or a pydantic model.",
            )
        else:
            parameters.append(
                Parameter(item.name, annotation, ... if item.default is item.empty else item.default)
            )
    try:
        arguments = Arguments(name, tuple(parameters))
    except TypeError as error:
        raise RouteError(f"{name}: a parameter cannot come over HTTP: {error}.") from None
    about = inspect.getdoc(plain) or ""
    return Route(name, function, arguments, model, background, hints.get("return", signature.empty), about)


def _hints(name: str, function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise RouteError(
            f"{name}: a type is not defined: {error}.", "Run the cell that defines it."
        ) from None
    except TypeError as error:  # a module or a value where a type should stand
        raise RouteError(f"{name}: a type cannot be read: {error}.") from None
