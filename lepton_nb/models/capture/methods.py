"""What a class was given after its definition: ``Net.forward = f``, ``@add_to_class(Net)``, ``Net.n = 8``.

It becomes part of the text of the class, as if it had been written there.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

from lepton_nb.models.capture.values import value_text

Find = Callable[[types.FunctionType], "str | None"]

_WRAPPERS: dict[type, str] = {
    staticmethod: "@staticmethod\n",
    classmethod: "@classmethod\n",
    property: "@property\n",
}


def with_additions(source: str, cls: type, find: Find) -> str | None:
    """The text of a class with all it has been given since; None where one of these has no text of its own.

    Args:
        source: The class as it was written.
        cls: The class as it is.
        find: Gives the text of a function.
    """
    written = ast.parse(source).body[0]
    assert isinstance(written, ast.ClassDef)
    added = [_method_text(name, member, cls, find) for name, member in _added_methods(written, cls)]
    if None in added:
        return None
    texts = [*(text for text in added if text is not None), *_added_values(written, cls)]
    if not texts:
        return source
    if written.body[0].lineno == written.lineno:  # class Net(nn.Module): pass
        source = ast.unparse(written)
    indent = " " * (ast.parse(source).body[0].body[0].col_offset)  # type: ignore[attr-defined]
    body = "\n\n".join(textwrap.indent(text.strip("\n"), indent) for text in texts)
    return f"{source.rstrip()}\n\n{body}\n"


def function_of(member: Any) -> types.FunctionType | None:
    """The function in a member of a class: a method, property, static method or decorated method."""
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    elif isinstance(member, property):
        member = member.fget
    elif isinstance(member, functools.cached_property):
        member = member.func
    if not callable(member) or isinstance(member, type):
        return None
    function = inspect.unwrap(member)
    return function if isinstance(function, types.FunctionType) else None


def _added_methods(written: ast.ClassDef, cls: type) -> Iterator[tuple[str, Any]]:
    bound = dict(_bindings(written.body))
    for name, member in vars(cls).items():
        function = function_of(member)
        if function is None or function.__code__.co_filename == "<string>":
            continue  # what @dataclass generates comes with its decorator
        if not _as_written(name, function, cls, bound.get(name), decorated=bool(written.decorator_list)):
            yield name, member


def _as_written(
    name: str, function: types.FunctionType, cls: type, node: ast.AST | None, *, decorated: bool
) -> bool:
    """Whether a method is what the text of its class makes it.

    Args:
        node: What binds the name in the text; None where nothing does.
        decorated: Whether the class itself is: its decorators may add methods each time.
    """
    wrapped = "<locals>" in function.__code__.co_qualname
    if node is None:
        return decorated and wrapped
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return True
    if function.__code__.co_qualname.startswith(f"{cls.__qualname__}."):
        return function.__name__ == name
    return bool(node.decorator_list)


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Each name that the body of a class binds, at any depth outside of its methods, and by what."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
            continue
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
        yield from _bindings(inner)
        for found in ast.walk(node):
            if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store):
                yield found.id, node


def _method_text(name: str, member: Any, cls: type, find: Find) -> str | None:
    function = function_of(member)
    assert function is not None
    code = function.__code__
    private = any(used.startswith("__") and not used.endswith("__") for used in _names(code))
    source = find(function)
    if source is None or code.co_freevars or private:  # inside a class these would mean something else
        return None
    node = ast.parse(source).body[0]
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    node.decorator_list, before = [], node.decorator_list
    named = _forget_class(node, cls.__name__)
    text = ast.unparse(node) if named or _has_long_text(node) else _from_line(source, node.lineno)
    kept = "" if function is member or type(member) not in _WRAPPERS else _WRAPPERS[type(member)]
    if isinstance(member, types.FunctionType) and member is not function and before:
        return None  # what a decorator with functools.wraps made of it
    return kept + re.sub(r"^(async\s+def|def)\s+\w+", rf"\1 {name}", text, count=1)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_varnames)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names(const)


def _forget_class(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Take out annotations that name the class (``self: Net``): within it, it does not exist yet."""
    changed = False
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg) and _mentions(argument.annotation, name):
            argument.annotation, changed = None, True
    if _mentions(node.returns, name):
        node.returns, changed = None, True
    return changed


def _mentions(node: ast.AST | None, name: str) -> bool:
    return node is not None and any(
        isinstance(found, ast.Name) and found.id == name for found in ast.walk(node)
    )


def _has_long_text(node: ast.AST) -> bool:
    """Whether a string goes over several lines: another indentation would change it."""
    return any(
        isinstance(found, (ast.Constant, ast.JoinedStr)) and found.lineno != found.end_lineno
        for found in ast.walk(node)
    )


def _from_line(source: str, number: int) -> str:
    return "\n".join(source.split("\n")[number - 1 :])


def _added_values(written: ast.ClassDef, cls: type) -> Iterator[str]:
    """Assignments of the plain class attributes that the text does not make, or makes otherwise."""
    bound = dict(_bindings(written.body))
    for name, value in vars(cls).items():
        text = None if name.startswith("__") else value_text(value)
        if text is None or (name in bound and not _is_other(bound[name], value)):
            continue
        yield f"{name} = {text}"


def _is_other(node: ast.AST, value: Any) -> bool:
    """Whether the text binds a plain value that is another one."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return False
    try:
        return bool(ast.literal_eval(node.value) != value)
    except (ValueError, TypeError, SyntaxError):
        return False
