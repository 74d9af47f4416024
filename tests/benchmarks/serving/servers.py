"""The servers: how each is started and asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.benchmarks.serving.requests import (
    Ask,
    form_ask,
    json_ask,
    npy_ask,
    png_ask,
    v2_ask,
    v2_base64_ask,
    v2_json_ask,
)

ROOT = Path(__file__).parents[3]
TOKEN = "benchmark"
START_LIMIT = 60.0


@dataclass(frozen=True)
class Server:
    """One way to serve the model.

    Attributes:
        peer: Folder of its environment under ``--peers``; empty for our own.
        model: ``torch`` or ``onnx``; for our own service the package's format.
        asks: What it is asked, by kind.
    """

    name: str
    peer: str
    model: str
    asks: dict[str, Ask]


@dataclass(frozen=True)
class Running:
    """A started server.

    Attributes:
        seconds: From its start to the first good answer.
    """

    process: subprocess.Popen[bytes]
    url: str
    seconds: float

    def memory(self) -> int:
        """Bytes of its processes; what they share is counted once."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        return sum(process.memory_full_info().pss for process in processes)


def all_servers() -> list[Server]:
    files = {"npy": npy_ask("/npy"), "png": png_ask("/png")}
    ours = {
        "json": json_ask(),
        "npy": npy_ask("/predict"),
        "v2": v2_ask("cnn"),
        "png": png_ask("/predict"),
    }
    png, npy = png_ask(""), npy_ask("")
    forms = {
        "json": json_ask(),
        "npy": form_ask(npy, "npy", "/predict"),
        "png": form_ask(png, "png", "/predict"),
    }
    servers = [Server(f"lepton_nb ({form})", "", form, ours) for form in ("onnx", "pt2", "source")]
    for model in ("torch", "onnx"):
        servers += [
            Server(f"FastAPI ({model})", "fastapi", model, {"json": json_ask(), **files}),
            Server(f"LitServe ({model})", "litserve", model, forms),
            Server(
                f"BentoML ({model})",
                "bentoml",
                model,
                {"json": json_ask(), "png": form_ask(png, "png", "/png")},
            ),
            Server(
                f"MLServer ({model})",
                "mlserver",
                model,
                {"json": v2_json_ask("cnn"), "png": v2_base64_ask(png, "cnn")},
            ),
        ]
    null = {"json": json_ask(), "npy": npy_ask("/"), "v2": v2_ask("cnn"), "png": png_ask("/")}
    return [*servers, Server("null handler", "", "null", null)]


@contextmanager
def started(
    server: Server, package: Path, peers: Path | None, folder: Path, *, root: Path = ROOT
) -> Iterator[Running]:
    """Start a server, wait for its first good answer, and end it afterwards.

    Args:
        root: The checkout that it imports.
    """
    port = _free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "BENCH_MODEL": server.model,
        "BENCH_PACKAGE": str(package),
        "BENCH_PORT": str(port),
        "LEPTON_TOKEN": TOKEN,
        "BENTOML_DO_NOT_TRACK": "true",
    }
    if server.peer:
        assert peers is not None
        environment["PATH"] = f"{peers / server.peer / 'bin'}:{environment['PATH']}"
    with (folder / "log").open("wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(
            _command(server, package, port, folder),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url, next(iter(server.asks.values())), folder / "log")
        yield Running(process, url, time.monotonic() - begun)
    finally:
        _end(process)


def _command(server: Server, package: Path, port: int, folder: Path) -> list[str]:
    module = "tests.benchmarks.serving.peers"
    if server.model == "null":
        return [sys.executable, "-m", f"{module}.null_app"]
    if not server.peer:
        options = ["--package", str(package), "--port", str(port), "--name", "cnn", "--trust"]
        return [sys.executable, "-m", "lepton_nb.serve", *options, "--format", server.model]
    if server.peer == "bentoml":
        return ["bentoml", "serve", f"{module}.bentoml_app:Cnn", "--host", "127.0.0.1", "-p", str(port)]
    if server.peer == "mlserver":
        _write_mlserver(folder, f"{module}.mlserver_app.Cnn", port)
        return ["mlserver", "start", str(folder)]
    return ["python", "-m", f"{module}.{server.peer}_app"]


def _write_mlserver(folder: Path, implementation: str, port: int) -> None:
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": _free_port(),
        "metrics_port": _free_port(),
    }
    batching = {"max_batch_size": 32, "max_batch_time": 0.005}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(
        json.dumps({"name": "cnn", "implementation": implementation, **batching})
    )


def _wait(process: subprocess.Popen[bytes], url: str, ask: Ask, log: Path) -> None:
    headers = {"Content-Type": ask.content_type, "Authorization": f"Bearer {TOKEN}", **ask.headers}
    deadline = time.monotonic() + START_LIMIT
    with httpx.Client(trust_env=False, timeout=30) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                answer = client.post(url + ask.path, content=ask.body, headers=headers)
                if answer.status_code == 200:
                    return
                seen = answer.text[:300]
            except httpx.TransportError as error:
                seen = repr(error)
            time.sleep(0.02)
    raise RuntimeError(f"no good answer, last {seen}\n{log.read_text()[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and all it started: it has a process group of its own."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
