"""A split of tagged texts, whose tags follow the tokens of whichever tokenizer reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from lepton_nb.data.texts.split import TextSplit, mask_of
from lepton_nb.signature import Signature
from lepton_nb.tasks.tagging.words import encode_words

if TYPE_CHECKING:
    from lepton_nb.tasks.tagging.reading import Tagged


class TagSplit(TextSplit):
    """Token ids ``(N, L)`` with a tag for each word, int64 ``(N, L)``.

    Args:
        items: The texts.
        signature: Whose tokenizer reads them.
        length: Tokens a text is cut at, where the user said so.
    """

    def __init__(
        self, name: str, items: Sequence[Tagged], signature: Signature, length: int | None = None
    ) -> None:
        from lepton_nb.tasks.tagging.reading import token_tags

        self.items = items
        ids, places = encode_words([item.text for item in items], signature.preprocessing)
        super().__init__(
            name,
            torch.from_numpy(ids),
            token_tags(items, places, signature),
            lambda index: items[index].text,
            length=length,
            pad_id=mask_of(signature),
        )

    def as_trained(self, own: Signature, trained: Signature) -> TagSplit:
        if trained.preprocessing == own.preprocessing and trained.class_names == own.class_names:
            return self
        return TagSplit(self.name, self.items, trained, self.length)
