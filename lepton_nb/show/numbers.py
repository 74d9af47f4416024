"""Numbers, sizes and durations as people read them, one spelling each.

The scripts in the browser spell them alike: `labextension/test/spelling.json` holds both sides to it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def number(value: float | None) -> str:
    """A value in a table: ``0.9100``, ``12.35``, ``1,200``; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 10_000 or (size > 1 and float(value).is_integer()):
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.4g}"
    return f"{value:.4f}" if size >= 0.001 or size == 0 else f"{value:.2e}"


def cell_text(value: str | float | None) -> str:
    """What stands in a cell of a table: a text as it is, a value as a `number`."""
    return value if isinstance(value, str) else number(value)


def figure(value: float) -> str:
    """A metric as it changes: four decimals near one, fewer for large values, powers of ten for tiny ones."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if size >= 0.001 or size == 0 else f"{value:.2e}"


def quantity(count: int) -> str:
    """``12.3 M``: three digits and a unit of thousands."""
    if count < 1000:
        return str(count)
    power = min(int(math.log10(count)) // 3, 5)
    return f"{count / 1000**power:.3g} {' kMGTP'[power]}"


def size(count: float) -> str:
    """Bytes: ``512 B``, ``1.4 MB``, in powers of 1000, as disks and torch count them."""
    if count < 999.5:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:.3g} TB"


def limit(count: float) -> str:
    """Bytes that may be taken: ``64 KiB``, ``32 MiB``, ``1.5 GiB``, in powers of 1024, as limits are set."""
    shift, unit = (30, "GiB") if count >= 1 << 30 else (20, "MiB") if count >= 1 << 20 else (10, "KiB")
    return f"{count / (1 << shift):.3g} {unit}"


def duration(seconds: float) -> str:
    """``35 µs``, ``3.4 ms``, ``0.8 s``, ``42 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 0.0995:
        milliseconds = max(seconds, 0.0) * 1e3
        small = f"{milliseconds:.3g} ms" if milliseconds >= 0.9995 else f"{milliseconds * 1e3:.3g} µs"
        return small if milliseconds else "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = int(seconds + 0.5)
    for long, unit, part, part_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= long:
            rest = whole % long // part
            return f"{whole // long} {unit}" + (f" {rest} {part_unit}" if rest else "")
    return f"{whole} s"


def age(since: float) -> str:
    """How long ago, in one unit: ``now``, ``5 min ago``, ``3 d ago``."""
    seconds = time.time() - since
    if seconds < 60:
        return "now"
    words = duration(seconds).split()
    return f"{words[0]} {words[1]} ago"


def sparkline(values: Sequence[float], width: int = 12) -> str:
    """The values as a row of bars, at most `width`; ones that are not finite are left out."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    if len(finite) > width:
        finite = [finite[round(i * (len(finite) - 1) / (width - 1))] for i in range(width)]
    low, high = min(finite), max(finite)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in finite)
