"""Calls that a rebuild must not repeat: they read files, take hours, or change things outside."""

from __future__ import annotations

import ast

_CALLS = {
    "Popen",
    "backward",
    "deploy",
    "exec",
    "fit",
    "from_file",
    "from_pretrained",
    "input",
    "load",
    "open",
    "run",
    "step",
    "system",
    "train_model",
    "urlopen",
    "urlretrieve",
}
_PREFIXES = ("download", "load_", "read_", "save", "train_")


def risky_call(node: ast.AST) -> str | None:
    """The first call in `node` that is better not repeated, as it is written; None where there is none."""
    for found in ast.walk(node):
        if isinstance(found, ast.Call):
            name = getattr(found.func, "attr", getattr(found.func, "id", ""))
            if name in _CALLS or name.startswith(_PREFIXES):
                return ast.unparse(found.func)
    return None
