"""`Model`: the deployed model, as a route asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.wire import encode_inputs, read_answers

Ask = Callable[[bytes, bytes], tuple[int, bytes]]
"""``(content type, body) -> (status, JSON)``, through the queue of the service."""


class ModelCallError(Exception):
    """The model could not answer. Where a route lets it pass, its client gets this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Model:
    """The model of the service. Calls from many requests at once share its batches.

    A function, a method or ``__init__`` gets it as a parameter named ``model``::

        class Triage:
            def __init__(self, model):
                self.model = model

            def read(self, scan: Image.Image) -> str:
                return self.model(scan)["label"]

    Attributes:
        class_names: Names of the classes; empty for a regression.
    """

    def __init__(self, codec: Codec, ask: Ask) -> None:
        self.class_names = codec.signature.class_names
        self._codec = codec
        self._ask = ask

    def __call__(self, value: Any) -> Any:
        """The answer to one input: a picture, a sentence, a row, or what the model itself takes.

        Raises:
            ModelCallError: If it is no input of the model (422), or the model cannot answer now (503, 504).
        """
        answers = self.predict(value)
        if len(answers) != 1:
            raise ModelCallError(500, f"model(…) takes one input, got {len(answers)}; write model.predict(…)")
        return answers[0]

    def predict(self, value: Any) -> list[Any]:
        """The answers to one input or to a list of them, in their order.

        Raises:
            ModelCallError: As for one.
        """
        if _on_the_loop():
            raise ModelCallError(
                500, "in an async function write await asyncio.to_thread(model, …): model(…) waits"
            )
        if self._codec.form.file and any(isinstance(item, str | Path) for item in _items(value)):
            raise ModelCallError(422, "model(…) takes no path, but the file's bytes: Path(path).read_bytes()")
        try:
            arrays = self._codec.prepare(value)
        except InputError as error:
            raise ModelCallError(422, str(error)) from None
        body, media_type = encode_inputs(self._codec.signature, arrays)
        status, content = self._ask(media_type.encode(), body)
        answer: dict[str, Any] = orjson.loads(content)
        if status != 200:
            raise ModelCallError(status, answer["error"])
        return read_answers(self._codec, answer["predictions"])


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _on_the_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
