"""The settings of a run, each with its unit: what `%lepton train --help` shows and the run store keeps."""

from __future__ import annotations

import dataclasses
import math
import types
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.training.adapters import parse_lora


def setting(default: Any, doc: str) -> Any:
    """A dataclass field that carries its own documentation."""
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Every field is an option of `%lepton train`, spelled with dashes.

    Raises:
        ArgumentError: If a value is out of range; says the value and the range.
    """

    epochs: int = setting(10, "passes over the training data")
    batch_size: int = setting(64, "items in one batch; auto measures it, as --autotune batch")
    lr: float | None = setting(None, "peak learning rate; 1e-3 for adam and adamw, 0.1 for sgd")
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = setting("adamw", "how weights are updated")
    schedule: Literal["cosine", "one-cycle", "linear", "step", "plateau", "warmup", "constant"] = setting(
        "cosine", "how the learning rate moves over the run; %lepton schedule draws it"
    )
    scheduler_by: Literal["auto", "step", "epoch"] = setting(
        "auto", "when your own scheduler is stepped; auto is step for OneCycleLR and the like, else epoch"
    )
    warmup: float = setting(0.05, "share of the run in which the learning rate rises, except in one-cycle")
    drop: float = setting(0.1, "factor of the learning rate at each drop of a step or plateau schedule")
    drop_after: int | None = setting(
        None, "epochs between drops of step (a third of the run), or without improvement in plateau (3)"
    )
    weight_decay: float = setting(0.01, "pull of the weights towards zero")
    momentum: float = setting(0.9, "momentum of sgd (Nesterov) and rmsprop")
    clip: float | None = setting(None, "largest norm of the gradient; larger ones are scaled down")
    accumulation: int = setting(1, "batches whose gradients make one step")
    freeze: str | None = setting(
        None,
        "layers that stay as they are, by name: layer1,layer2 or features.*; backbone is all but the last",
    )
    unfreeze_at: int | None = setting(None, "epochs after which the frozen layers train, too")
    lr_decay: float = setting(
        1.0, "learning rate of each block of layers, as a factor of the block's after it; 0.8 for fine-tuning"
    )
    lora: str | None = setting(
        None,
        "train small matrices beside the linear layers: r=8, with alpha=16,dropout=0.1,targets=query|value",
    )
    label_smoothing: float = setting(0.0, "share of the target given to the other classes, 0 to 1")
    class_weights: Literal["none", "balanced"] = setting(
        "none", "whether rare classes count more in the loss"
    )
    mixup: float = setting(0.0, "alpha of mixup, which blends pairs of items; 0 is off, 0.2 is usual")
    cutmix: float = setting(
        0.0, "alpha of cutmix, which pastes a box of another picture; 0 is off, 1 is usual"
    )
    ema: float | None = setting(
        None, "decay of a moving average of the weights, which is validated and kept; 0.999 is usual"
    )
    swa: float | None = setting(
        None, "share of the run at its end whose weights are averaged, validated and kept; 0.25 is usual"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto", "number format of the forward pass; auto is bf16 on accelerators that have it, else fp32"
    )
    on_nan: Literal["stop", "skip"] = setting(
        "stop", "at a loss that is NaN or infinite, stop or leave the batch out; skip checks gradients, too"
    )
    profile: bool = setting(False, "show where the time of a step goes, and what to do about it")
    compile: bool = setting(False, "compile the model with torch.compile")
    channels_last: bool = setting(False, "keep weights of 2d convolutions with the channels last in memory")
    autotune: Literal["off", "speed", "batch"] = setting(
        "off",
        "measure a few steps, take the fastest precision, layout and compilation; batch: and batch size",
    )
    device: str = setting("auto", "where to train: auto, cpu, cuda, cuda:1, mps, xpu")
    seed: int = setting(0, "seed of weights, order and augmentation")
    monitor: str | None = setting(
        None,
        "metric of evaluate that says which epoch is best: f1, auroc, val_loss …; with :min or :max",
    )
    patience: int | None = setting(None, "stop after so many epochs without a better validation value")
    sink: str | None = setting(
        None, "where to log, too: tensorboard, mlflow, wandb; with a place as in tensorboard:logs"
    )
    checkpoint_every: float = setting(60.0, "seconds between checkpoints within an epoch")
    keep: int = setting(2, "newest checkpoints to keep, besides the best")
    keep_best: int = setting(1, "best checkpoints to keep, by the monitored metric")
    disk_budget: float | None = setting(
        None, "GB for the run's checkpoints; the oldest go first, the newest and the best stay"
    )
    restore_best: bool = setting(True, "leave the best weights in the model at the end, not the last")

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            _check_range(name, getattr(self, name), low, high)
        hints = get_type_hints(type(self))
        for name, choices in ((f.name, get_args(hints[f.name])) for f in fields(self)):
            if get_origin(hints[name]) is Literal and getattr(self, name) not in choices:
                _reject_choice(name, getattr(self, name), choices)
        if self.lora is not None:
            parse_lora(self.lora)
        if self.ema is not None and self.swa is not None:
            raise ArgumentError("Both ema and swa are given, two ways to average weights.", "Leave one out.")
        if self.unfreeze_at is not None and self.freeze is None:
            raise ArgumentError(
                "unfreeze_at is given, but nothing is frozen.", "For example --freeze backbone"
            )

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> TrainConfig:
        """A config from keyword arguments, in which ``batch_size="auto"`` stands for ``autotune="batch"``.

        Raises:
            ArgumentError: If a name is unknown, or a value has the wrong type or is out of range.
        """
        if options.get("batch_size") == "auto":
            options = {name: value for name, value in options.items() if name != "batch_size"}
            options["autotune"] = "batch"
        known = {f.name for f in fields(cls)}
        for name in options:
            if name not in known:
                raise ArgumentError(f"train() has no setting {name!r}.", did_you_mean(name, sorted(known)))
        hints = get_type_hints(cls)
        return cls(**{name: _coerce(name, value, hints[name]) for name, value in options.items()})

    def replace(self, **changes: Any) -> TrainConfig:
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @property
    def peak_lr(self) -> float:
        """The learning rate given, or the optimizer's customary one."""
        if self.lr is not None:
            return self.lr
        return 0.1 if self.optimizer == "sgd" else 1e-3


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("epochs", 1, math.inf),
    ("batch_size", 1, math.inf),
    ("lr", 0.0, math.inf),
    ("warmup", 0.0, 0.9),
    ("drop", 0.0, 1.0),
    ("drop_after", 1, math.inf),
    ("unfreeze_at", 1, math.inf),
    ("lr_decay", 1e-3, 1.0),
    ("mixup", 0.0, 100.0),
    ("cutmix", 0.0, 100.0),
    ("ema", 0.0, 0.999999),
    ("swa", 0.01, 1.0),
    ("weight_decay", 0.0, math.inf),
    ("momentum", 0.0, 1.0),
    ("clip", 1e-12, math.inf),
    ("accumulation", 1, math.inf),
    ("label_smoothing", 0.0, 0.99),
    ("patience", 1, math.inf),
    ("checkpoint_every", 0.0, math.inf),
    ("keep", 1, math.inf),
    ("keep_best", 1, math.inf),
    ("disk_budget", 1e-6, math.inf),
)


