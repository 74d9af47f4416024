"""Where a step's time goes: data, forward, backward, optimizer, and what the loop adds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.data import Batch, Loader
from lepton_nb.show.numbers import duration

if TYPE_CHECKING:
    from lepton_nb.training.loop import Work

PARTS = ("data", "forward", "backward", "optimizer", "overhead")
WARM_UP = 5  # steps that do not count: kernels are chosen, memory is got
STEPS = 50  # steps that do


@dataclass(frozen=True)
class StepProfile:
    """What a mean step is made of.

    Attributes:
        seconds: Of each of `PARTS`.
        steps: How many were measured.
        device: Where.
        bottleneck: The part that is worth a change.
        remedy: What to change.
    """

    seconds: dict[str, float]
    steps: int
    device: str
    bottleneck: str
    remedy: str

    @property
    def step_seconds(self) -> float:
        return sum(self.seconds.values())

    def share(self, part: str) -> float:
        return self.seconds[part] / max(self.step_seconds, 1e-12)

    def figure(self) -> Any:
        """One bar a part, as a share of the step."""
        from lepton_nb.plots.charts import Bars
        from lepton_nb.plots.drawn import draw

        title = f"A step takes {duration(self.step_seconds)} ({self.device}, mean of {self.steps})"
        shares = [self.share(part) for part in PARTS]
        return draw(Bars(name="step", title=title, y="share of the step", at=PARTS, heights=shares))

    def to_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "steps": self.steps, "device": self.device} | {
            "bottleneck": self.bottleneck,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        parts = ", ".join(f"{part} {self.share(part):.0%}" for part in PARTS)
        return (
            f"A step takes {duration(self.step_seconds)}: {parts}.\n"
            f"Bottleneck: {self.bottleneck} ({self.share(self.bottleneck):.0%}). {self.remedy}"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from lepton_nb.plots.theme import png

        return {"text/plain": str(self), "image/png": png(self.figure())}


class Profiler(Callback):
    """Takes the first steps of a run apart, then lets go of the loop.

    At every boundary an accelerator is waited for, so that its work is booked where it belongs; the steps
    that are measured are a little slower for it.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._clock = _Clock()
        self._step = 0
        self._detach: list[Any] = []

    def on_fit_start(self, state: TrainState) -> None:
        work, clock = self._work, self._clock
        clock.device = state.device
        loader, objective = work.train_loader, work.gradients.objective

        def timed(model: Any, batch: Batch) -> Any:
            clock.mark("forward")
            found = objective(model, batch)
            clock.mark("backward")
            return found

        work.train_loader = _Timed(loader, clock)
        work.gradients.objective = timed
        hooks = [
            state.optimizer.register_step_pre_hook(lambda *_: clock.mark("optimizer")),
            state.optimizer.register_step_post_hook(lambda *_: clock.mark("overhead")),
        ]

        def detach() -> None:
            work.train_loader = loader
            work.gradients.objective = objective
            for hook in hooks:
                hook.remove()

        self._detach = [detach]

    def on_step_end(self, state: TrainState) -> None:
        self._step += 1
        if self._step == WARM_UP:
            self._clock.start()
        elif self._step == WARM_UP + STEPS:
            self._finish(state)

    def on_epoch_start(self, state: TrainState) -> None:  # noqa: ARG002
        self._clock.current = "overhead"
        self._clock.last = time.perf_counter()

    def on_validation_end(self, state: TrainState) -> None:  # noqa: ARG002
        self._clock.last = time.perf_counter()

    def on_fit_end(self, state: TrainState) -> None:
        self._finish(state)

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._finish(state)

    def _finish(self, state: TrainState) -> None:
        """Say what was found, once."""
        if not self._detach:
            return
        self._detach.pop()()
        steps = self._step - WARM_UP
        if steps < 1:
            return
        self._clock.mark("overhead")
        seconds = {part: self._clock.seconds[part] / steps for part in PARTS}
        bottleneck, remedy = advise(seconds, state, self._work.train_loader)
        found = StepProfile(seconds, steps, str(state.device), bottleneck, remedy)
        state.run.live["profile"] = found
        state.run.write_json("profile.json", found.to_dict())
        for line in str(found).splitlines():
            state.run.append_log(line)


class _Clock:
    """Books the time since the last mark to the part that was current."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.current = "overhead"
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.last = time.perf_counter()

    def start(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.last = time.perf_counter()

    def mark(self, part: str) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
        now = time.perf_counter()
        self.seconds[self.current] += now - self.last
        self.current, self.last = part, now


class _Timed:
    """A loader whose batches tell the clock how long they took to come."""

    def __init__(self, loader: Loader, clock: _Clock) -> None:
        self.batch_size, self.num_items = loader.batch_size, loader.num_items
        self._loader, self._clock = loader, clock

    def __len__(self) -> int:
        return len(self._loader)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        batches = iter(self._loader.batches(epoch, start))
        while True:
            self._clock.mark("data")
            batch = next(batches, None)
            self._clock.mark("overhead")
            if batch is None:
                return
            yield batch


def advise(seconds: dict[str, float], state: TrainState, loader: Loader) -> tuple[str, str]:
    """The part of a step that is worth a change, and the change."""
    total = sum(seconds.values()) or 1.0
    shares = {part: value / total for part, value in seconds.items()}
    if shares["data"] > 0.25:
        kind = "streams" if getattr(loader, "streams", False) else type(loader).__name__
        return "data", _DATA_REMEDIES.get(kind, _DATA_REMEDIES[""])
    if shares["overhead"] > 0.25 or shares["optimizer"] > 0.4:
        part = "overhead" if shares["overhead"] > shares["optimizer"] else "optimizer"
        if part == "optimizer" and not all(group.get("fused") for group in state.optimizer.param_groups):
            return (
                part,
                "It is not fused; --optimizer adamw, adam or sgd is, where the device has the kernels.",
            )
        return part, f"The model is small for its steps: try a larger --batch-size than {loader.batch_size}."
    part = max(("forward", "backward"), key=lambda name: shares[name])
    return part, _compute_remedy(state)


_DATA_REMEDIES = {
    "UserLoader": "Give your DataLoader num_workers and pin_memory=True, or let %lepton data read the source:"
    " it decodes once.",
    "DatasetLoader": "Items are read one by one: give a DataLoader with num_workers, or let %lepton data read"
    " the source, which decodes once.",
    "streams": "Pictures are decoded while it trains; the next epoch has them. A smaller --image-size costs"
    " less.",
    "LazyLoader": "Pictures are decoded in every epoch: there is no room to keep them. A smaller --image-size"
    " costs less, and may fit.",
    "": "Augmentation or copying takes the time: a lighter --augment, or a larger --batch-size.",
}


def _compute_remedy(state: TrainState) -> str:
    if state.device.type != "cpu":
        return "The device computes, as it should. --autotune speed measures what would be faster here."
    threads, cores = torch.get_num_threads(), len(_cores())
    if threads < cores:
        return f"The model computes on {threads} of {cores} cores: torch.set_num_threads({cores})."
    return "The processor computes, as it should. --autotune speed measures what would be faster here."


def _cores() -> list[int]:
    import psutil

    try:
        return list(psutil.Process().cpu_affinity())
    except AttributeError:  # macOS
        return list(range(psutil.cpu_count(logical=False) or 1))
