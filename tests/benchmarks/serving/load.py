"""wrk: the load, and what it measured."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.serving.requests import Ask

_SCRIPT = """
local file = io.open("{body}", "rb"); wrk.body = file:read("*a"); file:close()
wrk.method = "POST"
{headers}
done = function(summary, latency, requests)
  io.write(string.format(
    '{{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Sample:
    """One run of wrk: requests a second, latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    failed: int


def run_wrk(url: str, ask: Ask, connections: int, seconds: float, folder: Path) -> Sample:
    """Keep `connections` requests in flight for some seconds."""
    body, script = folder / "body", folder / "wrk.lua"
    body.write_bytes(ask.body)
    headers = {"Content-Type": ask.content_type, **ask.headers}
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script.write_text(_SCRIPT.format(body=body, headers=lines))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(script)]
    done = subprocess.run([*command, url + ask.path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout[done.stdout.rindex('{"requests"') :])
    return Sample(found["requests"] / found["seconds"], found["p50"], found["p99"], found["failed"])
