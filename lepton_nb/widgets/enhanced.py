"""Static output that comes alive where there is a kernel: it is all that a saved notebook keeps.

The output is plain HTML in an element with an id. A widget without a view finds the element and takes its
place in the page, not in the notebook's file. So there is never a view whose model is gone, and a page that
is reloaded while the kernel lives comes alive again.

A widget that is displayed itself has a view, and `fallback` beside it for where its model is gone. The lab's
extension draws the fallback, with a place in it for the widget.
"""

from __future__ import annotations

from collections import deque
from typing import Any
from weakref import WeakValueDictionary

import anywidget
import traitlets
from IPython.display import display

from lepton_nb.widgets.messages import receive_while_busy
from lepton_nb.widgets.place import element_id

_KEPT = 12
_kept: deque[Enhanced] = deque()
_by_host: WeakValueDictionary[str, Enhanced] = WeakValueDictionary()


class Enhanced(anywidget.AnyWidget):
    """A widget whose script takes the place of static HTML.

    Attributes:
        host: The id of the element.
        fallback: What to display beside the view, by MIME type.
    """

    host = traitlets.Unicode().tag(sync=True)
    fallback: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        super().__init__(host=element_id(), **values)
        before = _by_host.pop(self.host, None)
        if before is not None:
            before.close()  # its cell was run again: two would fight for one element
        _by_host[self.host] = self
        self.fallback = {}
        receive_while_busy(self.comm)
        self.on_msg(self._answer)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        view, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return {**view, **self.fallback}, metadata

    def _answer(self, _: Any, content: Any, __: Any) -> None:
        """What the script asks. It may come on any thread; nothing is printed."""


def show_enhanced(widget: Enhanced, plain: str, static_html: str) -> None:
    """Display the static form of a widget, and its `fallback`; only the newest few widgets stay alive."""
    html = f'<div id="{widget.host}">{static_html}</div>'
    bundle = {"text/plain": plain, "text/html": html, **widget.fallback}
    display(bundle, raw=True)  # type: ignore[no-untyped-call]
    _kept.append(widget)
    while len(_kept) > _KEPT:
        _kept.popleft().close()
