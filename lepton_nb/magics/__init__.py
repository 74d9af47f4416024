"""The `%lepton` magic: one file a subcommand, each calling the public function of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ATTRIBUTE = "_lepton_extension"  # on the shell, so that a second `load` finds the first


def load(shell: InteractiveShell) -> None:
    """Register `%lepton`, its completion and its hover help. Does nothing where they are registered."""
    if getattr(shell, _ATTRIBUTE, None) is not None:
        return
    from lepton_nb.magics import inspection
    from lepton_nb.magics.completion import make_matcher
    from lepton_nb.magics.magic import LeptonMagics

    magics = LeptonMagics(shell)
    LeptonMagics.lepton.__doc__ = magics.parser.format_help()
    shell.register_magics(magics)
    matcher = make_matcher(magics)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(matcher)
    kernel = getattr(shell, "kernel", None)
    undo = inspection.install(kernel, magics) if kernel is not None else None
    setattr(shell, _ATTRIBUTE, (magics, matcher, undo))


def unload(shell: InteractiveShell) -> None:
    """Remove what `load` registered. Does nothing where nothing is."""
    registered: tuple[Any, Any, Any] | None = getattr(shell, _ATTRIBUTE, None)
    if registered is None:
        return
    magics, matcher, undo = registered
    if undo is not None:
        undo()
    if shell.Completer is not None and matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(matcher)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("lepton", None)
    shell.magics_manager.registry.pop(type(magics).__name__, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    setattr(shell, _ATTRIBUTE, None)
