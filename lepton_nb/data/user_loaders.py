"""The user's own DataLoaders and Datasets, as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lepton_nb.data.assemble import class_counts
from lepton_nb.data.bundle import Batch, DataBundle, Inputs
from lepton_nb.data.report import DataReport
from lepton_nb.signature import Signature, TensorSpec


def loaders(
    train: DataLoader[Any] | Dataset[Any],
    val: DataLoader[Any] | Dataset[Any] | None = None,
    test: DataLoader[Any] | Dataset[Any] | None = None,
    *,
    name: str = "loaders",
    task: str | None = None,
    class_names: tuple[str, ...] | None = None,
) -> DataBundle:
    """A bundle around DataLoaders or Datasets that yield ``(inputs, target)``."""
    given = {"train": train, "val": val, "test": test}
    splits = {split: LoaderSplit(split, part) for split, part in given.items() if part is not None}
    inputs, target = next(iter(splits["train"].loader(batch_size=2).batches(0)))
    assert isinstance(inputs, Tensor)
    targets = splits["train"].targets
    names = class_names or tuple(getattr(getattr(train, "dataset", train), "classes", ()))
    if not names:
        values = target if targets is None else targets
        names = tuple(str(i) for i in range(int(values.max()) + 1))
    signature = Signature(
        task=task or "image-classification",
        inputs=(TensorSpec("image", str(inputs.dtype).removeprefix("torch."), tuple(inputs.shape[1:])),),
        output=TensorSpec("logits", "float32", (len(names),)),
        class_names=names,
        target={"name": "label"},
    )
    counts = class_counts({"train": target.numpy()}, names)
    return DataBundle(name, signature, splits, DataReport(name, "loaders", counts, signature), "")


class LoaderSplit:
    """A split read through the user's own DataLoader."""

    def __init__(self, name: str, source: DataLoader[Any] | Dataset[Any]) -> None:
        self.name = name
        self._loader = source if isinstance(source, DataLoader) else DataLoader(source, batch_size=64)
        self.targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self._loader.dataset)  # type: ignore[arg-type]

    def raw(self, index: int) -> Any:
        return self._loader.dataset[index]

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,
    ) -> UserLoader:
        return UserLoader(self._loader, torch.device(device))


class UserLoader:
    """Iterates a DataLoader and moves its batches to the device."""

    def __init__(self, loader: DataLoader[Any], device: torch.device) -> None:
        self._loader, self._device = loader, device
        self.batch_size = loader.batch_size or 1
        self.num_items = len(loader.dataset)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self._loader)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for number, (inputs, target) in enumerate(self._loader):
            if number >= start:
                yield self._move(inputs), target.to(self._device)

    def _move(self, inputs: Inputs | list[Tensor]) -> Inputs:
        if isinstance(inputs, Tensor):
            return inputs.to(self._device)
        return tuple(tensor.to(self._device) for tensor in inputs)
