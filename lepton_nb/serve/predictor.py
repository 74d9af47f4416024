"""Answering a batch of requests: decode each, run them together, encode each; errors stay with their own."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from lepton_nb.packaging.runners import Runner
from lepton_nb.serve.frames import Answer, Request, Result
from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.base import Arrays

_JSON = "application/json"


@dataclass
class _Item:
    """One request on its way through the batch: its inputs until it has run, then its answer."""

    arrays: Arrays = ()
    answer: Answer | None = None

    @property
    def rows(self) -> int:
        return len(self.arrays[0])


class Predictor:
    """A codec around a model.

    Args:
        version: Sent with every answer.
        batchable: Whether the answer to an item is the same whichever items share its batch.
        max_items: Most items the model runs on at once.
    """

    def __init__(
        self, codec: Codec, runner: Runner, *, version: int, batchable: bool, max_items: int
    ) -> None:
        self.codec = codec
        self.runner = runner
        self.version = version
        self.max_items = max_items if batchable else 1
        self._seconds = 0.0

    def answer(self, requests: Sequence[Request]) -> Result:
        """The answers to a batch of requests, in their order. Never raises."""
        self._seconds = 0.0
        items = [self._decode(request) for request in requests]
        ready = [item for item in items if item.answer is None]
        total = sum(item.rows for item in ready)
        for group in _group(ready, self.max_items):
            self._run(group)
        answers = [item.answer or _failure(500, "no answer was made") for item in items]
        return Result(answers, self._seconds * 1e3, total)

    def _decode(self, request: Request) -> _Item:
        media_type = request.content_type.decode("latin-1").partition(";")[0].strip().lower() or _JSON
        try:
            if media_type == _JSON:
                return _Item(self.codec.decode_json(orjson.loads(request.body)))
            if not self._takes(media_type):
                accepted = ", ".join((_JSON, *self.codec.media_types))
                message = f"this model takes no {media_type} body; send one of {accepted}"
                return _Item(answer=_failure(415, message))
            return _Item(self.codec.decode_bytes(bytes(request.body), media_type))
        except orjson.JSONDecodeError as error:
            return _Item(answer=_failure(400, f"the body is not JSON: {error}"))
        except InputError as error:
            return _Item(answer=_failure(422, str(error), error.index))
        except MemoryError:
            return _Item(answer=_failure(413, "the input does not fit into memory"))
        except Exception as error:
            traceback.print_exc()
            return _Item(answer=_failure(500, f"reading the input failed: {_name(error)}"))

    def _takes(self, media_type: str) -> bool:
        major = media_type.partition("/")[0]
        return any(known in (media_type, f"{major}/*") for known in self.codec.media_types)

    def _run(self, group: list[_Item]) -> None:
        """Run requests together; where that fails, one at a time, so that only the guilty one fails."""
        try:
            output = self._outputs(group)
        except Exception as error:
            if len(group) > 1:
                for item in group:
                    self._run([item])
                return
            traceback.print_exc()
            group[0].answer = _failure(500, f"the model failed on this input: {_name(error)}")
            return
        start = 0
        for item in group:
            item.answer = self._encode(output[start : start + item.rows])
            start += item.rows

    def _outputs(self, group: list[_Item]) -> np.ndarray:
        if len(group) == 1:
            arrays = group[0].arrays
        else:
            columns = zip(*(item.arrays for item in group), strict=True)
            arrays = tuple(np.concatenate(column) for column in columns)
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

    def _encode(self, output: np.ndarray) -> Answer:
        try:
            predictions = self.codec.encode(output)
        except InputError as error:
            return _failure(422, str(error), error.index)
        except Exception as error:
            traceback.print_exc()
            return _failure(500, f"reading the model's output failed: {_name(error)}")
        body = {"predictions": predictions, "version": self.version}
        return Answer(200, orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))


def _group(items: list[_Item], limit: int) -> list[list[_Item]]:
    """Requests whose inputs can be joined, at most `limit` items a group (a larger request stands alone)."""
    groups: dict[tuple[tuple[int, ...], ...], list[list[_Item]]] = {}
    for item in items:
        shape = tuple(array.shape[1:] for array in item.arrays)
        alike = groups.setdefault(shape, [[]])
        if alike[-1] and sum(other.rows for other in alike[-1]) + item.rows > limit:
            alike.append([])
        alike[-1].append(item)
    return [group for alike in groups.values() for group in alike]


def _failure(status: int, message: str, index: int | None = None) -> Answer:
    body: dict[str, str | int] = {"error": message}
    if index is not None:
        body["index"] = index
    return Answer(status, orjson.dumps(body))


def _name(error: Exception) -> str:
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
