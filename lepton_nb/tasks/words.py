"""Which words a model was trained on, in a few bytes a word."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np

# Thai, Japanese and Chinese put no spaces between words: a character is one.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W\d_])+")
_BITS = 16  # a word; with `_HASHES` one of 400 unknown words passes for a known one
_HASHES = 4


def words_of(text: str) -> list[str]:
    """The words of a text as they are counted: letters alone, in lower case, in one form of Unicode."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


class Words:
    """A set of words that may take an unknown word for a known one, and never the other way round.

    Args:
        sketch: What `sketch` made: a Bloom filter (Bloom 1970) in base64.
    """

    def __init__(self, sketch: str) -> None:
        self._bits = np.frombuffer(base64.b64decode(sketch), np.uint8)

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are not in the set, each once."""
        return [word for word in dict.fromkeys(words_of(text)) if word not in self]

    def __contains__(self, word: str) -> bool:
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in _places(word, self._bits.size))


def sketch(words: Iterable[str]) -> str:
    """The set of these words, as `Words` reads it."""
    known = set(words)
    bits = np.zeros(len(known) * _BITS // 8 + 1, np.uint8)
    for word in known:
        for place in _places(word, bits.size):
            bits[place >> 3] |= 1 << (place & 7)
    return base64.b64encode(bits.tobytes()).decode()


def _places(word: str, size: int) -> Iterator[int]:
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4 * _HASHES).digest()
    return (int(number) % (8 * size) for number in np.frombuffer(digest, "<u4"))
