"""Numbers, times and sizes as people read them."""

from __future__ import annotations

import math

PHASES = {
    "queued": "Queued",
    "starting": "Starting",
    "training": "Training",
    "validating": "Validating",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "interrupted": "Interrupted",
}


def duration(seconds: float) -> str:
    """``0.8 s``, ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def figure(value: float) -> str:
    """A metric: four decimals near one, fewer for large values, powers of ten for tiny ones."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.2f}"
    if size >= 0.001 or size == 0:
        return f"{value:.4f}"
    return f"{value:.2e}"


def size(count: float) -> str:
    """``512 MB``, ``1.4 GB``: powers of 1000, as disks and torch count them."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def metric_title(name: str) -> str:
    """``val_accuracy`` as ``validation accuracy``, ``train_loss`` as ``training loss``."""
    for prefix, word in (("val_", "validation "), ("train_", "training ")):
        if name.startswith(prefix):
            return word + name.removeprefix(prefix).replace("_", " ")
    return name.replace("_", " ")
