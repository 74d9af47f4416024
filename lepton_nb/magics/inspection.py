"""Shift-Tab on a `%lepton` line: what the command or the option under the cursor means."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lepton_nb.magics.completion import magic_line
from lepton_nb.magics.describe import help_at

if TYPE_CHECKING:
    from lepton_nb.magics.magic import LeptonMagics


def install(kernel: Any, magics: LeptonMagics) -> Callable[[], None]:
    """Answer a kernel's inspect requests on `%lepton` lines, and leave it all others.

    IPython's own inspector only gets one Python name, never the line it stands in.

    Returns:
        What undoes it.
    """
    original = kernel.do_inspect

    async def do_inspect(code: str, cursor_pos: int, *args: Any, **kwargs: Any) -> Any:
        text = inspect_line(magics, code, cursor_pos)
        if text is not None:
            return {"status": "ok", "found": True, "data": {"text/plain": text}, "metadata": {}}
        answer = original(code, cursor_pos, *args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    kernel.do_inspect = do_inspect

    def undo() -> None:
        if kernel.__dict__.get("do_inspect") is do_inspect:
            del kernel.do_inspect

    return undo


def inspect_line(magics: LeptonMagics, code: str, cursor: int) -> str | None:
    """The help for the place of the cursor; None where it is on no `%lepton` line."""
    start = code.rfind("\n", 0, cursor) + 1
    end = code.find("\n", cursor)
    line = code[start : end if end >= 0 else len(code)]
    if start and code.lstrip().startswith("%%lepton") and not line.lstrip().startswith("%lepton"):
        return None
    rest = magic_line(line)
    if rest is None:
        return None
    begins = len(line) - len(rest)
    return help_at(magics.parser, rest, max(0, cursor - start - begins))
