"""Running the body of a ``%%lepton`` cell the way IPython runs a cell, and finding the cells run so far."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def run_body(shell: InteractiveShell, body: str) -> None:
    """Execute `body` in the user's namespace.

    Its text is registered with IPython's compiler, so that tracebacks show its lines and its classes' source
    can be found. Its last expression is displayed, as a cell's is. Exceptions pass through.
    """
    __tracebackhide__ = "__ipython_bottom__"  # a traceback begins at the user's first line
    compiler: Any = shell.compile
    source = _transformed(shell, body)
    name = compiler.cache(source, shell.execution_count, raw_code=body)
    tree: Any = shell.transform_ast(compiler.ast_parse(source, filename=name))  # type: ignore[no-untyped-call]
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compiler(tree, name, "exec"), shell.user_global_ns, shell.user_ns)
    if last is not None:
        exec(compiler(ast.Interactive([last]), name, "single"), shell.user_global_ns, shell.user_ns)


def cells_so_far(shell: InteractiveShell) -> list[str]:
    """Python source of every cell of this session, oldest first; of a ``%%lepton`` cell its body."""
    history = shell.history_manager
    if history is None:
        return []
    cells = []
    for raw, parsed in zip(history.input_hist_raw, history.input_hist_parsed, strict=False):
        is_ours = raw.lstrip().startswith("%%lepton")
        cells.append(_transformed(shell, raw.lstrip().partition("\n")[2]) if is_ours else parsed)
    return cells


def _transformed(shell: InteractiveShell, text: str) -> str:
    """Plain Python for a cell's text: magics and shell lines as calls."""
    return str(shell.transform_cell(text))  # type: ignore[no-untyped-call]
