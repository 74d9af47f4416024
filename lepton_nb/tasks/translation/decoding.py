"""Writing an answer token by token: beam search, which of one beam is the greedy one. Numpy alone.

This module does not know what a token means, nor what computes the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from lepton_nb.tasks.base import Graph
from lepton_nb.tasks.translation.tokens import END, PAD, START


class Writer(Protocol):
    """What says how likely each token comes next."""

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """Of rows of tokens so far, int64 ``(R, t)``: ``(R, V)``; called with one more token each time."""

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows, int64 ``(R',)``, each of them perhaps several times."""


class Stepwise:
    """Over two graphs: one reads the source once, one takes a token and what it knew before."""

    def __init__(self, graphs: Mapping[str, Graph], source: np.ndarray) -> None:
        self.step = graphs["step"]
        self.source = source
        (self.memory,) = graphs["encode"]((source,))
        self.cache = self.memory[:, :, :, :0]

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        found, self.cache = self.step((self.source, self.memory, tokens[:, -1:], self.cache))
        return found

    def keep(self, rows: np.ndarray) -> None:
        self.source, self.memory, self.cache = self.source[rows], self.memory[rows], self.cache[rows]


class Anew:
    """Over one graph that takes the source and all tokens so far: any model will do."""

    def __init__(self, graphs: Mapping[str, Graph], source: np.ndarray) -> None:
        self.model = graphs["model"]
        self.source = source

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        (found,) = self.model((self.source, tokens))
        last: np.ndarray = found[:, -1]
        return last

    def keep(self, rows: np.ndarray) -> None:
        self.source = self.source[rows]


def writer(graphs: Mapping[str, Graph], source: np.ndarray) -> Writer:
    return Stepwise(graphs, source) if "step" in graphs else Anew(graphs, source)


LAG = 2
"""Tokens at its end that an answer may still change; what stands before them is said."""


class Search:
    """The likeliest answers to a batch. A hypothesis is ranked by the mean log-probability of its tokens.

    Those that differ from the best one before its last `LAG` tokens are given up, so that words can be said
    as they come. An item is done when its best hypothesis has ended, and leaves the batch: an answer does not
    depend on what it shares a batch with.

    Args:
        begun: How each answer begins, int64 ``(N, T)``, padded; its first token is the start.
        beams: Hypotheses kept an item.
        limit: Tokens of the longest answer.

    Attributes:
        answers: Ids ``(N, limit)``, padded.
        scores: The mean log-probability of their tokens ``(N,)``.
    """

    def __init__(self, source: Writer, begun: np.ndarray, beams: int, limit: int) -> None:
        count = len(begun)
        self.source, self.begun, self.beams, self.limit = source, begun, beams, limit
        self.answers = np.full((count, limit), PAD, dtype=np.int64)
        self.scores = np.zeros(count, dtype=np.float32)
        self._items = np.arange(count)
        self._tokens = np.full((count, beams, 1), START, dtype=np.int64)
        self._totals = np.where(np.arange(beams) == 0, 0.0, -np.inf)[None].repeat(count, 0)
        self._lengths = np.zeros((count, beams), dtype=np.int64)
        self._ended = np.zeros((count, beams), dtype=bool)
        source.keep(np.arange(count).repeat(beams))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Search to the end; gives what is sure of the first item after each token, without the start."""
        while len(self._items):
            self._advance()
            yield agreed(self._tokens[0][np.isfinite(self._totals[0])])
            self._settle()

    def finished(self) -> Search:
        """Itself, at the end."""
        for _ in self:
            pass
        return self

    def _advance(self) -> None:
        """Put the best next token to the best hypotheses."""
        active, beams, length = self._tokens.shape
        found = log_softmax(self.source.logits(self._tokens.reshape(active * beams, length)))
        following = self._allowed(found.reshape(active, beams, -1), length)
        totals = self._totals[..., None] + following
        lengths = self._lengths + ~self._ended
        ranks = (totals / lengths[..., None]).reshape(active, -1)
        chosen = best(ranks, beams)
        parent, token = np.divmod(chosen, following.shape[-1])
        rows = np.arange(active)[:, None]
        self._tokens = np.concatenate([self._tokens[rows, parent], token[..., None]], axis=-1)
        self._totals = np.take_along_axis(totals.reshape(active, -1), chosen, 1)
        self._lengths = lengths[rows, parent]
        self._ended = self._ended[rows, parent] | (token == END)
        settled = self._tokens[:, :, : max(0, length + 1 - LAG)]
        self._totals[(settled != settled[:, :1]).any(-1)] = -np.inf
        self.source.keep((rows * beams + parent).ravel())

    def _allowed(self, following: np.ndarray, length: int) -> np.ndarray:
        """Log-probabilities where only padding follows the end, and only what was given where it was."""
        following[..., [PAD, START]] = -np.inf
        following[self._ended] = -np.inf
        following[self._ended, PAD] = 0.0
        if length < self.begun.shape[1]:
            given = self.begun[self._items, length]
            for item in np.flatnonzero(given != PAD):
                following[item, :, np.arange(following.shape[-1]) != given[item]] = -np.inf
        return following

    def _settle(self) -> None:
        """Write down the items whose best hypothesis has ended, or has no room left, and go on without."""
        length = self._tokens.shape[-1] - 1
        done = self._ended[:, 0] if length < self.limit else np.ones(len(self._items), dtype=bool)
        if not done.any():
            return
        items = self._items[done]
        self.answers[items, :length] = self._tokens[done, 0, 1:]
        self.scores[items] = self._totals[done, 0] / self._lengths[done, 0]
        going = np.flatnonzero(~done)
        self._items, self._tokens = self._items[going], self._tokens[going]
        self._totals, self._lengths = self._totals[going], self._lengths[going]
        self._ended = self._ended[going]
        self.source.keep((going[:, None] * self.beams + np.arange(self.beams)).ravel())


def best(ranks: np.ndarray, count: int) -> np.ndarray:
    """Where the `count` largest of each row stand, the largest first; of equal ones the first."""
    some = np.argmax(ranks, axis=1, keepdims=True)
    if count > 1:
        some = np.sort(np.argpartition(-ranks, count, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(ranks, some, 1), axis=1, kind="stable")
    found: np.ndarray = np.take_along_axis(some, order, 1)
    return found


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    found: np.ndarray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return found


def agreed(tokens: np.ndarray) -> np.ndarray:
    """What all hypotheses ``(beams, t)`` begin with, without the start."""
    same = (tokens == tokens[0]).all(0)
    common: np.ndarray = tokens[0, 1 : int(same.argmin()) if not same.all() else None]
    return common
