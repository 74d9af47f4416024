"""A few real inputs of a run, kept so that a package can be checked without loading the data again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lepton_nb.batch import leaves
from lepton_nb.errors import DataError, PackageError
from lepton_nb.packaging.restore import load_data
from lepton_nb.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

    from lepton_nb.data import DataBundle

_FILE = "example.safetensors"
_ITEMS = 8
_MAX_BYTES = 8 << 20


def keep_example(run: Run, data: DataBundle, inputs: tuple[Tensor, ...] | None = None) -> None:
    """Write a few inputs into the run's folder: the data's, where the model takes no others."""
    from safetensors.torch import save_file

    inputs = _few(data) if inputs is None else inputs
    save_file({f"input.{index}": tensor for index, tensor in enumerate(inputs)}, run.path / _FILE)


def find_example(run: Run) -> tuple[Tensor, ...]:
    """A few real inputs of the run's model: ``(N, *shape)`` each, N from 3 to 8.

    Raises:
        PackageError: If none were kept and the data is gone.
    """
    from safetensors.torch import load_file

    path = run.path / _FILE
    if path.is_file():
        tensors = load_file(path)
        inputs = tuple(tensors[f"input.{index}"] for index in range(len(tensors)))
    else:
        try:
            inputs = _few(load_data(run))
        except DataError as error:
            raise PackageError(
                f"Packaging run {run.ref} needs a few real inputs to check the exported model with. "
                f"{error.message}",
                error.hint,
            ) from None
    return tuple(at_least(tensor, 3) for tensor in inputs)


def _few(data: DataBundle) -> tuple[Tensor, ...]:
    inputs, _ = data.example(_ITEMS)
    tensors = tuple(leaves(inputs))
    item_bytes = sum(tensor[:1].numel() * tensor.element_size() for tensor in tensors)
    count = max(2, min(_ITEMS, _MAX_BYTES // max(item_bytes, 1)))
    return tuple(tensor[:count].contiguous().clone() for tensor in tensors)


def at_least(tensor: Tensor, count: int) -> Tensor:
    """The batch, repeated where it has fewer than `count` items."""
    import torch

    repeats = -(-count // len(tensor))
    return torch.cat([tensor] * repeats)[: max(count, len(tensor))]
