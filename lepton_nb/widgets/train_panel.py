"""The live panel of a training run: curves, progress, Pause, Stop and the learning rate."""

from __future__ import annotations

from typing import Any

import traitlets

from lepton_nb.callbacks import Control
from lepton_nb.widgets.assets import joined
from lepton_nb.widgets.curves import Curves
from lepton_nb.widgets.enhanced import Enhanced


class TrainPanel(Enhanced):
    """A view of a run in training. Its buttons only ask: the loop obeys between two steps.

    Points travel as patches, in messages of their own. `curves` is changed in place, which sends nothing, so
    that a view drawn again (a reloaded page) still finds every point there.

    Attributes:
        info: What does not change: name, model, data, device, monitor, epochs, steps an epoch.
        progress: Where the run is: phase, epoch, step, speed, time left, learning rate, memory, best value.
        curves: All points by metric, ``{"x": [...], "y": [...]}`` with x in steps.
    """

    _esm = joined("elements.js", "enhanced.js", "chart.js", "train_panel.js")
    _css = joined("panel.css", "train_panel.css")

    info = traitlets.Dict().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)

    def __init__(
        self, control: Control, info: dict[str, Any], progress: dict[str, Any], points: Curves
    ) -> None:
        super().__init__(info=info, progress=progress, curves=points.to_dict())
        self._control = control
        self._points = points
        points.patch()  # what is there already went with the traits

    def refresh(self, progress: dict[str, Any]) -> None:
        """Send the new points and numbers."""
        self.curves.update(self._points.to_dict())
        patch = self._points.patch()
        if patch:
            self.send({"patch": patch})
        self.progress = progress

    def _answer(self, _: Any, content: Any, __: Any) -> None:
        """A click. It may come on any thread, so it does nothing but set the control's events."""
        action = content.get("ask") if isinstance(content, dict) else None
        if action == "stop":
            self._control.stop()
        elif action == "pause":
            self._control.pause()
        elif action == "resume":
            self._control.resume()
        elif action == "lr" and isinstance(value := content.get("value"), int | float):
            self._control.change_lr(float(value))
