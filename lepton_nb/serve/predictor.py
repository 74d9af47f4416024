"""Answering a batch of requests: read each, run them together, write each; errors stay with their own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from lepton_nb.packaging.runners import Runner
from lepton_nb.serve.encodings import inflate
from lepton_nb.serve.frames import Answer, Request, Result
from lepton_nb.serve.memory import is_exhaustion
from lepton_nb.serve.refusals import RefusedError
from lepton_nb.serve.tracebacks import print_error
from lepton_nb.serve.wires import Question, Wire, failure
from lepton_nb.tasks import InputError


@dataclass(slots=True)
class _Item:
    """One request on its way through the batch."""

    wire: Wire
    question: Question | None = None
    answer: Answer | None = None

    @property
    def rows(self) -> int:
        return self.question.rows if self.question else 0


class Predictor:
    """A model behind the dialects it is asked in.

    Args:
        wires: The dialects by their number in a frame.
        batchable: Whether the answer to an item is the same whichever items share its batch.
        max_items: Most items the model runs on at once.
        max_body: Largest body in bytes, once it is decompressed.
    """

    def __init__(
        self, wires: Mapping[int, Wire], runner: Runner, *, batchable: bool, max_items: int, max_body: int
    ) -> None:
        self.wires = wires
        self.runner = runner
        self.max_items = max_items if batchable else 1
        self.max_body = max_body
        self._seconds = 0.0

    def answer(self, requests: Sequence[Request]) -> Result:
        """The answers to a batch of requests, in their order. Never raises."""
        self._seconds = 0.0
        items = [self._read(request) for request in requests]
        ready = [item for item in items if item.question is not None]
        total = sum(item.rows for item in ready)
        for group in _group(ready, self.max_items):
            self._run(group)
        answers = [item.answer or failure(500, "no answer was made") for item in items]
        return Result(answers, self._seconds * 1e3, total)

    def _read(self, request: Request) -> _Item:
        wire = self.wires[request.dialect]
        item = _Item(wire)
        try:
            plain = inflate(request.body, request.encoding, self.max_body)
            item.question = wire.read(request._replace(body=plain, encoding=b""))
        except RefusedError as error:
            item.answer = failure(error.status, str(error))
        except InputError as error:
            item.answer = failure(wire.input_status, str(error), error.index)
        except RecursionError:
            item.answer = failure(400, "the body is nested too deeply")
        except MemoryError:
            item.answer = failure(413, "the input does not fit into memory")
        except Exception as error:
            print_error(error)
            item.answer = failure(500, f"reading the input failed: {_name(error)}")
        return item

    def _run(self, group: list[_Item]) -> None:
        """Run requests together; where that fails, one at a time, so that only the guilty one fails."""
        try:
            output = self._outputs([item.question.arrays for item in group if item.question])
        except Exception as error:
            if len(group) > 1:
                for item in group:
                    self._run([item])
                return
            group[0].answer = _why_it_failed(error)
            return
        start = 0
        for wire, alike in groupby(group, lambda item: item.wire):
            items = list(alike)
            rows = sum(item.rows for item in items)
            _write(wire, items, output[start : start + rows])
            start += rows

    def _outputs(self, inputs: list[tuple[np.ndarray, ...]]) -> np.ndarray:
        if len(inputs) == 1:
            arrays = inputs[0]
        else:
            arrays = tuple(np.concatenate(column) for column in zip(*inputs, strict=True))
        started = time.perf_counter()
        try:
            rows = len(arrays[0])
            if rows <= self.max_items:
                return self.runner(arrays)
            chunks = range(0, rows, self.max_items)
            parts = [self.runner(tuple(a[at : at + self.max_items] for a in arrays)) for at in chunks]
            return np.concatenate(parts)
        finally:
            self._seconds += time.perf_counter() - started


def _write(wire: Wire, items: list[_Item], output: np.ndarray) -> None:
    """Answer items of one dialect together; where that fails, one at a time."""
    try:
        answers = wire.write([item.question for item in items if item.question], output)
    except Exception as error:
        if len(items) == 1:
            items[0].answer = _unwritten(wire, error)
            return
        start = 0
        for item in items:
            _write(wire, [item], output[start : start + item.rows])
            start += item.rows
        return
    for item, answer in zip(items, answers, strict=True):
        item.answer = answer


def _unwritten(wire: Wire, error: Exception) -> Answer:
    if isinstance(error, InputError):
        return failure(wire.input_status, str(error), error.index)
    print_error(error)
    return failure(500, f"reading the model's output failed: {_name(error)}")


def _why_it_failed(error: Exception) -> Answer:
    if is_exhaustion(error):
        return failure(413, "the model needs more memory for this input than the service may use")
    print_error(error)
    return failure(500, f"the model failed on this input: {_name(error)}")


def _group(items: list[_Item], limit: int) -> list[list[_Item]]:
    """Requests whose inputs can be joined, at most `limit` items a group (a larger request stands alone)."""
    groups: dict[tuple[tuple[int, ...], ...], list[list[_Item]]] = {}
    for item in items:
        assert item.question is not None
        shape = tuple(array.shape[1:] for array in item.question.arrays)
        alike = groups.setdefault(shape, [[]])
        if alike[-1] and sum(other.rows for other in alike[-1]) + item.rows > limit:
            alike.append([])
        alike[-1].append(item)
    return [group for alike in groups.values() for group in alike]


def _name(error: Exception) -> str:
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
