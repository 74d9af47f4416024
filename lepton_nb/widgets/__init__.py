"""Live panels in the notebook, and what stands in for them where there is none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lepton_nb.callbacks import Callback
    from lepton_nb.runs import Run

__all__ = ["attach", "progress_callbacks"]


def attach(run: Run | str) -> Run:
    """Show the live panel of a run that trains in another process, or what is left of one that has ended.

    The panel's buttons pause, resume and stop the run, or change its learning rate. Outside a notebook the
    run is printed as it is now.

    Args:
        run: The run, or its name.

    Raises:
        NotFoundError: If there is no such run.
    """
    from lepton_nb.runs import get_run
    from lepton_nb.widgets.place import place_here

    found = get_run(run) if isinstance(run, str) else run.refresh()
    place = place_here()
    if place is not None:
        from lepton_nb.widgets.attached import follow

        follow(found, place)
    else:
        print(found)
    return found


def progress_callbacks() -> list[Callback]:
    """How to show the progress of training: a panel in a notebook, a line in a terminal, else text."""
    if "IPython" in sys.modules or "marimo" in sys.modules:  # a script need not load them to know it is one
        from lepton_nb.widgets.place import place_here

        place = place_here()
        if place is not None:
            from lepton_nb.widgets.panel_callback import PanelCallback

            return [PanelCallback(place)]
    from lepton_nb.widgets.terminal import LineProgress, TerminalProgress

    return [TerminalProgress() if sys.stdout.isatty() else LineProgress()]
