"""How busy this machine is now: processors, memory and accelerators, without torch."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import Any

import psutil

_FRESH = 2.0  # seconds an answer is good for
_PATIENCE = 5.0
_FIELDS = "name,utilization.gpu,memory.used,memory.total"
_MIB = 1 << 20


class Machine:
    """Looks at the machine, at most every two seconds. Blocks for as long as ``nvidia-smi`` takes."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}
        self._looked_at = float("-inf")
        self._query = shutil.which("nvidia-smi")
        psutil.cpu_percent()  # the first call only sets the mark

    def look(self) -> dict[str, Any]:
        """``cpu_percent`` of all cores together, ``memory``, and ``devices`` with name, use and memory."""
        if time.monotonic() - self._looked_at > _FRESH:
            memory = psutil.virtual_memory()
            self._seen = {
                "cpu_percent": psutil.cpu_percent(),
                "memory": {"used": memory.total - memory.available, "total": memory.total},
                "devices": self._devices(),
            }
            self._looked_at = time.monotonic()
        return self._seen

    def _devices(self) -> list[dict[str, Any]]:
        if self._query is None:
            return []
        command = [self._query, f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            done = None
        if done is None or done.returncode != 0:
            self._query = None  # no driver: it will not answer the next time
            return []
        return parse_devices(done.stdout)


def parse_devices(text: str) -> list[dict[str, Any]]:
    """The lines of ``nvidia-smi --query-gpu`` as objects; what a device does not tell is None."""
    devices = []
    for line in text.splitlines():
        name, *numbers = (part.strip() for part in line.rsplit(",", 3))
        if len(numbers) == 3:
            percent, used, total = (float(n) if n.replace(".", "", 1).isdigit() else None for n in numbers)
            memory = {"used": used and used * _MIB, "total": total and total * _MIB}
            devices.append({"name": name, "percent": percent, "memory": memory})
    return devices
