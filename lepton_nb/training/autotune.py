"""Choosing precision, memory layout, compilation and batch size by measuring a few steps of the user's model.

Habits mislead: channels-last and ``torch.compile`` speed one network up and slow another down, and bfloat16
is twice as fast on a processor with units for it and twenty times as slow on one without.

Nothing is measured unless it is asked for. Every choice changes the last bits of the result, bfloat16 more
than those, and a measurement may come out otherwise tomorrow: a run with the default settings shall be the
same everywhere. What was chosen is written into the run's settings, so that a resumed run keeps it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lepton_nb.data import Batch, DataBundle
from lepton_nb.models.losses import loss_untouched
from lepton_nb.models.seeding import private_rng
from lepton_nb.runs import home
from lepton_nb.training.allocator import freed_memory_kept
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.device import Precision, choose_precision, make_autocast
from lepton_nb.training.gradients import backward, is_out_of_memory
from lepton_nb.training.optimizers import forget_gradients, make_optimizer

WARM_UP, STEPS = 2, 5
PATIENCE = 4.0  # seconds after which a candidate has been measured enough, however few steps that were
GAIN = 1.05  # a candidate must be this much faster: less is noise
COMPILE_WORTH = 300.0  # seconds of training from which compilation, which takes a minute, may pay
LARGEST_BATCH = 1024


@dataclass(frozen=True)
class Candidate:
    """Settings to measure."""

    precision: Precision = "fp32"
    channels_last: bool = False
    compile: bool = False
    batch_size: int = 64

    def __str__(self) -> str:
        parts: list[str] = [self.precision]
        parts += ["channels-last"] if self.channels_last else []
        parts += ["compiled"] if self.compile else []
        return f"{' '.join(parts)}, batch {self.batch_size}"


@dataclass
class Choice:
    """What was measured, and the fastest.

    Attributes:
        speeds: Items a second of each candidate, in the order measured; 0 where it failed.
    """

    best: Candidate
    speeds: dict[str, float] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What the log says."""
        start = next(iter(self.speeds.values()))
        fastest = self.speeds[str(self.best)]
        rows = [
            f"  {name}: {speed:,.0f} items/s" if speed else f"  {name}: failed"
            for name, speed in self.speeds.items()
        ]
        return [f"autotune chose {self.best}: {fastest / max(start, 1e-9):.2f} times the speed", *rows]


def autotune(
    model: nn.Module, data: DataBundle, criterion: Any, config: TrainConfig, device: torch.device
) -> Choice:
    """The fastest settings for this model, these batches and this machine; measured once, then remembered.

    The model is measured as a copy and stays as it is. Precision is varied where it is ``auto``, the others
    where they are off; the batch size only where ``config.autotune`` is ``batch``.

    Args:
        model: On the device.
    """
    start = Candidate(
        "fp32" if config.precision == "auto" else choose_precision(config.precision, device),
        config.channels_last,
        config.compile,
        config.batch_size,
    )
    path = _cache_path(model, data, config, device)
    kept = _read(path)
    if kept is not None:
        return kept
    stopwatch = _Stopwatch(model, data, criterion, config, device)
    choice = Choice(start, {str(start): stopwatch.speed(start)})

    def try_(candidate: Candidate) -> None:
        speed = choice.speeds[str(candidate)] = stopwatch.speed(candidate)
        if speed > GAIN * choice.speeds[str(choice.best)]:
            choice.best = candidate

    with private_rng(), freed_memory_kept(device), loss_untouched(criterion):
        if config.precision == "auto" and device.type in ("cpu", "cuda", "xpu"):
            try_(_with(choice.best, precision="bf16"))
        if not config.channels_last and any(isinstance(module, nn.Conv2d) for module in model.modules()):
            try_(_with(choice.best, channels_last=True))
        own = data.loader("train", batch_size=config.batch_size).batch_size == config.batch_size
        if config.autotune == "batch" and own:  # a DataLoader of the user's keeps its batches
            _grow(choice, try_, len(data.train))
        seconds = len(data.train) * config.epochs / max(choice.speeds[str(choice.best)], 1e-9)
        if not config.compile and seconds > COMPILE_WORTH and _can_compile(device):
            try_(_with(choice.best, compile=True))
    _write(path, choice)
    return choice


