"""A split of texts: token ids in memory, read again where a model brings a tokenizer of its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from lepton_nb.batch import Batch
from lepton_nb.data.bundle import Loader
from lepton_nb.data.memory import MemorySplit, Origin, RawItem
from lepton_nb.signature import Signature
from lepton_nb.tasks.texts import encode_texts


class TextSplit(MemorySplit):
    """Token ids int64 ``(N, L)`` of texts that `raw` gives.

    Args:
        length: Tokens a text is cut at, where the user said so.
        pad_id: The id of padding, where the model is also given the mask of what is none.
    """

    def __init__(
        self,
        name: str,
        inputs: Tensor,
        targets: Tensor,
        raw_item: RawItem,
        *,
        rows: Tensor | None = None,
        length: int | None = None,
        pad_id: int | None = None,
        origin: Origin | None = None,
    ) -> None:
        super().__init__(name, inputs, targets, raw_item, rows=rows, origin=origin)
        self.length = length
        self._pad_id = pad_id

    @property
    def texts(self) -> list[str]:
        return [self.raw(index) for index in range(len(self))]

    def as_trained(self, own: Signature, trained: Signature) -> TextSplit:
        """The texts read by the tokenizer of that signature."""
        settings = trained.preprocessing
        if settings == own.preprocessing or settings["kind"] != own.preprocessing["kind"]:
            return self
        twin = copy.copy(self)
        twin.inputs = torch.from_numpy(encode_texts(self.texts, settings))
        twin._rows, twin._copies = torch.arange(len(self)), {}
        twin._pad_id = mask_of(trained)
        return twin

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,
    ) -> Loader:
        found = super().loader(
            batch_size=batch_size, device=device, shuffle=shuffle, seed=seed, augment=augment
        )
        return found if self._pad_id is None else Masked(found, self._pad_id)


class Masked:
    """Batches of token ids by name, with the mask of those that are no padding."""

    def __init__(self, loader: Loader, pad_id: int) -> None:
        self._loader, self._pad_id = loader, pad_id
        self.batch_size, self.num_items = loader.batch_size, loader.num_items

    def __len__(self) -> int:
        return len(self._loader)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for ids, target in self._loader.batches(epoch, start):
            assert isinstance(ids, Tensor)
            mask = (ids != self._pad_id).long()
            yield Batch({"input_ids": ids, "attention_mask": mask}, target)


def mask_of(signature: Signature) -> int | None:
    """The id of padding, where the signature's model takes a mask."""
    return int(signature.preprocessing["pad_id"]) if len(signature.inputs) > 1 else None
