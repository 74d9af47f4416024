"""Talking to a running service over HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from lepton_nb.errors import ArgumentError, DeploymentError
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.base import Arrays, Prediction
from lepton_nb.tasks.wire import encode_inputs, read_answers

_CHUNK = 8 << 20  # bytes of model inputs sent in one request
_PROMPT = 5.0  # seconds for what the service answers at once, however busy its model is


class ServiceClient:
    """The routes of one service, with its tokens.

    Args:
        name: The service's name, for messages.
        url: Where it listens.
        token: Its clients' token.
        admin_token: Its administrator's token.
    """

    def __init__(self, name: str, url: str, token: str, admin_token: str) -> None:
        self.name = name
        self._token = token
        self._admin_token = admin_token
        # No proxy of the environment may see these requests.
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=60.0)

    def health(self) -> dict[str, Any]:
        """What ``/healthz`` says; ``{"status": "unreachable"}`` where nothing answers."""
        try:
            answer: dict[str, Any] = self._http.get("/healthz", timeout=_PROMPT).json()
        except (httpx.TransportError, ValueError):
            return {"status": "unreachable"}
        return answer

    def answers_to_its_token(self) -> bool:
        """Whether what listens there is this service: it knows the administrator's token."""
        try:
            return bool(self.stats()["name"] == self.name)
        except DeploymentError:
            return False

    def stats(self) -> dict[str, Any]:
        return self._ask("GET", "/admin/stats", self._admin_token, timeout=_PROMPT)

    def activate(self, package: Path, version: int, device: str, *, with_environment: bool = False) -> None:
        """Switch the service to another package.

        Args:
            with_environment: Give its routes the environment of this process, which stays in memory there.

        Raises:
            DeploymentError: If the service refuses it; what was live stays live.
        """
        wanted: dict[str, Any] = {"package": str(package), "version": version, "device": device}
        if with_environment:  # each byte as one character: it need not be UTF-8
            items = os.environb.items()
            wanted["environment"] = {name.decode("latin-1"): value.decode("latin-1") for name, value in items}
        body = json.dumps(wanted).encode()
        self._ask("POST", "/admin/activate", self._admin_token, body, "application/json", timeout=300.0)

    def predict(self, codec: Codec, value: Any) -> list[Prediction]:
        """Ask for the answers to one real input, or a list of them.

        Raises:
            ArgumentError: If the value is no input of the model.
            DeploymentError: If the service does not answer.
        """
        return self.answer(codec, prepare(codec, value))

    def answer(self, codec: Codec, inputs: Arrays) -> list[Prediction]:
        """Ask for the answers to model inputs.

        Raises:
            DeploymentError: If the service does not answer.
        """
        predictions: list[dict[str, Any]] = []
        for arrays in _chunks(inputs):
            body, media_type = encode_inputs(codec.signature, arrays)
            predictions += self._ask("POST", "/predict", self._token, body, media_type)["predictions"]
        return read_answers(codec, predictions)

    def stream(self, codec: Codec, value: Any) -> Iterator[Any]:
        """Ask for the answer to one real input, in pieces as they come.

        Raises:
            ArgumentError: If the value is no input of the model, or the model answers in one piece.
            DeploymentError: If the service does not answer, or breaks off.
        """
        arrays = prepare(codec, value)
        if not codec.streams or len(arrays[0]) != 1:
            seen = (
                f"{len(arrays[0])} inputs are given" if codec.streams else "this model answers in one piece"
            )
            raise ArgumentError(
                f"Only one answer comes in pieces: {seen}.", "predict(…) gives answers whole."
            )
        return self._pieces(*encode_inputs(codec.signature, arrays))

    def _pieces(self, body: bytes, media_type: str) -> Iterator[Any]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": media_type,
            "Accept": "application/x-ndjson",
        }
        asked = self._http.stream("POST", "/predict", content=body, headers=headers)
        with self._reached(), asked as answer:
            for line in answer.iter_lines():
                said = json.loads(line)
                if "error" in said:
                    raise self._refused(answer.status_code, said)
                if "piece" in said:
                    yield said["piece"]

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (httpx.TransportError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise DeploymentError(
                f"The service {self.name} does not answer: {reason}.",
                f"%lepton logs {self.name} shows why; %lepton deploy starts it again.",
            ) from None

    def _refused(self, status: int, content: dict[str, Any]) -> DeploymentError:
        how = f"answered {status}" if status != 200 else "broke off its answer"
        return DeploymentError(f"The service {self.name} {how}: {content['error']}")

    def _ask(
        self,
        method: str,
        path: str,
        token: str,
        body: bytes | None = None,
        media_type: str = "application/json",
        timeout: float = 60.0,
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type}
        with self._reached():
            answer = self._http.request(method, path, content=body, headers=headers, timeout=timeout)
            content: dict[str, Any] = answer.json()
        if answer.is_error:
            raise self._refused(answer.status_code, content)
        return content


def prepare(codec: Codec, value: Any) -> Arrays:
    """A real input as model inputs.

    Raises:
        ArgumentError: If it is none of the codec's.
    """
    try:
        return codec.prepare(value)
    except InputError as error:
        raise ArgumentError(f"This is not an input of the model: {error}") from None


@lru_cache(maxsize=64)
def codec_of(package: Path) -> Codec:
    """The codec of a package, by its path; packages never change."""
    signature = Signature.from_dict(json.loads((package / "signature.json").read_text("utf-8")))
    return get_task(signature.task).codec(signature)


def _chunks(arrays: Arrays) -> Iterator[Arrays]:
    item = max(1, sum(array[:1].nbytes for array in arrays))
    step = max(1, _CHUNK // item)
    for start in range(0, len(arrays[0]), step):
        yield tuple(array[start : start + step] for array in arrays)
