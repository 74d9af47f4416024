"""Sentences in, sentences out, for the service: numpy alone."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, ClassVar

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.base import AnswerKind, Arrays, Form, Graphs, InputError
from lepton_nb.tasks.tensors import NPY
from lepton_nb.tasks.texts import TextCodec
from lepton_nb.tasks.translation.decoding import Search, writer
from lepton_nb.tasks.translation.tokens import PAD, START, ids_of, most_characters, text_of, vocabulary

_SHORT = 10_000  # characters that are cut into tokens in no time


class TranslationCodec(TextCodec):
    """Takes ``{"text": "..."}``, ``{"texts": [...]}`` and plain text; answers with text and score.

    As tensors it takes the ids of the source, and of what each answer begins with.
    """

    form: ClassVar[Form] = Form("text", "text", ("text/plain", NPY), ("tokenizers",), "text")

    def __init__(self, signature: Signature) -> None:
        self.settings = signature.preprocessing
        super().__init__(signature, TextAnswers(signature))
        self.beams = int(signature.target["beams"])

    def read(self, texts: Sequence[str]) -> Arrays:
        """Source ids ``(N, S)`` and the start of each answer ``(N, 1)``.

        Raises:
            InputError: If a text is longer than what the model was made for.
        """
        tokenizer, longest = self.settings["tokenizer"], int(self.settings["max_length"])
        surely_more = max(_SHORT, longest * most_characters(tokenizer))
        self._refuse([len(text) for text in texts], surely_more, "characters")
        ids = ids_of(texts, tokenizer)
        self._refuse([len(row) - 1 for row in ids], longest - 1, "tokens")
        return padded(ids), np.full((len(ids), 1), START, dtype=np.int64)

    def _refuse(self, lengths: list[int], most: int, unit: str) -> None:
        """Refuse a text that is too long; by its characters at once, before it is cut into tokens."""
        index = next((i for i, length in enumerate(lengths) if length > most), None)
        if index is not None:
            raise InputError(
                f"the text is {lengths[index]:,} {unit} long, this model reads up to {most:,}: "
                "send its sentences one by one",
                index if len(lengths) > 1 else None,
            )

    def from_tensors(self, value: Any) -> Arrays:
        """Ids of the sources, and of what each answer begins with.

        Raises:
            InputError: Also if a source is empty or too long, or an answer does not begin with the start.
        """
        source, begun = super().from_tensors(value)
        longest = int(self.settings["max_length"])
        if max(source.shape[1], begun.shape[1]) > longest:
            seen = f"{source.shape[1]} and {begun.shape[1]}"
            raise InputError(f"source and before are {seen} tokens long, expected up to {longest}")
        for name, wrong, wanted in (
            ("source", (source == PAD).all(1), "a token"),
            ("before", (begun[:, :1] != START).any(1) | (begun.shape[1] == 0), f"{START}, the start, first"),
        ):
            if wrong.any():
                item = int(wrong.argmax())
                raise InputError(f"{name}[{item}] is to have {wanted}", item)
        return source, begun

    def vocabulary(self) -> int:
        return vocabulary(self.settings["tokenizer"])

    def run(self, graphs: Graphs, inputs: Arrays) -> Arrays:
        """Ids of the answers ``(N, max_length)`` and the mean log-probability of their tokens ``(N,)``."""
        search = self.search(graphs, inputs, self.beams).finished()
        return search.answers, search.scores

    def stream(self, graphs: Graphs, inputs: Arrays) -> Generator[str, None, Arrays]:
        """The words of an answer as soon as they are sure; joined they are its text."""
        search = self.search(graphs, inputs, self.beams)
        said = ""
        for ids in search:
            known = text_of(ids, self.settings["tokenizer"])
            sure = known.rpartition(" ")[0]  # the last word may go on
            if len(sure) > len(said):
                yield sure[len(said) :]
                said = sure
        rest = text_of(search.answers[0], self.settings["tokenizer"])[len(said) :]
        if rest:
            yield rest
        return search.answers, search.scores

    def search(self, graphs: Graphs, inputs: Arrays, beams: int) -> Search:
        source, begun = inputs
        return Search(writer(graphs, source), begun, beams, int(self.settings["max_length"]))


class TextAnswers(Answers):
    """Ids ``(N, T)`` and their score ``(N,)`` as ``{"text", "score"}``."""

    kind: ClassVar[AnswerKind] = "text"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        ids, scores = outputs
        tokenizer = self.signature.preprocessing["tokenizer"]
        return [
            {"text": text_of(row, tokenizer), "score": float(np.exp(score))}
            for row, score in zip(ids.tolist(), scores.tolist(), strict=True)
        ]

    def schema(self) -> dict[str, Any]:
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "score": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "the geometric mean of the probabilities of the answer's tokens",
                },
            },
            "required": ["text", "score"],
            "additionalProperties": False,
        }


def padded(rows: Sequence[Sequence[int] | np.ndarray], width: int | None = None) -> np.ndarray:
    """Rows of ids as int64 ``(N, width)``, as wide as the longest where no width is given."""
    batch = np.full((len(rows), width or max(map(len, rows))), PAD, dtype=np.int64)
    for row, ids in zip(batch, rows, strict=True):
        row[: len(ids)] = ids
    return batch
