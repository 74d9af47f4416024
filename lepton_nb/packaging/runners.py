"""Running the graphs of a package, in whichever form: the parity checks and the service share these."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lepton_nb.packaging.manifest import Format
from lepton_nb.packaging.quiet import quiet
from lepton_nb.tasks.base import Arrays, Graph, Graphs, GraphSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def load_graphs(
    folder: Path, format_: Format, names: Iterable[str], *, threads: int = 0, device: str = "cpu"
) -> Graphs:
    """The graphs in a folder.

    Args:
        format_: ``onnx``, or ``pt2``, whose files can run code: only for those that this user's store made.
        threads: Threads for one operator of onnxruntime; 0 is one per core.
        device: Device for ``pt2``.
    """
    if format_ == "onnx":
        return {name: onnx_runner(folder / f"{name}.onnx", threads=threads) for name in names}
    return {name: program_runner(folder / f"{name}.pt2", device) for name in names}


def onnx_runner(path: Path, *, threads: int = 0) -> Graph:
    """A graph over onnxruntime on the CPU.

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

    def run(arrays: Arrays) -> Arrays:
        return tuple(session.run(None, dict(zip(names, arrays, strict=True))))

    return run


def program_runner(path: Path, device: str = "cpu") -> Graph:
    """A graph over a ``.pt2`` file. Loading one can run code: only for files this user's store made."""
    import torch
    from torch.export.passes import move_to_device_pass

    _register_operators(path)
    with quiet():
        program = torch.export.load(path)
        if device != "cpu":
            program = move_to_device_pass(program, device)
        module = program.module()
    return module_runner(module, torch.device(device))


def _register_operators(path: Path) -> None:
    """Import the library whose operators a program calls: torch alone does not know those of torchvision."""
    with zipfile.ZipFile(path) as archive:
        graphs = [archive.read(name) for name in archive.namelist() if name.endswith(".json")]
    if any(b"torchvision" in graph for graph in graphs):
        import torchvision  # noqa: F401


def module_runner(module: nn.Module, device: torch.device | None = None) -> Graph:
    """A graph over a torch module in evaluation mode, which gives one tensor or a tuple of them."""
    import torch

    # TorchScript keeps what it saw in inference mode.
    scripted = any(isinstance(part, torch.jit.ScriptModule) for part in module.modules())
    without_gradients = torch.no_grad if scripted else torch.inference_mode

    def run(arrays: Arrays) -> Arrays:
        with without_gradients():
            inputs = (torch.from_numpy(array) for array in arrays)
            output = module(*(tensor.to(device) if device else tensor for tensor in inputs))
        return tuple(map(_array, output if isinstance(output, tuple | list) else (output,)))

    return run


def module_runners(specs: Mapping[str, GraphSpec], device: torch.device | None = None) -> Graphs:
    """The graphs of a task as torch runs them."""
    return {
        name: module_runner(spec.module.to(device) if device else spec.module, device)
        for name, spec in specs.items()
    }


def _array(tensor: Tensor) -> np.ndarray:
    """Decimals as float32, which numpy knows; whole numbers as they are."""
    plain = tensor.float() if tensor.is_floating_point() else tensor
    return np.asarray(plain.cpu().numpy())
