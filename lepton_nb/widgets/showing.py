"""The functions that take long, as in `training`, which knows no screen: with progress shown."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from lepton_nb import training
from lepton_nb.runs import Run
from lepton_nb.widgets import progress_callbacks

if TYPE_CHECKING:
    from lepton_nb.training import Study

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
        here = progress_callbacks() if progress and not background else []
        run = function(*args, callbacks=[*here, *callbacks], background=background, **options)
        if here and "IPython" in sys.modules:
            from lepton_nb.widgets.display_hook import skip_next_display

            skip_next_display(run)
        return run

    signature = inspect.signature(function)
    before = [*signature.parameters.values()]
    place = list(signature.parameters).index("background")
    parameters = [*before[:place], _PROGRESS, *before[place:]]
    shown.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    shown.__doc__ = (function.__doc__ or "").replace(_BEFORE, _DOC + _BEFORE, 1)
    return shown


train = _shown(training.train)
resume = _shown(training.resume)


@wraps(training.tune)
def tune(*args: Any, progress: bool | Callable[[Study], None] = True, **options: Any) -> Study:
    """As `training.tune`, which is told where to show how far it is."""
    if callable(progress):
        return training.tune(*args, progress=progress, **options)
    from lepton_nb.widgets.study_progress import StudyProgress

    with StudyProgress(quiet=not progress) as shown:
        return training.tune(*args, progress=shown, **options)
