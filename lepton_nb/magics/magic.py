"""The `%lepton` magic: reads the line, runs one subcommand, shows what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class

from lepton_nb.errors import ArgumentError
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.context import Context, Memory
from lepton_nb.magics.mismatch import mismatch
from lepton_nb.magics.parser import HelpShown, split_line
from lepton_nb.magics.scope import calling_function
from lepton_nb.widgets.display_hook import skip_next_display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

CELL_COMMANDS = ("model", "service")


@magics_class
class LeptonMagics(Magics):
    """`%lepton` and `%%lepton`."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.parser = build_parser()
        self.memory = Memory()

    # The docstring, which `%lepton?` shows, is the parser's help: `load` puts it here.
    @line_cell_magic
    def lepton(self, line: str, cell: str | None = None) -> Any:
        assert self.shell is not None
        words, quiet = split_line(line)
        if not words:
            if cell is not None and cell.strip():
                raise ArgumentError("%%lepton needs a command.", "Write %%lepton model NAME.")
            self.parser.print_help()
            return None
        try:
            args = self.parser.parse_line(words)
        except HelpShown:
            return None
        if cell is not None and args.command not in CELL_COMMANDS:
            raise ArgumentError(
                f"%%lepton {args.command} takes no cell body; only %%lepton model and service do.",
                f"Write %lepton {args.command} with one %, on a line of its own.",
            )
        function = calling_function(self.shell.user_ns)
        context = Context(self.shell, self.memory, cell, function, quiet)
        try:
            value = args.run(context, args)
        except Exception as error:
            explained = mismatch(error)
            if explained is None:
                raise
            raise explained from error
        if not context.shown and value is not None:
            context.show(value)
        skip_next_display(value)
        return value
