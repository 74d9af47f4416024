"""How far a search is: its trials so far, which go when the result is shown."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from lepton_nb.runs.bundle import RUNS_MIME, runs_bundle
from lepton_nb.widgets.place import place_here

if TYPE_CHECKING:
    from lepton_nb.training import Study


class StudyProgress:
    """Called with the study before the first trial, and after every one.

    In a notebook it is one output, elsewhere a printed line a trial.

    Args:
        quiet: Show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._place = None if quiet else place_here()
        self._shown = False

    def __enter__(self) -> StudyProgress:
        return self

    def __call__(self, study: Study) -> None:
        self._shown = True
        if self._place is not None:
            self._place.show(_bundle(study))
        elif not self._quiet:
            print(_headline(study), flush=True)

    def __exit__(self, *_: object) -> None:
        if self._place is not None and self._shown:
            self._place.show({"text/plain": "", "text/html": ""})


def _headline(study: Study) -> str:
    return str(study).split("\n", 1)[0]


def _bundle(study: Study) -> dict[str, Any]:
    """The search so far: for the lab as a reference to its runs, which it finds in the store."""
    text = _headline(study)
    bar = (
        f'<progress max="{study.wanted}" value="{study.counted}" aria-label="trials done"'
        ' style="width: 220px; vertical-align: middle"></progress>'
    )
    runs = [trial.run for trial in study.ranked]
    return {
        "text/plain": text,
        "text/html": f"<div>{bar} &nbsp;{html.escape(text)}</div>",
        RUNS_MIME: runs_bundle(runs, title=text, study=study.name, wanted=study.wanted),
    }
