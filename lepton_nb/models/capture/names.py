"""The names a piece of source takes from outside: at once when it runs, or later when it is called."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass

_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}


@dataclass(frozen=True)
class Needs:
    """Names in the order they appear.

    Attributes:
        now: Needed when the statement itself runs: base classes, decorators, defaults, class bodies.
        later: Needed only inside functions, when they are called.
    """

    now: tuple[str, ...]
    later: tuple[str, ...]

    @property
    def every(self) -> tuple[str, ...]:
        return self.now + tuple(name for name in self.later if name not in self.now)


def needs_of(source: str) -> Needs:
    """The global names that `source` refers to without defining them itself."""
    now: set[str] = set()
    later: set[str] = set()
    _collect(symtable.symtable(source, "<source>", "exec"), now, later)
    order = {
        name: index
        for index, name in enumerate(
            dict.fromkeys(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
        )
    }

    def sort(names: set[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=lambda name: (order.get(name, len(order)), name)))

    return Needs(sort(now), sort(later - now))


def _collect(table: symtable.SymbolTable, now: set[str], later: set[str], *, called: bool = False) -> None:
    module = table.get_type() == "module"
    for symbol in table.get_symbols():
        outside = symbol.is_referenced() and (not symbol.is_assigned() if module else symbol.is_global())
        if outside and not (module and (symbol.is_imported() or symbol.is_namespace())):
            (later if called else now).add(symbol.get_name())
    for child in table.get_children():
        function = child.get_type() not in ("class", "module") and child.get_name() not in _COMPREHENSIONS
        _collect(child, now, later, called=called or function)
    if module:
        own = {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_assigned() or symbol.is_namespace()
        }
        now -= own
        later -= own
