"""`%lepton` under the IPython that Google Colab pins, in a kernel of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

import lepton_nb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PINNED = ("ipython==7.34.*", "ipykernel<7")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with Colab's IPython, and everything else as it is here."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder, symlinks=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(packages), *PINNED]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=240)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        pytest.skip(f"{PINNED[0]} cannot be installed: {' '.join(said)}")
    ours = [str(Path(lepton_nb.__file__).parent.parent), sysconfig.get_path("purelib")]
    others = [entry for entry in sys.path if entry.endswith("site-packages")]
    (packages / "zz_here.pth").write_text("\n".join(dict.fromkeys([*ours, *others])))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def client(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv[0] = str(python)
    home = str(tmp_path_factory.mktemp("colab_home"))
    manager.start_kernel(env={**os.environ, "LEPTON_HOME": home, "OMP_NUM_THREADS": "1"})
    found = manager.blocking_client()
    found.start_channels()
    found.wait_for_ready(timeout=60)
    yield found
    run(found, "%lepton stop net")
    found.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str) -> tuple[str, list[dict[str, Any]]]:
    """The text that a cell left, and its displays."""
    shown: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, timeout=120, output_hook=shown.append)
    contents = [message["content"] for message in shown]
    text = "".join(content.get("text", "") for content in contents)
    if reply["content"]["status"] == "error":
        text += "\n".join(reply["content"]["traceback"])
    return text, [content["data"] for content in contents if "data" in content]


def test_a_notebook_of_colab(client: BlockingKernelClient) -> None:
    assert run(client, "import IPython; print(IPython.__version__)")[0].startswith("7.34")
    assert run(client, "%load_ext lepton_nb") == ("", [])
    run(client, "%lepton data digits --limit 200")
    _, displays = run(client, "%lepton train SmallCNN --data digits --epochs 1 --name net")
    assert any("application/vnd.jupyter.widget-view+json" in data for data in displays)
    assert "Finished: net@1" in displays[-1]["text/plain"]
    run(client, "service = %lepton deploy net")
    assert "'score'" in run(client, "print(service.predict(digits.test.raw(0)))")[0]


def test_a_mistake_is_two_lines(client: BlockingKernelClient) -> None:
    text, _ = run(client, "%reload_ext lepton_nb\n%lepton train Nte --data digits --epochs x")
    assert "is not a whole number" in text
    assert "Traceback" not in text


def test_completion_and_hover_degrade_quietly(client: BlockingKernelClient) -> None:
    run(client, "%load_ext lepton_nb")
    completed = client.complete("%lepton tra", 11, reply=True, timeout=20)["content"]
    assert (completed["status"], completed["matches"]) == ("ok", [])
    hovered = client.inspect("%lepton train", 10, reply=True, timeout=20)["content"]
    assert "usage" in hovered["data"]["text/plain"].lower()
    assert run(client, "%unload_ext lepton_nb\n%load_ext lepton_nb") == ("", [])
