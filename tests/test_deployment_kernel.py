"""Services and the kernels they were started from: restarted, shut down, killed, opened again tomorrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from lepton_nb.deployment import deployments, get_deployment, lifecycle, stop
from lepton_nb.packaging import build_package
from tests.serving_support import is_alive, make_run, pictures
from tests.test_deployment_lifecycle import wait_for

pytestmark = pytest.mark.slow

# The thread that starts the second service ends before the cell does.
DEPLOY = """\
import threading
from lepton_nb.deployment import deploy
kept = deploy("net", "kept")
thread = threading.Thread(target=deploy, args=("net", "bound"), kwargs={"lifetime": "kernel"})
thread.start()
thread.join()
print("torch" in __import__("sys").modules)
"""
DEPLOY_BOUND = "from lepton_nb.deployment import deploy\nbound = deploy('net', 'bound', lifetime='kernel')"
TOMORROW = """\
%load_ext lepton_nb
%lepton deployments
shown = %lepton deployments kept
%lepton logs kept
print(shown.predict(__import__("numpy").zeros((1, 1, 8, 8), "float32"))[0]["label"])
"""


class Notebook:
    """A kernel, with what its cells print and show as text."""

    client: BlockingKernelClient | None = None

    def start(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=dict(os.environ))
        self.connect()

    def connect(self) -> None:
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> str:
        assert self.client is not None
        seen: list[str] = []

        def hook(message: dict) -> None:  # type: ignore[type-arg]
            content = message["content"]
            seen.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

        reply = self.client.execute_interactive(code, timeout=90, output_hook=hook)["content"]
        assert reply["status"] == "ok", reply
        return "\n".join(seen)


@pytest.fixture
def notebook(lepton_home: Path) -> Iterator[Notebook]:
    build_package(make_run())
    opened = Notebook()
    opened.start()
    yield opened
    if opened.manager.is_alive():
        opened.manager.shutdown_kernel(now=True)
    for server in lifecycle.find_servers():
        lifecycle.end(server["pid"], server["started"], patience=5)


def pids() -> dict[str, int]:
    return {item.name: item.record.pid or 0 for item in deployments()}


def test_what_becomes_of_services_when_their_kernel_ends(notebook: Notebook) -> None:
    assert notebook.run(DEPLOY).strip() == "False", "serving a ready package needs no torch in the notebook"
    kept, bound = pids()["kept"], pids()["bound"]
    assert {item.status() for item in deployments()} == {"ready"}, "the thread that started it is gone"

    notebook.manager.restart_kernel(now=False)
    wait_for(lambda: not is_alive(bound))
    assert is_alive(kept)
    notebook.connect()
    shown = notebook.run(TOMORROW)
    assert f"kept     ready  1 of net  {get_deployment('kept').url}" in shown
    assert "gone" in shown, "the other is listed as what it is"
    assert "The live panel of kept needs a kernel." in shown
    assert "listening on http://127.0.0.1" in shown
    assert shown.rstrip().splitlines()[-1] in ("cat", "dog", "fox")

    for now in (True, False):  # killed, and asked to end
        notebook.run(DEPLOY_BOUND)
        bound = pids()["bound"]
        assert get_deployment("bound").status() == "ready"
        notebook.manager.shutdown_kernel(now=now)
        wait_for(lambda bound=bound: not is_alive(bound))
        assert is_alive(kept)
        if now:
            notebook.start()

    assert get_deployment("kept").predict(pictures(1))
    stop("kept")
    assert not is_alive(kept)
    assert not lifecycle.find_servers()
