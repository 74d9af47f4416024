"""Choosing where to train, and saying why."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch

from lepton_nb.errors import ArgumentError

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class DeviceChoice:
    device: torch.device
    reason: str

    def __str__(self) -> str:
        return f"{self.device} ({self.reason})"


def choose_device(requested: str = "auto") -> DeviceChoice:
    """The device asked for, or the accelerator that is really there, or the CPU.

    A CUDA build reports an accelerator even on a machine without one, hence ``check_available``.

    Raises:
        ArgumentError: If the device asked for is not on this machine.
    """
    found = torch.accelerator.current_accelerator(check_available=True)
    if requested == "auto":
        if found is None:
            return DeviceChoice(torch.device("cpu"), "no accelerator found")
        return DeviceChoice(found, _accelerator_name(found))
    try:
        device = torch.device(requested)
    except RuntimeError:
        raise ArgumentError(
            f"There is no device {requested!r}.", "Use auto, cpu, cuda, cuda:1, mps or xpu."
        ) from None
    if device.type == "cpu":
        return DeviceChoice(device, "as asked")
    if found is None or found.type != device.type:
        here = "only a CPU" if found is None else f"{found.type} and a CPU"
        raise ArgumentError(
            f"This machine has no {device.type} device, {here}.", "Leave --device out to choose it."
        )
    count = torch.accelerator.device_count()
    if device.index is not None and device.index >= count:
        raise ArgumentError(f"Device {requested} does not exist: there are {count}, counted from 0.")
    return DeviceChoice(device, f"as asked, {_accelerator_name(device)}")


def choose_precision(requested: str, device: torch.device) -> Precision:
    """The number format of the forward pass. See `TrainConfig.precision`."""
    if requested == "auto":
        return (
            "bf16"
            if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
            else "fp32"
        )
    if requested == "fp16" and device.type == "cpu":
        raise ArgumentError("fp16 does not train on a CPU.", "Use --precision bf16 or fp32.")
    return cast(Precision, requested)


def precision_warning(precision: Precision, device: torch.device) -> str | None:
    """What to say of bf16 on a processor that has to imitate it: convolutions take many times as long."""
    if precision != "bf16" or device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return None
    return (
        "This processor has no bf16 units, so bf16 may be many times slower than fp32 here: "
        "--autotune speed measures it."
    )


def make_autocast(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """The context of the forward pass for that precision; it may be entered again and again."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


def _accelerator_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return "Apple GPU" if device.type == "mps" else f"{device.type} accelerator"
