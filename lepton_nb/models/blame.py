"""The line of the user's own code in which something went wrong."""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
import types
from dataclasses import dataclass
from pathlib import Path

_OWN = str(Path(__file__).parents[1]) + os.sep
_LIBRARIES = tuple(
    {
        str(Path(path)) + os.sep
        for key, path in sysconfig.get_paths().items()
        if "lib" in key or "stdlib" in key
    }
)


@dataclass(frozen=True)
class CodeLine:
    """One line of a cell or file.

    Attributes:
        place: ``your cell``, ``cell 5`` or a file name.
        number: Line number, from 1.
        text: The line, without indentation.
    """

    place: str
    number: int
    text: str

    def __str__(self) -> str:
        where = f"{self.place}, line {self.number}"
        return f"{where}: `{self.text}`" if self.text else where


def line_of(error: BaseException) -> CodeLine | None:
    """The innermost line of the user's own code in the traceback of `error`."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if is_user_code(filename):
            found = (filename, trace.tb_lineno)
        trace = trace.tb_next
    return None if found is None else code_line(*found)


def user_line(frame: types.FrameType | None) -> CodeLine | None:
    """The innermost line of the user's own code on the stack, from `frame` outwards."""
    while frame is not None:
        if is_user_code(frame.f_code.co_filename):
            return code_line(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def is_user_code(filename: str) -> bool:
    """Whether a file is neither ours nor of an installed library."""
    if filename.startswith("<") and not filename.startswith(("<ipython-input", "<lepton_captured", "<stdin")):
        return False
    installed = "site-packages" in filename or "dist-packages" in filename
    return not installed and not filename.startswith((_OWN, *_LIBRARIES))


def code_line(filename: str, number: int) -> CodeLine:
    return CodeLine(place(filename), number, linecache.getline(filename, number).strip())


def place(filename: str) -> str:
    """What to call a file of code when speaking to its author."""
    numbered = re.match(r"<ipython-input-(\d+)-", filename)
    if numbered:
        return f"cell {numbered[1]}"
    if "ipykernel_" in filename or filename.startswith("<"):
        return "your cell"
    return Path(filename).name
