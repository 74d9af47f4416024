"""Not showing again at the end of a cell what was shown while it ran."""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.getipython import get_ipython


def skip_next_display(value: Any) -> None:
    """Keep IPython from showing `value` a second time where the magic is the last line of its cell.

    Such a command shows what it did wherever it stands in a cell, also when its value is assigned.
    IPython puts its own hook back when the cell ends.
    """
    hook = getattr(get_ipython(), "displayhook", None)
    if hook is not None and (sys.displayhook is hook or isinstance(sys.displayhook, _SkipOnce)):
        sys.displayhook = _SkipOnce(hook, value)


class _SkipOnce:
    """A display hook that files one value under ``_`` without showing it, and passes on all others."""

    def __init__(self, hook: Any, value: Any) -> None:
        self._inner = hook
        self._value = value

    def __call__(self, result: Any) -> None:
        if result is self._value and result is not None:
            self._inner.update_user_ns(result)
            self._inner.fill_exec_result(result)
            sys.displayhook = self._inner
        else:
            self._inner(result)
