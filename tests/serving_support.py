"""What the tests of packages, services and deployments share: tiny models, packages and real servers."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.runs import Run, RunStore
from lepton_nb.signature import Signature, TensorSpec

TOKEN, ADMIN = "client-token", "admin-token"

IMAGES = Signature(
    task="image-classification",
    inputs=(TensorSpec("image", "float32", (1, 8, 8)),),
    output=TensorSpec("logits", "float32", (3,)),
    class_names=("cat", "dog", "fox"),
    preprocessing={"kind": "image", "mode": "L", "size": [8, 8], "mean": [0.5], "std": [0.25]},
    target={"name": "label"},
)

LINEAR_SOURCE = """\
import torch
from safetensors.torch import save_file
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        return self.fc(x.flatten(1))
"""


class Net(nn.Module):
    """What `LINEAR_SOURCE` defines."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1))


def source_spec(source: str = LINEAR_SOURCE) -> ModelSpec:
    return ModelSpec(kind="source", name="Net", expression="Net()", source=source)


def built(source: str, seed: int = 0) -> nn.Module:
    """A module of the class `Net` that `source` defines, with seeded weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return source_spec(source).build().eval()


def pictures(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def make_package(path: Path, *, source: str = LINEAR_SOURCE, seed: int = 0, name: str = "net") -> Package:
    """A package of a tiny image classifier, without a run store."""
    path.mkdir(parents=True)
    origin = Origin(name, "0" * 16, f"{name}@1", f"{seed}")
    write_package(path, built(source, seed), (pictures(),), IMAGES, source_spec(source), origin)
    return Package.load(path)


def with_routes(package: Package, cell: str, *names: str) -> Package:
    """The package with functions of a cell around it, as a service cell makes it."""
    from lepton_nb.deployment.capturing import capture_routes
    from lepton_nb.models.capture import Scope
    from lepton_nb.packaging.attach import attach_routes
    from tests.models_support import Notebook

    notebook = Notebook(cell)
    scope = Scope(notebook.namespace, ("", *notebook.cells))
    source, report = capture_routes(names, scope, is_class=False)
    return attach_routes(package, "own", source.files(), report.requirements, RunStore())


def expected_labels(package: Package, inputs: np.ndarray) -> list[str]:
    """What the package's model answers, computed from its weights by hand."""
    from safetensors.numpy import load_file

    weights = load_file(package.file("weights.safetensors"))
    logits = inputs.reshape(len(inputs), -1) @ weights["fc.weight"].T + weights["fc.bias"]
    return [IMAGES.class_names[i] for i in logits.argmax(1)]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """While the block runs, this process can write no file larger than that, as where a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Front:
    """A running front process."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self._log = log
        self.client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20, trust_env=False
        )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def predict(self, inputs: Any, **options: Any) -> httpx.Response:
        return self.client.post("/predict", json={"inputs": np.asarray(inputs).tolist()}, **options)

    def stats(self) -> dict[str, Any]:
        answer = self.client.get("/admin/stats", headers={"Authorization": f"Bearer {ADMIN}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def activate(self, package: Package, version: int) -> httpx.Response:
        body = {"package": str(package.path), "version": version}
        return self.client.post("/admin/activate", json=body, headers={"Authorization": f"Bearer {ADMIN}"})

    def wait_for(self, condition: Any, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"nothing happened within {seconds} s; log:\n{self.log}"
            time.sleep(0.02)


@contextmanager
def front(state: Path, package: Package, **settings: Any) -> Iterator[Front]:
    """A front process on a free port, ended afterwards."""
    state.mkdir(parents=True, exist_ok=True)
    content = {"name": "net", "package": str(package.path), "token": TOKEN, "admin_token": ADMIN, **settings}
    (state / "service.json").write_text(json.dumps(content))
    log = state / "service.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "lepton_nb.serve", "--state-dir", str(state)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield Front(process, wait_until_listening(process, log), log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_listening(process: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if "listening on " in line:
                return line.rpartition("listening on ")[2]
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def make_run(
    name: str = "net", *, source: str = LINEAR_SOURCE, seed: int = 0, spec: ModelSpec | None = None
) -> Run:
    """A finished run of a tiny image classifier, as training leaves it."""
    model = built(source, seed)
    run = RunStore().create_run(
        name,
        task=IMAGES.task,
        model="Net",
        data="pictures",
        params={},
        monitor="val_accuracy",
        mode="max",
        epochs=1,
    )
    run.begin(total_steps=1)
    run.write_json("signature.json", IMAGES.to_dict())
    run.write_json("model.json", (spec or source_spec(source)).to_dict())
    save_file({"input.0": pictures()}, run.path / "example.safetensors")
    state = {"model": model.state_dict(), "epoch": 1}
    run.save_checkpoint(state, step=1, epoch=1, value=0.9, best=True, keep=1)
    run.set_status("finished")
    return run
