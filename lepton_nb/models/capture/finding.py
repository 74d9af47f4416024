"""The text that defines a class or function, found through the code it is running."""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from collections.abc import Iterator, Sequence
from typing import Any

from lepton_nb.models.capture.cells import first_line, python_of, segment, tidy
from lepton_nb.models.capture.methods import function_of, with_additions

_FUTURE = annotations.compiler_flag  # set on code under `from __future__ import annotations`


def find_definition(value: type | types.FunctionType, cells: Sequence[str]) -> str | None:
    """The source of a class or function of the notebook or a file; None where it cannot be found.

    The text must compile to the very code that `value` runs. So an older version of a class that an object
    still uses is found, and a file edited after its import is not taken for what was imported.

    What a class was given after its definition, such as ``Net.forward = f``, is part of its text.

    Args:
        value: The class or function.
        cells: The cells in the order they ran, for a class without methods, of which nothing else tells.
    """
    source = _as_it_was_written(value, cells)
    if source is None or not isinstance(value, type):
        return source
    return with_additions(source, value, lambda function: _as_it_was_written(function, cells))


def _as_it_was_written(value: type | types.FunctionType, cells: Sequence[str]) -> str | None:
    codes = list(codes_of(value))
    files = dict.fromkeys(code.co_filename for code in codes)
    texts = [tidy("".join(linecache.getlines(file))) for file in files]
    texts += [text for cell in reversed(cells) for text in python_of(cell)]
    for text in texts:
        found = _in_text(text, value, codes)
        if found is not None:
            return found
    return None


def _in_text(text: str | None, value: Any, codes: Sequence[types.CodeType]) -> str | None:
    if not text:
        return None
    tree = ast.parse(text)
    kind = (ast.ClassDef,) if isinstance(value, type) else (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in reversed([node for node in ast.walk(tree) if isinstance(node, kind)]):
        if node.name == value.__name__:
            source = segment(text, node)
            alone = "\n" * (first_line(node) - 1) + source
            # IPython compiles each statement of a cell by itself, Python a file as a whole. It makes a
            # difference: calls on a module that is imported in the same text get other instructions.
            if any(_holds(_compiled(context, value), value, codes) for context in (alone, text)):
                return source + "\n"
    return None


def _compiled(text: str, value: Any = None) -> types.CodeType | None:
    try:
        flags = _FUTURE if value is not None and uses_future_annotations(value) else 0
        code: types.CodeType = compile(text, "<definition>", "exec", flags=flags, dont_inherit=True)
        return code
    except (SyntaxError, ValueError):
        return None


def _holds(compiled: types.CodeType | None, value: Any, codes: Sequence[types.CodeType]) -> bool:
    """Whether compiled text has every one of the `codes` in a definition of the name of `value`."""
    if compiled is None:
        return False
    named = [code for code in _nested(compiled) if code.co_name == value.__name__]
    known = {code_key(inner) for code in named for inner in (code, *_nested(code))}
    return all(code_key(code) in known for code in codes)


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from _nested(const)


def codes_of(value: Any) -> Iterator[types.CodeType]:
    """The code of a function, or of each method that a class defines itself."""
    if not isinstance(value, type):
        function = inspect.unwrap(value)
        if isinstance(function, types.FunctionType):
            yield function.__code__
        return
    for member in vars(value).values():
        function = function_of(member)
        own = function is not None and function.__code__.co_qualname.startswith(f"{value.__qualname__}.")
        if function is not None and own and function.__code__.co_filename != "<string>":
            yield function.__code__


def globals_of(value: Any) -> dict[str, Any] | None:
    """The namespace in which the code of a class or function looks its names up."""
    members = vars(value).values() if isinstance(value, type) else [value]
    for member in members:
        function = function_of(member)
        if function is not None and function.__module__ == value.__module__:
            return function.__globals__
    return None


def uses_future_annotations(value: Any) -> bool:
    """Whether `value` was defined under ``from __future__ import annotations``."""
    return any(code.co_flags & _FUTURE for code in codes_of(value))


def definition_key(value: type | types.FunctionType) -> Any:
    """Equal for classes or functions of equal source, in whatever text and wherever they stand."""
    source = find_definition(value, ()) if any(True for _ in codes_of(value)) else None
    if source is not None:
        return ast.dump(ast.parse(source))
    return [code_key(code)[1:] for code in codes_of(value)]


def code_key(code: types.CodeType) -> tuple[Any, ...]:
    """What a code object does, without the line where it stands: equal for equal source in equal context."""
    constants = tuple(
        code_key(const) if isinstance(const, types.CodeType) else (type(const).__name__, repr(const))
        for const in code.co_consts
    )
    counts = (code.co_argcount, code.co_kwonlyargcount, code.co_flags & ~inspect.CO_NESTED)
    return (code.co_code, code.co_name, code.co_names, code.co_varnames, code.co_freevars, counts, constants)
