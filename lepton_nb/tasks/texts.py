"""Sentences as model inputs: tokenising that training, evaluation and the service share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.arrays import as_numpy
from lepton_nb.tasks.base import Arrays, Form, InputError
from lepton_nb.tasks.bodies import items_of, kind_of, request_schema
from lepton_nb.tasks.doubts import doubt
from lepton_nb.tasks.tensors import NPY, TensorCodec
from lepton_nb.tasks.words import Words

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_MANY = 1000  # texts of which it is worth while to look for equal words
_CHUNK = 10_000  # texts whose tokens are held as objects at a time
INPUTS = ("input_ids", "attention_mask")
"""What a pretrained model takes of a text; one that was made here takes the ids alone."""
EXAMPLE = "I would buy this again."
LONGEST = 1_000_000
"""Characters of a text; tokens of a longer one take seconds, for a model that sees the first few hundred."""
_SHOWN = 8  # unknown words in a message


class TextCodec(TensorCodec):
    """Takes ``{"text": "..."}``, ``{"texts": ["...", ...]}`` and plain text in UTF-8."""

    kind: ClassVar[str] = "text"
    form: ClassVar[Form] = Form("text", "text", ("text/plain", NPY), requirements=("tokenizers",))

    def __init__(self, signature: Signature, answers: Answers) -> None:
        super().__init__(signature, answers)
        self.forms = {"text": self._from_one, "texts": self._from_many, **self.forms}
        self._vocabulary = self.vocabulary()
        self._words = Words(signature.preprocessing["words"]) if "words" in signature.preprocessing else None

    def vocabulary(self) -> int:
        """How many token ids there are."""
        return int(load_tokenizer(self.signature.preprocessing["tokenizer"]).get_vocab_size())

    def read(self, texts: Sequence[str]) -> Arrays:
        """The model's inputs of texts.

        Raises:
            InputError: If the model cannot take one.
        """
        ids = encode_texts(texts, self.signature.preprocessing)
        if len(self.signature.inputs) == 1:
            return (ids,)
        return ids, (ids != int(self.signature.preprocessing["pad_id"])).astype(np.int64)

    def prepare(self, value: Any) -> Arrays:
        """Also takes a string, a list of strings, and a `pathlib.Path` of a UTF-8 file."""
        value = as_numpy(value)
        if isinstance(value, Mapping):
            return self.decode_json(value)
        if isinstance(value, Path):
            return self.decode_bytes(_read(value), "text/plain")
        if isinstance(value, str):
            return self._from_one(value)
        if (
            not hasattr(value, "ndim")
            and isinstance(value, Sequence)
            and any(isinstance(v, str) for v in value)
        ):
            return self._from_many(list(value))
        return self.from_tensors(value)

    def decode_bytes(self, body: bytes, media_type: str) -> Arrays:
        if media_type != "text/plain":
            return super().decode_bytes(body, media_type)
        try:
            return self._from_one(body.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise InputError(
                f"the text is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}"
            ) from error

    def check(self, batch: np.ndarray) -> np.ndarray:
        """Refuse token ids the embedding has no row for."""
        bad = (batch < 0) | (batch >= self._vocabulary)
        if bad.any():
            item, position = (int(i) for i in np.argwhere(bad)[0])
            raise InputError(
                f"inputs[{item}][{position}] is {batch[item, position]}, "
                f"expected a token id from 0 to {self._vocabulary - 1}",
                item,
            )
        return batch

    def request_schema(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1}
        several = {"type": "array", "items": text, "minItems": 1}
        return request_schema({"text": text, "texts": several, "inputs": self.inputs_schema()})

    def example(self) -> dict[str, Any]:
        return {"text": EXAMPLE}

    def _from_one(self, value: Any) -> Arrays:
        return self._read_doubted([_checked(value, "text", None)])

    def _from_many(self, value: Any) -> Arrays:
        texts = [_checked(text, f"texts[{i}]", i) for i, text in enumerate(items_of(value, "texts"))]
        return self._read_doubted(texts)

    def _read_doubted(self, texts: Sequence[str]) -> Arrays:
        arrays = self.read(texts)
        doubt(self.doubts(texts))
        return arrays

    def doubts(self, texts: Sequence[str]) -> Iterator[str]:
        """What the texts have that no training text had."""
        for index, text in enumerate(texts):
            words = self._words.unknown(text) if self._words is not None else []
            pieces = unread(text, self.signature.preprocessing["tokenizer"])
            unknown = [
                *words,
                *(piece for piece in pieces if not any(piece.lower() in word for word in words)),
            ]
            if unknown:
                label = f"texts[{index}]" if len(texts) > 1 else "text"
                more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
                shown = ", ".join(map(repr, unknown[:_SHOWN]))
                yield f"{label!r} has what no training text had: {shown}{more}"


@lru_cache(maxsize=8)
def load_tokenizer(serialized: str) -> Tokenizer:
    """The tokenizer behind ``Tokenizer.to_str()``, without padding or truncation of its own."""
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_str(serialized)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@dataclass(frozen=True)
class Tokens:
    """The tokens of texts, one after the other.

    Attributes:
        ids: Of all texts, int32.
        counts: How many each text has, int64 ``(N,)``.
    """

    ids: np.ndarray
    counts: np.ndarray

    def padded(self, length: int, pad: int) -> np.ndarray:
        """Token ids, int64 ``(N, L)``: cut at the length, padded on the right."""
        place = np.arange(length)
        starts = np.cumsum(self.counts) - self.counts
        there = place < self.counts[:, None]
        batch = np.full(there.shape, pad, dtype=np.int64)
        batch[there] = self.ids[(starts[:, None] + place)[there]]
        return batch

    def joined(self, codes: np.ndarray, per_text: np.ndarray) -> Tokens:
        """The tokens of texts that are made of these.

        Args:
            codes: Which of these follow each other, int64 ``(W,)``.
            per_text: How many of them each text has, int64 ``(N,)``.
        """
        sizes = self.counts[codes]
        starts = (np.cumsum(self.counts) - self.counts)[codes]
        ends = np.cumsum(sizes)
        place = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
        upto = np.concatenate([[0], ends])[np.cumsum(per_text)]
        return Tokens(self.ids[place], np.diff(upto, prepend=0))


def tokenize(texts: Sequence[str], serialized: str) -> Tokens:
    """All tokens of the texts: of each different word once, where the tokenizer takes words one by one."""
    tokenizer = load_tokenizer(serialized)
    if len(texts) == 1:
        ids = tokenizer.encode(texts[0]).ids
        return Tokens(np.array(ids, dtype=np.int32), np.array([len(ids)]))
    if len(texts) < _MANY or not _takes_words(serialized):
        return _encode(tokenizer, texts)
    number = _Numbers()
    words = [text.split(" ") for text in texts]
    codes = np.fromiter(map(number.__getitem__, chain.from_iterable(words)), dtype=np.int64)
    per_text = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    return _encode(tokenizer, list(number)).joined(codes, per_text)


class _Numbers(dict[str, int]):
    """Words numbered as they are first asked for."""

    def __missing__(self, word: str) -> int:
        self[word] = found = len(self)
        return found


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokens:
    parts = [np.zeros(0, dtype=np.int32)]
    counts: list[int] = []
    for start in range(0, len(texts), _CHUNK):
        encodings = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]))
        counts += map(len, encodings)
        ids = chain.from_iterable(encoding.ids for encoding in encodings)
        parts.append(np.fromiter(ids, dtype=np.int32))
    return Tokens(np.concatenate(parts), np.array(counts, dtype=np.int64))


@lru_cache(maxsize=8)
def _takes_words(serialized: str) -> bool:
    """Whether a tokenizer parts texts at spaces first, as those learned here do, and adds nothing."""
    made = json.loads(serialized)
    steps = [step["type"] for step in (made["pre_tokenizer"] or {}).get("pretokenizers", [])]
    return steps == ["BertPreTokenizer", "Metaspace"] and made["post_processor"] is None


@lru_cache(maxsize=8)
def cutting_tokenizer(serialized: str, length: int) -> Tokenizer:
    """The tokenizer behind a text, cutting what is longer and keeping what it puts around a text."""
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_str(serialized)
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    return tokenizer


def unread(text: str, serialized: str) -> list[str]:
    """The pieces of a text that the tokenizer has no token for, each once."""
    tokenizer = load_tokenizer(serialized)
    unknown = getattr(tokenizer.model, "unk_token", None)
    if unknown is None:
        return []
    found = tokenizer.encode(text)
    pieces = zip(found.tokens, found.offsets, strict=True)
    return list(dict.fromkeys(text[start:end] for token, (start, end) in pieces if token == unknown))


def encode_texts(texts: Sequence[str], preprocessing: Mapping[str, Any]) -> np.ndarray:
    """Token ids, int64 ``(N, L)``: cut at ``max_length``, padded on the right with ``pad_id``.

    What a tokenizer puts around a text itself, such as ``[SEP]``, is not cut off.
    """
    length, pad = int(preprocessing["max_length"]), int(preprocessing["pad_id"])
    if len(texts) >= _MANY and _takes_words(preprocessing["tokenizer"]):
        tokens = tokenize(texts, preprocessing["tokenizer"])
        doubt(_cut(f"texts[{i}]", length) for i in np.flatnonzero(tokens.counts > length))
        return tokens.padded(length, pad)
    tokenizer = cutting_tokenizer(preprocessing["tokenizer"], length)
    encodings = [tokenizer.encode(texts[0])] if len(texts) == 1 else tokenizer.encode_batch_fast(list(texts))
    doubt(_cuts(encodings, length))
    batch = np.full((len(texts), length), pad, dtype=np.int64)
    for row, encoding in zip(batch, encodings, strict=True):
        row[: len(encoding.ids)] = encoding.ids
    return batch


def _cuts(encodings: Sequence[Encoding], length: int) -> Iterator[str]:
    for index, encoding in enumerate(encodings):
        if encoding.overflowing:
            label = f"texts[{index}]" if len(encodings) > 1 else "text"
            yield _cut(label, length)


def _cut(label: str, length: int) -> str:
    return f"{label!r} is longer than the {length} tokens that the model reads: the rest is left out"


def _checked(value: Any, key: str, index: int | None) -> str:
    if not isinstance(value, str):
        raise InputError(f"{key!r} must be a string, got {kind_of(value)}", index)
    if not value.strip():
        raise InputError(f"{key!r} is empty", index)
    if len(value) > LONGEST:
        raise InputError(f"{key!r} is {len(value):,} characters long, expected up to {LONGEST:,}", index)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{key!r} holds half a surrogate pair at position {error.start}", index) from error
    return value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
