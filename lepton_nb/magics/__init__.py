"""The `%lepton` magic: one file a subcommand, each calling the public function of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ATTRIBUTE = "_lepton_extension"  # on the shell, so that a second `load` finds the first


def load(shell: InteractiveShell) -> None:
    """Register `%lepton`, its completion and its hover help. Does nothing where they are registered.

    Raises:
        MismatchError: If packages in memory do not fit those that are installed.
    """
    if getattr(shell, _ATTRIBUTE, None) is not None:
        return
    from lepton_nb.magics.mismatch import mismatch

    try:
        _register(shell)
    except ImportError as error:
        raise mismatch(error) or error from error


def _register(shell: InteractiveShell) -> None:
    from lepton_nb.magics import completion, inspection
    from lepton_nb.magics.magic import LeptonMagics

    magics = LeptonMagics(shell)
    LeptonMagics.lepton.__doc__ = magics.parser.format_help()
    shell.register_magics(magics)
    undo = [completion.install(shell, magics)]
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        undo.append(inspection.install(kernel, magics))
    setattr(shell, _ATTRIBUTE, (magics, undo))


def unload(shell: InteractiveShell) -> None:
    """Remove what `load` registered. Does nothing where nothing is."""
    registered: tuple[Any, list[Callable[[], None]]] | None = getattr(shell, _ATTRIBUTE, None)
    if registered is None:
        return
    magics, undo = registered
    for step in undo:
        step()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("lepton", None)
    shell.magics_manager.registry.pop(type(magics).__name__, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    setattr(shell, _ATTRIBUTE, None)
