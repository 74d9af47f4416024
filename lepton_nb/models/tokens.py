"""How a model reads texts, where its tokenizer is its own and not learned from the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """The tokenizer of a pretrained model.

    Attributes:
        tokenizer: ``Tokenizer.to_str()``, with the special tokens that it adds itself.
        pad_id: The id that fills short texts.
        longest: Tokens of a text that the model can take.
    """

    tokenizer: str
    pad_id: int
    longest: int
