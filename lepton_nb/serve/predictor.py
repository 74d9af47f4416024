"""Answering a batch of requests: read each, run them together, write each; errors stay with their own."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lepton_nb.processes.encodings import inflate
from lepton_nb.processes.memory import is_exhaustion
from lepton_nb.processes.refusals import RefusedError
from lepton_nb.serve.batches import Answer, Request, Result
from lepton_nb.serve.tracebacks import print_error
from lepton_nb.serve.wires.base import Question, Wire, dump_json, failure
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.base import Arrays, Graphs
from lepton_nb.tasks.doubts import doubts
from lepton_nb.tasks.padding import joined, joining_shape


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
        codec: Composes the graphs.
        batchable: Whether the answer to an item is the same whichever items share its batch.
        max_items: Most items the model runs on at once.
        max_body: Largest body in bytes, once it is decompressed.
    """

    def __init__(
        self,
        wires: Mapping[int, Wire],
        codec: Codec,
        graphs: Graphs,
        *,
        batchable: bool,
        max_items: int,
        max_body: int,
    ) -> None:
        self.wires = wires
        self.codec = codec
        self.graphs = graphs
        self.max_items = max_items if batchable else 1
        self.max_body = max_body
        self._inputs, self._outputs = codec.signature.inputs, codec.signature.outputs
        self._seconds = 0.0

    def answer(self, requests: Sequence[Request]) -> Result:
        """The answers to a batch of requests, in their order. Never raises."""
        self._seconds = 0.0
        items = [self._read(request) for request in requests]
        self._settle(items)
        return self._result(items)

    def stream(self, request: Request) -> Generator[bytes, None, Result]:
        """The pieces of the answer to a request, each as JSON; at the end the answer. Never raises."""
        item = self._read(request)
        if item.wire.streams and item.rows == 1:  # the answer of several comes in one piece
            yield from self._pieces(item)
        self._settle([item])
        return self._result([item])

    def _settle(self, items: list[_Item]) -> None:
        """Answer what is not yet answered."""
        waiting = [item for item in items if item.question is not None and item.answer is None]
        for group in _group(waiting, self._inputs, self.max_items):
            self._run(group)

    def _result(self, items: list[_Item]) -> Result:
        answers = [item.answer or failure(500, "no answer was made") for item in items]
        return Result(answers, self._seconds * 1e3, sum(item.rows for item in items))

    def _read(self, request: Request) -> _Item:
        wire = self.wires[request.dialect]
        item = _Item(wire)
        try:
            plain = inflate(request.body, request.encoding, self.max_body)
            with doubts() as found:
                question = wire.read(request._replace(body=plain, encoding=b""))
            item.question = question._replace(warnings=tuple(found)) if found else question
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
            outputs = self._ask([item.question.arrays for item in group if item.question])
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
            end = start + sum(item.rows for item in items)
            _write(wire, items, tuple(output[start:end] for output in outputs))
            start = end

    def _ask(self, inputs: list[Arrays]) -> Arrays:
        arrays = joined(inputs, self._inputs)
        started = time.perf_counter()
        try:
            rows, most = len(arrays[0]), self.max_items
            if rows <= most:
                return self.codec.run(self.graphs, arrays)
            chunks = (tuple(array[at : at + most] for array in arrays) for at in range(0, rows, most))
            return joined([self.codec.run(self.graphs, chunk) for chunk in chunks], self._outputs)
        finally:
            self._seconds += time.perf_counter() - started

    def _pieces(self, item: _Item) -> Generator[bytes, None, None]:
        """Answer one request in pieces, where the codec has any: ``{"piece": …}`` each."""
        assert item.question is not None
        try:
            pieces = self.codec.stream(self.graphs, item.question.arrays)
            if pieces is None:
                return
            outputs = yield from map_pieces(pieces)
            outputs = outputs or self.codec.run(self.graphs, item.question.arrays)
        except Exception as error:
            item.answer = _why_it_failed(error)
        else:
            _write(item.wire, [item], outputs)


def map_pieces(pieces: Iterable[Any]) -> Generator[bytes, None, Arrays | None]:
    """Each piece as JSON; returns the outputs of the model, where the generator returns them."""
    coming = iter(pieces)
    while True:
        try:
            piece = next(coming)
        except StopIteration as end:
            outputs: Arrays | None = end.value
            return outputs
        yield dump_json({"piece": piece})


def _write(wire: Wire, items: list[_Item], outputs: Arrays) -> None:
    """Answer items of one dialect together; where that fails, one at a time."""
    try:
        answers = wire.write([item.question for item in items if item.question], outputs)
    except Exception as error:
        if len(items) == 1:
            items[0].answer = _unwritten(wire, error)
            return
        start = 0
        for item in items:
            end = start + item.rows
            _write(wire, [item], tuple(output[start:end] for output in outputs))
            start = end
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


def _group(items: list[_Item], specs: Sequence[TensorSpec], limit: int) -> list[list[_Item]]:
    """Requests whose inputs can be joined, at most `limit` items a group (a larger request stands alone)."""
    groups: dict[tuple[tuple[int | None, ...], ...], list[list[_Item]]] = {}
    for item in items:
        assert item.question is not None
        shape = tuple(map(joining_shape, item.question.arrays, specs))
        alike = groups.setdefault(shape, [[]])
        if alike[-1] and sum(other.rows for other in alike[-1]) + item.rows > limit:
            alike.append([])
        alike[-1].append(item)
    return [group for alike in groups.values() for group in alike]


def _name(error: Exception) -> str:
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
