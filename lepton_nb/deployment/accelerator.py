"""Where a package runs best on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_DEVICE_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dri", "/dev/dxg")


def choose_device(formats: Iterable[str]) -> str:
    """The accelerator, as torch names it, where there is one and a format that runs on it; else ``cpu``."""
    if not {"pt2", "source"} & set(formats) or not _may_have_one():
        return "cpu"
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return str(accelerator) if accelerator is not None else "cpu"


def _may_have_one() -> bool:
    """A cheap look, so that deploying a ready package on a CPU machine does not wait for torch's import."""
    if "torch" in sys.modules:
        return True
    try:
        if version("torch").endswith("+cpu"):
            return False
    except PackageNotFoundError:
        return False
    return sys.platform == "darwin" or any(Path(name).exists() for name in _DEVICE_FILES)
