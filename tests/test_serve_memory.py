"""A model that wants more memory than there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lepton_nb.packaging import Package
from lepton_nb.processes.memory import is_exhaustion, usual_limit
from tests.serving_support import front, make_package, pictures

pytestmark = pytest.mark.slow

# Exports to ONNX, and holds 5 MB for every item of a batch.
HUNGRY = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        wide = x.flatten(1).unsqueeze(-1).expand(-1, -1, 20000).exp()
        return self.fc(wide.log().mean(-1))
"""


@pytest.fixture(scope="module")
def hungry(tmp_path_factory: pytest.TempPathFactory) -> Package:
    package = make_package(tmp_path_factory.mktemp("packages") / "hungry", source=HUNGRY)
    assert package.manifest.formats[0] == "onnx"
    return package


def test_an_input_too_large_for_the_memory_fails_alone(tmp_path: Path, hungry: Package) -> None:
    with front(tmp_path, hungry, memory_limit=400 << 20) as server:
        answer = server.predict(pictures(250))
        assert answer.status_code == 413
        assert "memory" in answer.json()["error"]
        assert server.predict(pictures(2)).status_code == 200
        stats = server.stats()
        assert stats["memory_limit"] == 400 << 20
        assert stats["memory_bytes"] < 600 << 20
        worker = Path(f"/proc/{stats['worker_pid']}")
        front_score = int(Path(f"/proc/{server.process.pid}/oom_score_adj").read_text())
        assert int((worker / "oom_score_adj").read_text()) > front_score, (
            "the kernel shall take the worker first"
        )


def test_a_worker_beyond_its_limit_is_ended_and_says_so(tmp_path: Path, hungry: Package) -> None:
    import json

    settings = {"name": "net", "package": str(hungry.path), "token": "t", "memory_limit": 8 << 20}
    (tmp_path / "service.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "lepton_nb.serve", "--state-dir", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "used more than 8 MiB of memory and was ended" in result.stderr


def test_the_usual_limit_leaves_something_to_others() -> None:
    import psutil

    assert 512 << 20 <= usual_limit() < psutil.virtual_memory().total


def test_failures_of_allocation_are_recognised() -> None:
    assert is_exhaustion(MemoryError())
    assert is_exhaustion(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_exhaustion(ValueError("bad shape"))