def _grow(choice: Choice, try_: Callable[[Candidate], None], items: int) -> None:
    """Double the batch for as long as that is faster."""
    while (size := 2 * choice.best.batch_size) <= min(LARGEST_BATCH, items // 8):
        try_(_with(choice.best, batch_size=size))
        if choice.best.batch_size != size:
            return


class _Stopwatch:
    """Measures steps of copies of a model."""

    def __init__(
        self,
        model: nn.Module,
        data: DataBundle,
        criterion: Any,
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        self.model, self.data, self.criterion = model, data, criterion
        self.config, self.device = config, device

    def speed(self, candidate: Candidate) -> float:
        """Items a second; 0 where the candidate does not run."""
        loader = self.data.loader("train", batch_size=candidate.batch_size, device=self.device)
        batch = next(iter(loader.batches(0)))
        try:
            return batch.items / self._step_seconds(candidate, batch)
        except Exception as error:  # a copy, a kernel or a compiler that fails is one way of being slow
            if is_out_of_memory(error) and torch.accelerator.is_available():
                torch.accelerator.empty_cache()
            return 0.0

    def _step_seconds(self, candidate: Candidate, batch: Batch) -> float:
        """The fastest of a few steps: others only slow a step down."""
        model = copy.deepcopy(self.model).train()
        if candidate.channels_last:
            model.to(memory_format=torch.channels_last)
        if candidate.compile:
            compile_in_place(model, self.device)
        optimizer = make_optimizer(model, self.config)
        forget = forget_gradients(optimizer)
        autocast = make_autocast(self.device, candidate.precision)
        objective = self.data.task.objective(self.data.signature, self.criterion)
        scaler = torch.amp.GradScaler(self.device.type, enabled=False)
        best, began = math.inf, time.perf_counter()
        for number in range(WARM_UP + STEPS):
            started = time.perf_counter()
            backward(objective, model, batch, autocast, scaler)
            optimizer.step()
            forget()
            if self.device.type != "cpu":
                torch.accelerator.synchronize(self.device)
            now = time.perf_counter()
            if number >= WARM_UP or now - began > PATIENCE:
                best = min(best, now - started)
            if now - began > PATIENCE:
                break
        return best


def compile_in_place(model: nn.Module, device: torch.device) -> None:
    """``torch.compile``; on a GPU with CUDA graphs, which small models need most."""
    model.compile(mode="reduce-overhead" if device.type == "cuda" else None)


def _can_compile(device: torch.device) -> bool:
    return device.type == "cuda" or any(shutil.which(name) for name in ("c++", "g++", "clang++"))


def _with(candidate: Candidate, **changes: Any) -> Candidate:
    return Candidate(**{**asdict(candidate), **changes})


def _cache_path(model: nn.Module, data: DataBundle, config: TrainConfig, device: torch.device) -> Path:
    """Named by all that the speed depends on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    about = [
        str(model),
        [tuple(parameter.shape) for parameter in model.parameters()],
        [(spec.shape, spec.dtype) for spec in data.signature.inputs],
        (config.autotune, config.precision, config.channels_last, config.compile),
        (config.batch_size, config.optimizer, config.epochs * len(data.train) // 10_000),
        (name, torch.__version__, torch.get_num_threads(), _processor()),
    ]
    return home() / "cache" / "autotune" / f"{hashlib.sha256(repr(about).encode()).hexdigest()[:32]}.json"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _read(path: Path) -> Choice | None:
    try:
        kept = json.loads(path.read_text())
        return Choice(Candidate(**kept["best"]), kept["speeds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, choice: Choice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(choice)))
