"""The live panel of a service: its state and figures, a box to try it, its log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import traitlets

from lepton_nb.deployment import Deployment
from lepton_nb.deployment.card import MIME
from lepton_nb.deployment.client import codec_of
from lepton_nb.errors import ArgumentError, LeptonError
from lepton_nb.tasks.base import Media, Prediction
from lepton_nb.widgets.assets import joined
from lepton_nb.widgets.enhanced import Enhanced

_LOG_LINES = 40
_LONGEST_EXAMPLE = 2000  # characters of JSON to put into the box


class DeploymentPanel(Enhanced):
    """A view of a service. It asks for news only while it can be seen.

    Args:
        deployment: The service.
        stop: Called for a click on Stop.

    Attributes:
        info: What does not change: the name, the kind of input, an example of one.
        seen: What the service last said of itself, and the end of its log.
    """

    _esm = joined("elements.js", "enhanced.js", "service_page.js", "deployment_panel.js")
    _css = joined("panel.css", "deployment_panel.css")

    info = traitlets.Dict().tag(sync=True)
    seen = traitlets.Dict().tag(sync=True)

    def __init__(self, deployment: Deployment, stop: Callable[[], None]) -> None:
        super().__init__(info=describe(deployment), seen=look(deployment))
        self.fallback = beside(deployment, self.host)
        self._deployment = deployment
        self._stop = stop

    def _answer(self, _: Any, content: Any, buffers: Sequence[Any]) -> None:
        """What the view asks. It may come on any thread; nothing is printed."""
        ask = content.get("ask") if isinstance(content, dict) else None
        try:
            if ask == "look":
                self.seen = look(self._deployment)
            elif ask == "predict":
                started = time.perf_counter()
                answer = self._deployment.predict(read_input(content, buffers))[0]
                self._show(answer, time.perf_counter() - started)
            elif ask == "stop":
                self._stop()
        except LeptonError as error:
            self.send({"problem": str(error)})
        except Exception as error:  # a traceback would land in whichever cell is running
            self.send({"problem": f"{type(error).__name__}: {error}"})

    def _show(self, answer: Prediction, seconds: float) -> None:
        if isinstance(answer, Media):
            self.send({"answer": {}, "media": answer.type, "seconds": seconds}, [answer.content])
        else:
            self.send({"answer": answer, "seconds": seconds})


def beside(deployment: Deployment, host: str) -> dict[str, Any]:
    """What a saved notebook shows in the panel's place; the lab draws the service as it is now."""
    name = deployment.name
    line = f"%lepton deployments {name}"
    return {
        "text/plain": f"The live panel of {name} needs a kernel. To see it again: {line}",
        "text/html": f'<span style="opacity: 0.7">The live panel of {escape(name)} needs a kernel.'
        f" To see it again: <code>{escape(line)}</code></span>",
        MIME: {"version": 1, "name": name, "panel": host, "has_card": True},
    }


def describe(deployment: Deployment) -> dict[str, Any]:
    """What the panel needs to know once: which kind of input to ask for, with an example."""
    record = deployment.store.get_package(deployment.record.package, deployment.record.version)
    codec = codec_of(record.path)
    example = codec.example()
    value = next(iter(example.values())) if len(example) == 1 else example
    lines = 1 if isinstance(value, dict) else None  # a row is easier to edit with one column a line
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=lines)
    return {
        "name": deployment.name,
        "form": codec.about(),
        "example": text if not codec.form.file and len(text) <= _LONGEST_EXAMPLE else "",
    }


def look(deployment: Deployment) -> dict[str, Any]:
    """The service as it is now. ``at`` makes every look another, so that the view hears of it."""
    try:
        stats = deployment.stats()
    except LeptonError as error:
        stats = {"state": "unreachable", "error": error.message}
    return {**stats, "at": time.time(), "log": deployment.logs(_LOG_LINES), "changed": changes(deployment)}


def changes(deployment: Deployment) -> list[str]:
    """What the notebook has that is not live, of the version that is live now."""
    try:
        return deployment.refresh().changed()
    except LeptonError:  # it was stopped elsewhere
        return []


def read_input(content: dict[str, Any], buffers: Sequence[Any]) -> Any:
    """The input that the view sent: a file's bytes, a text, or JSON.

    Raises:
        ArgumentError: If the JSON is none.
    """
    if content["sent"] == "file":
        return bytes(buffers[0])
    text = str(content["text"])
    if content["sent"] == "text":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ArgumentError(f"This is not JSON: {error}.") from None
