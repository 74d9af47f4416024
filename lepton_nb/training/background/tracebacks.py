"""The traceback of what ends a run in the background, in its log: nobody else is there to see it."""

from __future__ import annotations

import sys
import traceback

from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.errors import LeptonError


class TracebackLog(Callback):
    """Logs the traceback while the store still says that the run trains."""

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        log_traceback(error)


def log_traceback(error: BaseException) -> None:
    """Print it where this process's output goes, the run's log. An error of ours says all in its message."""
    if not isinstance(error, LeptonError | KeyboardInterrupt):
        traceback.print_exception(error, file=sys.stderr)
        sys.stderr.flush()
