"""Texts as token ids, with the word that each token belongs to: training and service share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lepton_nb.tasks.texts import cutting_tokenizer


def encode_words(texts: Sequence[str], preprocessing: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Ids int64 ``(N, L)``, and of each token where its word stands in the text, int64 ``(N, L, 2)``.

    A word is what the tokenizer cuts a text into before it looks for tokens; what it puts around a text, and
    padding, have the place ``(0, 0)``.
    """
    length, pad = int(preprocessing["max_length"]), int(preprocessing["pad_id"])
    tokenizer = cutting_tokenizer(preprocessing["tokenizer"], length)
    ids = np.full((len(texts), length), pad, dtype=np.int64)
    places = np.zeros((len(texts), length, 2), dtype=np.int64)
    for row, encoding in enumerate(tokenizer.encode_batch(list(texts))):
        ids[row, : len(encoding.ids)] = encoding.ids
        for token, word in enumerate(encoding.word_ids):
            span = None if word is None else encoding.word_to_chars(word)
            if span is not None:
                places[row, token] = _trimmed(texts[row], span)
    return ids, places


def first_tokens(places: np.ndarray) -> np.ndarray:
    """Which tokens begin a word, bool ``(N, L)``, of places ``(N, L, 2)``."""
    before = np.roll(places, 1, axis=1)
    before[:, 0] = 0
    begins: np.ndarray = (places[..., 1] > places[..., 0]) & (places != before).any(axis=2)
    return begins


def _trimmed(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Without the spaces that some tokenizers count to a word."""
    piece = text[slice(*span)]
    start = span[0] + len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())
