"""Import statements of captured source: which names come from installed libraries, and which libraries."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lepton_nb.models.blame import is_user_code
from lepton_nb.models.capture.cells import statements_of


@dataclass(frozen=True, order=True)
class Import:
    """``import module as name``, or ``from module import attribute as name``."""

    module: str
    attribute: str | None
    name: str

    def value(self) -> Any:
        """What it binds, among the modules that are loaded; None where it does not resolve."""
        module = sys.modules.get(self.module)
        if self.attribute is not None:
            return getattr(module, self.attribute, sys.modules.get(f"{self.module}.{self.attribute}"))
        if self.name == self.module.partition(".")[0]:
            return sys.modules.get(self.name)
        return module


def is_installed(module: str | None) -> bool:
    """Whether a module belongs to Python or to an installed distribution, not to the user's own files."""
    if not module or module == "__main__":
        return False
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    return loaded is not None and (file is None or not is_user_code(file))


def find_import(name: str, value: Any, cells: Sequence[str], package: str | None) -> Import | None:
    """The import that gives `value` its name: the user's own statement, else one that works."""
    for found in reversed(_imports(cells, package)):
        if found.name == name and found.value() is value and is_installed(found.module):
            return found
    if isinstance(value, types.ModuleType):
        module = value.__name__
        # `import a.b` binds a: a submodule under its own name needs the other form.
        parent, _, last = module.rpartition(".")
        return Import(parent, last, name) if parent and last == name else Import(module, None, name)
    home, attribute = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(home, str) and isinstance(attribute, str) and is_installed(home):
        found = Import(home, attribute, name)
        return found if found.value() is value else None
    return None


def dotted_imports(name: str, cells: Sequence[str]) -> list[Import]:
    """The user's ``import a.b.c`` statements that bind `name`: each loads a submodule of it."""
    return [
        found
        for found in _imports(cells, None)
        if found.name == name and "." in found.module and not found.attribute
    ]


def _imports(cells: Sequence[str], package: str | None) -> list[Import]:
    return [found for cell in cells for found in _imports_of(cell, package)]


@lru_cache(maxsize=1024)
def _imports_of(cell: str, package: str | None) -> tuple[Import, ...]:
    """The imports of one cell, also those inside its functions."""
    nodes = [node for statement in statements_of(cell) for node in ast.walk(statement.node)]
    return tuple(found for node in nodes for found in _aliases(node, package))


def _aliases(node: ast.AST, package: str | None) -> list[Import]:
    if isinstance(node, ast.Import):
        return [
            Import(alias.name, None, alias.asname or alias.name.partition(".")[0]) for alias in node.names
        ]
    if not isinstance(node, ast.ImportFrom):
        return []
    module = node.module or ""
    if node.level:
        if not package:
            return []
        module = importlib.util.resolve_name("." * node.level + module, package)
    return [Import(module, alias.name, alias.asname or alias.name) for alias in node.names]


def render_imports(imports: Iterable[Import]) -> str:
    """The statements, sorted: plain imports first, then one ``from`` line a module."""
    plain, grouped = [], {}  # type: ignore[var-annotated]
    for found in sorted(imports, key=lambda found: (found.module, found.attribute or "", found.name)):
        if found.attribute is None:
            alias = "" if found.name == found.module.partition(".")[0] else f" as {found.name}"
            plain.append(f"import {found.module}{alias}")
        else:
            alias = "" if found.name == found.attribute else f" as {found.name}"
            grouped.setdefault(found.module, []).append(found.attribute + alias)
    lines = [*plain, *(f"from {module} import {', '.join(names)}" for module, names in grouped.items())]
    return "\n".join(lines)


def requirements_of(imports: Iterable[Import]) -> list[str]:
    """The distributions behind the imports, as ``name==version``, without the standard library."""
    tops = {found.module.partition(".")[0] for found in imports} - set(sys.stdlib_module_names)
    names = {name for top in tops for name in _distributions().get(top, [])[:1]}
    return sorted(f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in names)


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())
