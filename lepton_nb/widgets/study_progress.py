"""How far a search is: a line that moves on with every trial, and goes when the result is shown."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from IPython.display import display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_nb.training import Study


class StudyProgress:
    """Called with the study after every trial.

    Args:
        shell: Where to show it: in a kernel as one output, elsewhere as a printed line a trial.
        quiet: Show nothing.
    """

    def __init__(self, shell: InteractiveShell, *, quiet: bool) -> None:
        self._in_kernel = hasattr(shell, "kernel")
        self._quiet = quiet
        self._handle: Any = None

    def __enter__(self) -> StudyProgress:
        self._show("Search: the first trial is training …", 0.0)
        return self

    def __call__(self, study: Study) -> None:
        self._show(str(study).split("\n", 1)[0], study.counted / study.wanted)

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": "", "text/html": ""}, raw=True)

    def _show(self, text: str, share: float) -> None:
        if self._quiet:
            return
        if not self._in_kernel:
            print(text, flush=True)
            return
        bar = (
            f'<progress max="1" value="{share:.3f}" style="width: 220px; vertical-align: middle"></progress>'
        )
        bundle = {"text/plain": text, "text/html": f"<div>{bar} &nbsp;{html.escape(text)}</div>"}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)
