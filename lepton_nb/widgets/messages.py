"""Receiving a widget's messages while a cell runs."""

from __future__ import annotations

from typing import Any


def receive_while_busy(comm: Any) -> None:
    """Let messages of this comm be handled on the subshell they were sent to.

    JupyterLab sends a widget's messages through a subshell, on a thread of its own, so that a click is
    heard while a cell runs. ipykernel 7.4 reroutes a message to the shell that last published on the comm,
    which is the busy one; the method that does so is replaced here where it exists.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default  # noqa: ARG005
