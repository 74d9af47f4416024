"""Texts as token ids and back: byte pairs, so that every text has ids and comes back as it was.

The first three ids are no text; those of the tokenizer follow, so that nothing anybody writes can mean
"the end".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from lepton_nb.tasks.texts import load_tokenizer

PAD, START, END = 0, 1, 2
SPECIAL = 3


def train_tokens(texts: Iterable[str], vocab_size: int) -> str:
    """Byte-pair encoding (Sennrich et al. 2016) over bytes, as ``Tokenizer.to_str()``."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    serialized: str = tokenizer.to_str()
    return serialized


def vocabulary(serialized: str) -> int:
    """How many ids there are."""
    return int(load_tokenizer(serialized).get_vocab_size()) + SPECIAL


@lru_cache(maxsize=8)
def most_characters(serialized: str) -> int:
    """Characters of a text that a token may stand for: its bytes, of characters that NFC joins by threes."""
    return 3 * max(map(len, load_tokenizer(serialized).get_vocab()))


def ids_of(texts: Sequence[str], serialized: str) -> list[list[int]]:
    """The ids of each text, with the end."""
    found = load_tokenizer(serialized).encode_batch_fast(list(texts))
    return [[*(token + SPECIAL for token in encoding.ids), END] for encoding in found]


def text_of(ids: Iterable[int], serialized: str) -> str:
    """The text of ids up to their end."""
    kept = []
    for token in ids:
        if token == END:
            break
        if token >= SPECIAL:
            kept.append(int(token) - SPECIAL)
    text: str = load_tokenizer(serialized).decode(kept)
    return text.strip()


def pieces_of(ids: Iterable[int], serialized: str) -> list[str]:
    """What each id stands for, to write beside a picture; the end is ``(end)``."""
    known = load_tokenizer(serialized)
    return ["(end)" if i < SPECIAL else known.decode([int(i) - SPECIAL]).strip() for i in ids]