def allowed_range(name: str) -> tuple[float, float] | None:
    """The smallest and the largest value of a setting; None where it is no number."""
    return next(((low, high) for known, low, high in _RANGES if known == name), None)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is None or low <= value <= high:
        return
    expected = f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
    raise ArgumentError(
        f"{name} is {value:g}; expected {expected}.", f"For example {_option(name)} {max(low, 1e-3):g}"
    )


def _reject_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    hint = did_you_mean(str(value), choices)
    raise ArgumentError(f"{name} is {value!r}; expected one of {', '.join(choices)}.", hint)


def _coerce(name: str, value: Any, hint: Any) -> Any:
    """`value` as the field's type where that loses nothing (1 as 1.0, 10.0 as 10)."""
    kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and "none" in get_args(hint):
        return "none"
    if value is None and type(None) in kinds:
        return None
    if get_origin(hint) is Literal or isinstance(value, bool) == (bool in kinds):
        if float in kinds and isinstance(value, (int, float)):
            return float(value)
        if int in kinds and isinstance(value, (int, float)) and value == int(value):
            return int(value)
        if get_origin(hint) is Literal or isinstance(value, kinds):
            return value
    expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
    raise ArgumentError(f"{name} is {value!r}, a {type(value).__name__}; expected {expected}.")
