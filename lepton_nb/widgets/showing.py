"""`lepton_nb.train` and `lepton_nb.resume`: as in `training`, which knows no screen, with progress shown."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from lepton_nb import training
from lepton_nb.runs import Run
from lepton_nb.widgets import progress_callbacks

_PROGRESS = inspect.Parameter("progress", inspect.Parameter.KEYWORD_ONLY, default=True, annotation="bool")
_DOC = "        progress: Show how far it is: a live panel in a notebook, a line an epoch elsewhere.\n"
_BEFORE = "        background: "


def _shown(function: Callable[..., Run]) -> Callable[..., Run]:
    """The function with an option `progress`, which tells its callbacks how to show what they hear."""

    @wraps(function)
    def shown(
        *args: Any,
        callbacks: Sequence[Any] = (),
        progress: bool = True,
        background: bool = False,
        **options: Any,
    ) -> Run:
        here = progress_callbacks(_shell()) if progress and not background else []
        return function(*args, callbacks=[*here, *callbacks], background=background, **options)

    signature = inspect.signature(function)
    before = [*signature.parameters.values()]
    place = list(signature.parameters).index("background")
    parameters = [*before[:place], _PROGRESS, *before[place:]]
    shown.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    shown.__doc__ = (function.__doc__ or "").replace(_BEFORE, _DOC + _BEFORE, 1)
    return shown


def _shell() -> Any:
    """IPython's shell, where this runs in one; a script need not load IPython to know that it does not."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


train = _shown(training.train)
resume = _shown(training.resume)
