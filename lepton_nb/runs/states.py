"""What a run is doing: the one list of its states, and how each is told and shown.

The scripts of the panels get it as data, and `labextension/src/api/states.ts` is what `typescript` writes.
"""

from __future__ import annotations

import json
from typing import Literal, NamedTuple, get_args

from lepton_nb.show.colours import Kind

Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]


class State(NamedTuple):
    """A state as people see it.

    Attributes:
        word: What it is called.
        kind: How it looks.
        symbol: What it is told by where there are no pictures.
        active: Whether the run goes on by itself, or once it is told to.
    """

    word: str
    kind: Kind
    symbol: str
    active: bool = False


STATES: dict[Status, State] = {
    "queued": State("Queued", "queued", "◌", active=True),
    "running": State("Training", "live", "▶", active=True),
    "paused": State("Paused", "waiting", "‖", active=True),
    "finished": State("Finished", "good", "✓"),
    "stopped": State("Stopped", "off", "■"),
    "failed": State("Failed", "bad", "✗"),
    "interrupted": State("Interrupted", "bad", "!"),
}
STATUSES: tuple[Status, ...] = get_args(Status)
ACTIVE = tuple(status for status, state in STATES.items() if state.active)
PHASES = {
    **{str(status): state.word for status, state in STATES.items()},
    "starting": "Starting",
    "training": "Training",
    "validating": "Validating",
}
"""What a run that goes on is doing, as the panels tell it."""


def javascript() -> str:
    """The lists as constants of a script."""
    shown = {status: state._asdict() for status, state in STATES.items()}
    return "\n".join(
        f"const {name} = {json.dumps(value)};" for name, value in (("RUN_STATES", shown), ("PHASES", PHASES))
    )


def typescript() -> str:
    """The list as a module of the lab's."""
    lines = [
        f"  {status}: {{ word: '{state.word}', kind: '{state.kind}', active: {json.dumps(state.active)} }}"
        for status, state in STATES.items()
    ]
    return (
        "/** Written by `lepton_nb/runs/states.py`, in the order in which a list offers them. */\n"
        "export const RUN_STATES = {\n" + ",\n".join(lines) + "\n} as const;\n\n"
        "export type RunStatus = keyof typeof RUN_STATES;\n"
    )
