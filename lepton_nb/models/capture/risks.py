"""Calls that a rebuild must not repeat: they read files, take hours, or change things outside."""

from __future__ import annotations

import ast

from lepton_nb.models.capture.names import needs_of

_FUNCTIONS = {"exec", "input", "open"}
_METHODS = {
    "Popen",
    "backward",
    "fit",
    "from_file",
    "from_pretrained",
    "load",
    "load_state_dict",
    "load_state_dict_from_url",
    "step",
    "system",
    "urlopen",
    "urlretrieve",
}
_PREFIXES = ("download", "read_", "save", "train_")


def risky_call(node: ast.AST) -> str | None:
    """The first call in `node` that is better not repeated, as it is written; None where there is none."""
    for found in ast.walk(node):
        if not isinstance(found, ast.Call):
            continue
        method = isinstance(found.func, ast.Attribute)
        name = getattr(found.func, "attr", getattr(found.func, "id", ""))
        if name in (_METHODS if method else _FUNCTIONS) or name.startswith(_PREFIXES):
            return ast.unparse(found.func)
    return None


def risk_of_building(expression: str, source: str) -> str | None:
    """The first risky call in an expression, or in the functions of `source` that it calls."""
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    pending, seen = [expression], set()
    while pending:
        text = pending.pop()
        risk = risky_call(ast.parse(text))
        if risk is not None:
            return risk
        called = [name for name in needs_of(text).every if name in functions and name not in seen]
        seen.update(called)
        pending += [ast.unparse(functions[name]) for name in called]
    return None
