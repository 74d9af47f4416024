"""Packing a run's model, data and the rest by value, and unpacking them in the process that trains.

cloudpickle carries them once, between two processes of the same versions, in a file without a name: it is
gone when both have closed it, however they end, and nothing pickled is ever left on disk. What a run keeps on
disk is readable source, JSON and safetensors.

Classes and functions of the notebook and of files beside it travel as the code they are now, so that editing
them later changes nothing. Tensors arrive on the CPU.
"""

from __future__ import annotations

import linecache
import os
import pickle
import sys
import tempfile
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import IO, Any

import cloudpickle
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from lepton_nb.data import DataBundle
from lepton_nb.errors import TrainingError
from lepton_nb.models.blame import is_user_code
from lepton_nb.models.capture import is_installed
from lepton_nb.models.losses import own_name
from lepton_nb.runs import home
from lepton_nb.runs.home import explain
from lepton_nb.training.background.blame import cannot_travel
from lepton_nb.training.background.report import CargoItem, CargoReport
from lepton_nb.training.plan import Plan


@dataclass
class Cargo:
    """Everything a run needs, packed.

    Attributes:
        file: An open file without a name, at its start.
        report: What is in it.
    """

    file: IO[bytes]
    report: CargoReport


def pack(plan: Plan) -> Cargo:
    """Pack a plan into a file without a name, in the store's folder.

    Raises:
        TrainingError: If something cannot travel; names it, where it was made, and what to do.
        StoreError: If there is no room for it.
    """
    if os.name == "nt":
        raise TrainingError(
            "Training in the background needs Linux or macOS.", "Leave --background out to train here."
        )
    try:
        file = tempfile.TemporaryFile(dir=home())  # noqa: SIM115 - it outlives this function
        packer = Packer(file)
        items, mark = [], 0
        with _files_by_value():
            for kind, part in _parts(plan).items():
                _dump(packer, kind, part)
                if part is not None and part != []:
                    items.append(CargoItem(kind, _name(kind, part), file.tell() - mark, _why(part)))
                mark = file.tell()
            rest = (plan.config, plan.monitor, plan.own_loss, plan.stepped, plan.lr)
            pickle.dump((*rest, packer.sources, torch_settings(), sys.path), file)
        file.flush()
        report = CargoReport(_joined(items, packer.captured), file.tell())
        file.seek(0)
    except OSError as error:
        raise explain(error, home() / "the run's data") from error
    return Cargo(file, report)


def unpack(file: IO[bytes]) -> Plan:
    """What was packed, in the process that trains; sets torch up as it was in the notebook."""
    reader = pickle.Unpickler(file)
    model, data, loss, optimizer, scheduling, metrics, callbacks = (reader.load() for _ in range(7))
    config, monitor, own_loss, stepped, lr, sources, settings, path = pickle.load(file)
    sys.path += [entry for entry in path if entry not in sys.path]
    for name, lines in sources.items():  # so that a traceback shows the line of the cell
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    apply_torch_settings(settings)
    return Plan(
        model,
        data,
        loss,
        optimizer,
        config,
        monitor,
        callbacks,
        own_loss,
        stepped,
        scheduling,
        metrics or {},
        lr,
    )


def _parts(plan: Plan) -> dict[str, Any]:
    return {
        "model": plan.model,
        "data": plan.data,
        "step" if plan.stepped else "loss": plan.loss,
        "optimizer": plan.optimizer,
        "scheduler": plan.scheduling,
        "metrics": plan.metrics or None,
        "callbacks": list(plan.callbacks),
    }


def _joined(items: list[CargoItem], captured: dict[str, CargoItem]) -> list[CargoItem]:
    """The items, each with where its class comes from, and what else was captured."""
    rest = dict(captured)
    found = []
    for item in items:
        own = rest.pop(item.name, None)
        found.append(item if own is None else replace(item, why=f"{item.why}, {own.why}"))
    return [*found, *rest.values()]


def _dump(packer: Packer, kind: str, part: Any) -> None:
    try:
        packer.dump(part)
    except OSError:
        raise
    except Exception as error:
        raise cannot_travel(kind, part, error, Packer) from None
    except RecursionError:
        raise TrainingError(f"The {kind} is nested too deeply to travel to another process.") from None


class Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """A pickler that takes tensors as their bytes, and notes what code and which variables come along.

    Attributes:
        captured: Classes, functions and variables of the user's that were packed, by name.
        sources: The lines of the cells and files that the packed code stands in.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=5)
        self.captured: dict[str, CargoItem] = {}
        self.sources: dict[str, list[str]] = {}

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is torch.Tensor and obj.layout == torch.strided and not obj.is_quantized:
            return _reduce_tensor(obj)
        if isinstance(obj, np.memmap) and type(obj.base).__name__ == "mmap" and obj.filename is not None:
            return _map_again, (str(obj.filename), obj.dtype, obj.offset, obj.shape)
        if isinstance(obj, DataLoader) and obj._iterator is not None:
            reduced = list(obj.__reduce_ex__(5))
            reduced[2] = {**reduced[2], "_iterator": None}  # live workers stay where they are
            return tuple(reduced)
        if isinstance(obj, types.CodeType):
            # With the name of its cell, which cloudpickle takes out: tracebacks find the line by it.
            make, arguments = self.dispatch_table[types.CodeType](obj)
            return make, tuple(obj.co_filename if part == _NO_FILE else part for part in arguments)
        if isinstance(obj, types.FunctionType) and not is_installed(obj.__module__):
            self._note_function(obj)
        elif isinstance(obj, type) and not is_installed(obj.__module__) and not _is_ours(obj.__module__):
            self._note("class", obj.__qualname__, 0, _origin(obj.__module__))
        return super().reducer_override(obj)

    def _note_function(self, function: types.FunctionType) -> None:
        if _is_ours(function.__module__):
            return
        name = function.__code__.co_filename
        if is_user_code(name) and name not in self.sources:
            self.sources[name] = linecache.getlines(name)
        if "." not in function.__qualname__:
            self._note("function", function.__qualname__, 0, _origin(function.__module__))
        for used, value in _variables(function):
            self._note("variable", used, _size_of(value), f"used by {function.__qualname__}")

    def _note(self, kind: str, name: str, size: int, why: str) -> None:
        self.captured.setdefault(name, CargoItem(kind, name, size, why))


_NO_FILE = "<dynamic-code>"


def _reduce_tensor(tensor: torch.Tensor) -> tuple[Any, ...]:
    flat: Any = (
        tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).numpy()
    )
    return _make_tensor, (pickle.PickleBuffer(flat), tensor.dtype, tuple(tensor.shape), tensor.requires_grad)


def _make_tensor(
    data: bytearray, dtype: torch.dtype, shape: tuple[int, ...], requires_grad: bool
) -> torch.Tensor:
    if not len(data):
        return torch.empty(shape, dtype=dtype, requires_grad=requires_grad)
    # A copy in torch's own alignment, on which the order of a sum, and so its last bits, may depend.
    tensor = torch.frombuffer(data, dtype=dtype).reshape(shape).clone()
    return tensor.requires_grad_(requires_grad)


def _map_again(filename: str, dtype: Any, offset: int, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    return np.memmap(filename, dtype=dtype, mode="r", offset=offset, shape=shape)


@contextmanager
def _files_by_value() -> Iterator[None]:
    """Let what is defined in the user's own files travel by value, as what is defined in cells does."""
    before = cloudpickle.list_registry_pickle_by_value()
    own = [
        module
        for name, module in list(sys.modules.items())
        if module is not None
        and name != "__main__"
        and not _is_ours(name)
        and name not in before
        and isinstance(module, types.ModuleType)
        and getattr(module, "__name__", None) == name
        and not is_installed(name)
    ]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] == "lepton_nb"


def _origin(module: str | None) -> str:
    if module in (None, "__main__"):
        return "defined in the notebook"
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    return f"from {file}" if file else f"from {module}"


def _variables(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Names and values of what a function uses from outside, without code and modules."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not bound yet
            found[name] = cell.cell_contents
    for name in sorted(_global_names(function.__code__)):
        if name in function.__globals__:
            found.setdefault(name, function.__globals__[name])
    code = type | types.ModuleType | types.FunctionType | types.BuiltinFunctionType
    yield from ((name, value) for name, value in found.items() if not isinstance(value, code))


def _global_names(code: types.CodeType) -> set[str]:
    """Names that a function, and the functions within it, may look up outside."""
    names = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            names |= _global_names(const)
    return names


def _size_of(value: Any) -> int:
    """Bytes that a variable takes, roughly where it is not an array."""
    nbytes = getattr(value, "nbytes", None)
    if isinstance(nbytes, int):
        return nbytes
    usage = getattr(value, "memory_usage", None)
    if usage is not None:
        return int(np.sum(usage(deep=True)))
    if isinstance(value, nn.Module):
        return sum(
            tensor.nbytes for tensor in value.state_dict().values() if isinstance(tensor, torch.Tensor)
        )
    return sys.getsizeof(value)


def _name(kind: str, part: Any) -> str:
    if kind == "data":
        return str(part.name)
    if kind == "callbacks":
        return ", ".join(type(callback).__name__ for callback in part)
    if kind == "metrics":
        return ", ".join(part)
    return str(part.described["class"]) if kind == "scheduler" else own_name(part)


def _why(part: Any) -> str:
    if isinstance(part, DataBundle):
        return ", ".join(f"{name} {len(split):,}" for name, split in part.splits.items())
    if isinstance(part, nn.Module):
        return f"{sum(parameter.numel() for parameter in part.parameters()):,} parameters"
    return "as it is now"


def torch_settings() -> dict[str, Any]:
    """What of torch's global state can change a result."""
    return {
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "matmul": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
    }


def apply_torch_settings(settings: dict[str, Any]) -> None:
    """Put back what `torch_settings` told."""
    torch.set_num_threads(settings["threads"])
    torch.set_default_dtype(settings["dtype"])
    torch.set_float32_matmul_precision(settings["matmul"])
    torch.use_deterministic_algorithms(settings["deterministic"])
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = settings["cudnn"]
