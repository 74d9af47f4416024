"""What a subcommand works with: the shell, the cell's body, and the runs trained here."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType
from typing import TYPE_CHECKING, Any

from IPython.display import display

from lepton_nb.magics.scope import is_its_variable, visible

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_nb.runs import Run
    from lepton_nb.widgets.service_view import ServiceView


@dataclass
class Memory:
    """What this kernel keeps from one line to the next.

    Attributes:
        runs: Runs trained or resumed here, by id: they hold their model and data.
        views: Live views of services, by the service's name.
        beside: By the name of a data set that is no variable's: the user's variable that has the name, and
            the data.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    views: dict[str, ServiceView] = field(default_factory=dict)
    beside: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass
class Context:
    """One line of `%lepton`.

    Attributes:
        cell: The body of a ``%%lepton`` cell; None for a line.
        function: Where the line stands in a running function; None in a cell.
        quiet: Whether the line ended in a semicolon: nothing is shown, the value is still returned.
        shown: Whether the subcommand has shown its result itself.
    """

    shell: InteractiveShell
    memory: Memory = field(default_factory=Memory)
    cell: str | None = None
    function: FrameType | None = None
    quiet: bool = False
    shown: bool = False

    @property
    def notebook(self) -> dict[str, Any]:
        """The notebook's variables, as they are from now on."""
        namespace: dict[str, Any] = self.shell.user_ns
        return namespace

    @cached_property
    def namespace(self) -> dict[str, Any]:
        """The variables that the line sees: the notebook's, and over them the function's it stands in."""
        return self.notebook if self.function is None else visible(self.function, self.notebook)

    @property
    def _scope(self) -> MutableMapping[str, Any]:
        return self.notebook if self.function is None else self.function.f_locals

    def is_taken(self, name: str, kind: type) -> bool:
        """Whether the user has a variable of that name that is not of this kind, which only we make."""
        return name in self._scope and not isinstance(self._scope[name], kind)

    def bind(self, name: str, value: Any) -> None:
        """Make `value` a variable of the user's, as an assignment would where the line stands.

        Nobody can give a running function a new variable; later `%lepton` lines of it find the value.
        """
        if self.function is None:
            self.shell.push({name: value}, interactive=True)  # type: ignore[no-untyped-call]
            return
        self._scope[name] = value
        if not is_its_variable(name, self.function):
            self.say(f"In this function only %lepton lines see {name!r}; for Python: {name} = %lepton …")

    def say(self, text: str) -> None:
        """Print a line."""
        if not self.quiet:
            print(text)

    def show(self, value: Any) -> None:
        """Display `value` here and now, instead of after the subcommand."""
        if not self.quiet:
            display(value)  # type: ignore[no-untyped-call]
        self.shown = True
