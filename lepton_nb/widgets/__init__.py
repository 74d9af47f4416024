"""Live panels in the notebook, and what stands in for them where there is none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_nb.callbacks import Callback

__all__ = ["progress_callbacks"]


def progress_callbacks(shell: InteractiveShell) -> list[Callback]:
    """How to show the progress of training here: a panel in a kernel, a line in a terminal, else text."""
    if hasattr(shell, "kernel"):
        from lepton_nb.widgets.panel_callback import PanelCallback

        return [PanelCallback()]
    from lepton_nb.widgets.terminal import LineProgress, TerminalProgress

    return [TerminalProgress() if sys.stdout.isatty() else LineProgress()]
