"""Everything a class, function or expression of the notebook needs, as one readable source.

Functions, constants, base classes and imports may come from other cells, or from files beside the notebook.
What cannot be captured is named, with the reason.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lepton_nb.models.capture.cells import assigned_names, statements
from lepton_nb.models.capture.finding import find_definition, uses_future_annotations
from lepton_nb.models.capture.imports import (
    Import,
    dotted_imports,
    find_import,
    is_installed,
    render_imports,
    requirements_of,
)
from lepton_nb.models.capture.methods import function_of
from lepton_nb.models.capture.names import Needs, needs_of
from lepton_nb.models.capture.ordering import Item, join_source, ordered
from lepton_nb.models.capture.risks import risky_call
from lepton_nb.models.capture.shell import is_builtin, is_shells, why_not
from lepton_nb.models.capture.values import value_text


@dataclass(frozen=True)
class Scope:
    """Where names are looked up: the notebook, or a file beside it.

    Attributes:
        namespace: The live values.
        cells: The texts that made them, in the order they ran.
        package: The package of a file, for its relative imports.
    """

    namespace: dict[str, Any]
    cells: tuple[str, ...]
    package: str | None = None


@dataclass(frozen=True)
class Capture:
    """Captured source.

    Attributes:
        source: Imports, constants and definitions, each before its first use.
        requirements: Distributions it imports, as ``name==version``.
        missing: Each name that could not be captured, and why.
        rerun: Values that came from a statement and not as a literal: to compare when it has run again.
        items: The captured statements by name, in their order.
        imports: What it imports.
        values: The live value of every captured name.
        unshipped: The names of `missing`.
        data: Values that a rule wants shipped as they are; the source does not define them.
        undefined: Names that neither the notebook nor Python has, perhaps of a branch that has never run.
    """

    source: str
    requirements: list[str]
    missing: list[str]
    rerun: dict[str, Any]
    items: dict[str, Item] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    unshipped: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()


class Rule:
    """What a caller of `capture` does with values that are not plain; by default nothing special."""

    def ships(self, value: Any) -> bool:  # noqa: ARG002
        """Whether the value goes along as data, beside the source."""
        return False

    def refuses(self, value: Any) -> str:  # noqa: ARG002
        """Why the value must not be captured; empty where it may be."""
        return ""


@dataclass
class _Collector:
    rule: Rule
    items: dict[str, Item] = field(default_factory=dict)
    imports: set[Import] = field(default_factory=set)
    values: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    rerun: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    undefined: dict[str, None] = field(default_factory=dict)
    future: bool = False

    def visit(self, name: str, scope: Scope) -> None:
        """Capture what `name` means in `scope`, and everything that needs."""
        if is_shells(name, scope):
            if reason := why_not(name):
                self.miss(name, scope.namespace.get(name, getattr(builtins, name, None)), reason)
            return
        if name not in scope.namespace:
            if not is_builtin(name):
                self.undefined[name] = None
            return
        value = scope.namespace[name]
        if name in self.values:
            if self.values[name] is not value and not _equal_text(self.values[name], value):
                self.miss(name, value, "two different things have this name")
            return
        self.values[name] = value
        if self._import(name, value, scope):
            return
        if isinstance(value, (type, types.FunctionType)):
            self._define(name, value, scope)
            return
        text = value_text(value)
        if text is not None:
            self.add(name, f"{name} = {text}\n", _LIBRARIES)
        elif refusal := self.rule.refuses(value):
            self.miss(name, value, refusal)
        elif self.rule.ships(value):
            self.data[name] = value
        else:
            self._rerun(name, value, scope)

    def add(self, name: str, text: str, scope: Scope, *, local: frozenset[str] = frozenset()) -> None:
        """Add a statement under `name`, after what it needs in `scope`. `local` names are its own."""
        needs = needs_of(text)
        self.items[name] = Item(text, needs)
        for needed in needs.every:
            known = needed in scope.namespace
            if needed != name and needed not in local and (known or not is_builtin(needed)):
                self.visit(needed, scope)

    def miss(self, name: str, value: Any, reason: str) -> None:
        kind = "module" if isinstance(value, types.ModuleType) else type(value).__name__
        self.missing[name] = f"`{name}` ({kind}): {reason}"

    def _import(self, name: str, value: Any, scope: Scope) -> bool:
        found = find_import(name, value, scope.cells, scope.package)
        if isinstance(value, types.ModuleType):
            if not is_installed(value.__name__):
                file = Path(getattr(value, "__file__", None) or value.__name__).name
                self.miss(
                    name, value, f"a file of yours, {file}; import its names: from {value.__name__} import …"
                )
                return True
            assert found is not None
            self.imports.add(found)
            self.imports.update(dotted_imports(name, scope.cells))
            return True
        if found is None:
            return False
        self.imports.add(found)
        return True

    def _define(self, name: str, value: Any, scope: Scope) -> None:
        """Capture a class or function that is not of an installed library."""
        own = scope_of(value, scope)
        if "<locals>" in value.__qualname__ or value.__name__ == "<lambda>":
            self._rerun(name, value, own)  # made by a function, a decorator or an expression
            return
        if name != value.__name__:
            own = Scope({**own.namespace, value.__name__: value}, own.cells, own.package)
            self.visit(value.__name__, own)
            self.items[name] = Item(f"{name} = {value.__name__}\n", Needs((value.__name__,), ()))
            return
        own = _with_globals_of_methods(value, own, scope)
        source = find_definition(value, own.cells)
        if source is None:
            self.miss(name, value, _why_not_found(value))
            return
        self.future = self.future or uses_future_annotations(value)
        self.add(name, source, own)

    def _rerun(self, name: str, value: Any, scope: Scope) -> None:
        """Capture a value that is not plain by the one statement that made it."""
        made = [found for found in statements(scope.cells) if name in assigned_names(found.node)]
        if not made:
            self.miss(name, value, _why_not_found(value))
            return
        newest = made[-1]
        if len({found.text for found in made}) > 1 or not isinstance(newest.node, _BINDING):
            self.miss(name, value, "it is made in more than one step")
        elif (risk := risky_call(newest.node)) is not None:
            self.miss(name, value, f"it is made by {risk}(…), which is not run again")
        else:
            self.rerun[name] = value
            self.add(name, newest.text + "\n", scope)

    def result(self) -> Capture:
        future = "from __future__ import annotations" if self.future else ""
        items = [self.items[name] for name in ordered(self.items)]
        source = join_source([future, render_imports(self.imports)], items)
        return Capture(
            source,
            requirements_of(self.imports),
            list(self.missing.values()),
            dict(self.rerun),
            {name: self.items[name] for name in ordered(self.items)},
            tuple(sorted(self.imports, key=str)),
            dict(self.values),
            dict(self.missing),
            dict(self.data),
            tuple(name for name in self.undefined if name not in self.values),
        )


_BINDING = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

# What the text of a value may name, see `value_text`.
_LIBRARIES = Scope({"torch": torch, "np": np}, ())


def capture(
    roots: Sequence[str],
    scope: Scope,
    last: tuple[str, str, frozenset[str]] | None = None,
    rule: Rule | None = None,
) -> Capture:
    """Capture the named things of `scope` and all they need.

    Args:
        roots: Names to capture.
        last: A statement to add after them, as (name, text, its own local names).
        rule: What to do with values that are not plain.
    """
    collector = _Collector(rule or Rule())
    for root in roots:
        collector.visit(root, scope)
    if last is not None:
        name, text, local = last
        collector.add(name, text, scope, local=local)
    return collector.result()


def scope_of(value: Any, default: Scope) -> Scope:
    """The scope in which a class or function looks its names up."""
    module = getattr(value, "__module__", None)
    if module in (None, "__main__", default.namespace.get("__name__")):
        return default
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if loaded is None or file is None:
        return default
    text = "".join(linecache.getlines(file))
    return Scope(vars(loaded), (text,), getattr(loaded, "__package__", None))


def _with_globals_of_methods(value: Any, own: Scope, default: Scope) -> Scope:
    """The scope of a class, with those of the functions from elsewhere that it was given as methods."""
    functions = [function_of(member) for member in vars(value).values()] if isinstance(value, type) else []
    modules = {f.__module__: f for f in functions if f is not None and f.__module__ != value.__module__}
    for module, function in modules.items():
        if not is_installed(module):
            other = scope_of(function, default)
            own = Scope({**other.namespace, **own.namespace}, (*other.cells, *own.cells), own.package)
    return own


def _equal_text(ours: Any, theirs: Any) -> bool:
    text = value_text(ours)
    return text is not None and text == value_text(theirs)


def _why_not_found(value: Any) -> str:
    if not isinstance(value, (type, types.FunctionType)):
        return "no cell was found that makes it"
    if "<locals>" in value.__qualname__:
        return f"defined inside {value.__qualname__.partition('.')[0]}(); give that function instead"
    module = sys.modules.get(value.__module__)
    file = getattr(module, "__file__", None)
    if file and value.__module__ != "__main__":
        return f"not found as it runs in {Path(file).name}; was the file edited after its import?"
    return "no cell was found that defines it"
