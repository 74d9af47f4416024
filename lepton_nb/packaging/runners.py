"""Running one batch, whichever form the model is in: the parity checks and the service share these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lepton_nb.packaging.quiet import quiet

if TYPE_CHECKING:
    import torch
    from torch import nn

Runner = Callable[[tuple[np.ndarray, ...]], np.ndarray]
"""Runs one batch: inputs in the order of the signature, each ``(N, *shape)``, to the output ``(N, ...)``."""


def onnx_runner(path: Path, *, threads: int = 0) -> Runner:
    """A runner over onnxruntime on the CPU.

    Args:
        threads: Threads for one operator; 0 is one per core.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # failures come as exceptions; the text would go to the cell or the log
    options.intra_op_num_threads = threads
    # A spinning pool would take the core that reads the next requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]

    def run(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
        output: np.ndarray = session.run(None, dict(zip(names, arrays, strict=True)))[0]
        return output

    return run


def program_runner(path: Path, device: str = "cpu") -> Runner:
    """A runner over a ``.pt2`` file. Loading one can run code: only for files this user's store made."""
    import torch
    from torch.export.passes import move_to_device_pass

    with quiet():
        program = torch.export.load(path)
        if device != "cpu":
            program = move_to_device_pass(program, device)
        module = program.module()
    return module_runner(module, torch.device(device))


def module_runner(module: nn.Module, device: torch.device | None = None) -> Runner:
    """A runner over a torch module in evaluation mode."""
    import torch

    def run(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
        with torch.inference_mode():
            inputs = (torch.from_numpy(array) for array in arrays)
            output = module(*(tensor.to(device) if device else tensor for tensor in inputs))
        return np.asarray(output.float().cpu().numpy())

    return run
