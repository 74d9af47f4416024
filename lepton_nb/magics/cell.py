"""Running the body of a ``%%lepton`` cell the way IPython runs a cell, and finding the cells run so far."""

from __future__ import annotations

import ast
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import LeptonError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class CellSyntaxError(LeptonError):
    """The body of a ``%%lepton`` cell is not Python."""

    def __init__(self, lines: list[str], message: str) -> None:
        super().__init__(message)
        self._lines = lines

    def _render_traceback_(self) -> list[str]:
        return self._lines


def run_body(shell: InteractiveShell, body: str) -> None:
    """Execute `body` in the user's namespace.

    Its text is registered with IPython's compiler, so that tracebacks show its lines and its classes' source
    can be found. Its last expression is displayed, as a cell's is. Exceptions pass through, and are shown
    from the user's first line on.

    Raises:
        CellSyntaxError: If it is not Python; it is shown as IPython shows a cell's syntax error.
    """
    compiler: Any = shell.compile
    source = "\n" + _transformed(shell, body)  # the magic's own line, so that line numbers are the cell's
    name = compiler.cache(source, _number(shell), raw_code=body)
    try:
        tree: Any = shell.transform_ast(compiler.ast_parse(source, filename=name))  # type: ignore[no-untyped-call]
    except SyntaxError as error:
        lines = shell.SyntaxTB.structured_traceback(type(error), error, None)
        raise CellSyntaxError(lines, str(error)) from None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        exec(compiler(tree, name, "exec"), shell.user_global_ns, shell.user_ns)
        if last is not None:
            exec(compiler(ast.Interactive([last]), name, "single"), shell.user_global_ns, shell.user_ns)
    except Exception as error:
        _show_from(shell, error, name)
        raise


def cells_so_far(shell: InteractiveShell) -> list[str]:
    """Python source of every cell of this session by its number; of a ``%%lepton`` cell its body.

    Line numbers are the cell's: an empty line stands for the magic's own.
    """
    history = shell.history_manager
    if history is None:
        return []
    cells = []
    for raw, parsed in zip(history.input_hist_raw, history.input_hist_parsed, strict=False):
        is_ours = raw.lstrip().startswith("%%lepton")
        body = "\n" + _transformed(shell, raw.lstrip().partition("\n")[2]) if is_ours else parsed
        cells.append(body)
    return cells


def cells_with(shell: InteractiveShell, body: str) -> list[str]:
    """`cells_so_far`, and the running ``%%lepton`` cell of this `body` where no history is kept (nbval)."""
    number = _number(shell)
    cells = [*cells_so_far(shell), *[""] * number][: number + 1]
    return [*cells[:number], "\n" + _transformed(shell, body), *cells[number + 1 :]]


def _transformed(shell: InteractiveShell, text: str) -> str:
    """Plain Python for a cell's text: magics and shell lines as calls."""
    return str(shell.transform_cell(text))  # type: ignore[no-untyped-call]


def _number(shell: InteractiveShell) -> int:
    """The number of the cell that is running; IPython 9 counts up before the cell, IPython 8 after it."""
    history = shell.history_manager
    return shell.execution_count if history is None else max(1, len(history.input_hist_raw) - 1)


def _show_from(shell: InteractiveShell, error: Exception, filename: str) -> None:
    """Have IPython show the error's traceback without the frames that led to the file."""
    if hasattr(error, "_render_traceback_"):
        return
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    if trace is not None:
        show = shell.InteractiveTB.structured_traceback
        error._render_traceback_ = lambda: show(type(error), error, trace, tb_offset=0)  # type: ignore[attr-defined]
