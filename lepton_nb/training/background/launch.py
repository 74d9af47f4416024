"""Starting the process that trains a run in the background."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import psutil
import torch

from lepton_nb.errors import TrainingError
from lepton_nb.runs import Run, queue
from lepton_nb.runs.process import child_environment, started
from lepton_nb.training.background.cargo import Cargo

_STARTED: list[subprocess.Popen[bytes]] = []
"""Processes started here, to be reaped; they go on without this one."""


def launch(run: Run, cargo: Cargo, device: torch.device, *, resume: bool = False) -> Run:
    """Queue a run for its device, and start the process that waits, trains and records it.

    The process has a session of its own: it outlives this kernel, its restart and the browser. What it prints
    goes to the run's log.

    Args:
        run: Made, and not being trained.
        cargo: What it needs; its file is closed here.
        device: What to wait for.
        resume: Whether to go on from the last checkpoint.

    Raises:
        TrainingError: If no process can be started.
    """
    _reap()
    before = run.status
    queue.enqueue(run, device_key(device))
    log = os.open(run.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    command = [sys.executable, "-m", "lepton_nb.training.background", run.id, str(cargo.file.fileno())]
    try:
        process = subprocess.Popen(
            command + (["--resume"] if resume else []),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child_environment(LEPTON_HOME=str(run.store.root)),
            pass_fds=[cargo.file.fileno()],
            start_new_session=True,
        )
    except OSError as error:
        queue.leave(run)
        reason = f"The process to train in cannot be started: {error.strerror}."
        run.append_log(reason)
        run.set_status(before if resume and before != "interrupted" else "failed", error=reason)
        raise TrainingError(reason, "Train in this notebook: leave --background out.") from None
    finally:
        os.close(log)
        cargo.file.close()
    _STARTED.append(process)
    with suppress(psutil.NoSuchProcess):  # it has ended already, and said so in the store
        queue.claim(run, process.pid, started(process.pid))
    run.write_json("background.json", cargo.report.to_dict())
    run.live["capture"] = cargo.report
    return run


def device_key(device: torch.device) -> str:
    """What a queue is for: the very card, whatever number it has in this process."""
    if device.type != "cuda":
        return str(device)
    return f"cuda {torch.cuda.get_device_properties(device).uuid}"


def _reap() -> None:
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]
