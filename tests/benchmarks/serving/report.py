"""The measurements as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.serving.load import Sample
from tests.benchmarks.serving.servers import Server

Samples = dict[tuple[str, str, int], list[Sample]]
"""The rounds of each server, kind and number of connections."""


def rate(samples: Samples, name: str, kind: str, connections: int) -> float:
    found = samples.get((name, kind, connections))
    return median(sample.rate for sample in found) if found else 0.0


def p99(samples: Samples, name: str, kind: str, connections: int) -> float:
    found = samples.get((name, kind, connections))
    return median(sample.p99 for sample in found) if found else 0.0


def kind_table(
    samples: Samples,
    servers: Sequence[Server],
    kind: str,
    connections: Sequence[int],
    limit: dict[str, float],
) -> str:
    """Requests a second and latencies of one kind of request, and the share of the model's limit."""
    names = [server.name for server in servers if any((server.name, kind, c) in samples for c in connections)]
    head = [
        "",
        *(f"{c} conn." for c in connections),
        f"p50 / p99 at {connections[-1]}",
        "of batch 1 / 8 / 32",
    ]
    rows = [head, ["---"] * len(head)]
    for name in names:
        rates = [rate(samples, name, kind, c) for c in connections]
        last = samples[name, kind, connections[-1]]
        failed = sum(s.failed for c in connections for s in samples[name, kind, c])
        latency = f"{median(s.p50 for s in last):.0f} / {median(s.p99 for s in last):.0f} ms"
        shares = " / ".join(f"{max(rates) / limit[size]:.0%}" for size in ("1", "8", "32"))
        mark = f" ({failed} failed)" if failed else ""
        is_null = name == "null handler"
        rows.append([name + mark, *(f"{r:.0f}" for r in rates), latency, "" if is_null else shares])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def ratio_table(
    samples: Samples, servers: Sequence[Server], kinds: Sequence[str], connections: Sequence[int]
) -> str:
    """Our ONNX service against the best peer of each model, and against the null handler."""
    ours = "lepton_nb (onnx)"
    rows = [["kind", "against", *(f"{c} conn." for c in connections), f"p99 at {connections[-1]}"]]
    rows.append(["---"] * len(rows[0]))
    last = connections[-1]
    for kind in kinds:
        for model in ("torch", "onnx", "null"):
            names = [s.name for s in servers if s.model == model and (s.peer or model == "null")]
            names = [name for name in names if (name, kind, last) in samples]
            if not names or (ours, kind, last) not in samples:
                continue
            cells = []
            for c in connections:
                best = max(names, key=lambda name: rate(samples, name, kind, c))
                cells.append(f"{rate(samples, ours, kind, c) / rate(samples, best, kind, c):.2f}× {best}")
            quickest = min(p99(samples, name, kind, last) for name in names)
            title = "null handler" if model == "null" else f"best peer, {model}"
            lower = "" if model == "null" else f"{quickest / p99(samples, ours, kind, last):.2f}× lower"
            rows.append([kind, title, *cells, lower])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cost_table(costs: dict[str, list[tuple[float, int]]]) -> str:
    """Seconds from the start to the first good answer, and memory after the load."""
    rows = ["| | first good answer | memory |", "| --- | --- | --- |"]
    for name, found in costs.items():
        seconds = median(seconds for seconds, _ in found)
        memory = median(memory for _, memory in found)
        rows.append(f"| {name} | {seconds:.2f} s | {memory / (1 << 20):.0f} MiB |")
    return "\n".join(rows)
