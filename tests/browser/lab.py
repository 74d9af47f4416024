"""A JupyterLab of its own and a chromium page on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "lepton_nb" / "labextension"
TOKEN = "a-token-for-the-tests"
# What an ended run leaves: the lab draws it where the extension is built, and shows its picture elsewhere.
DRAWN = ".lp-Output .main-svg, img"
# Keys pressed before the session is ready are lost, whatever the toolbar says.
READY = """async () => {
    const widget = window.jupyterapp.shell.currentWidget;
    await widget.context.ready;
    await widget.sessionContext.ready;
    const kernel = widget.sessionContext.session.kernel;
    await kernel.info;
    while (kernel.status !== 'idle' || kernel.connectionStatus !== 'connected') {
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}"""


@dataclass
class Lab:
    """A running server: where it listens, the folder of its notebooks, the run store of its kernels."""

    url: str
    folder: Path
    home: Path


@contextmanager
def start_lab(base: Path, app: str = "jupyterlab") -> Iterator[Lab]:
    """JupyterLab, or `notebook`, on 127.0.0.1 with configuration and run store of its own under `base`."""
    folder, home = base / "work", base / "lepton"
    folder.mkdir(parents=True)
    environment = {**os.environ, "LEPTON_HOME": str(home), **install_extension(base / "wheel")}
    for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        environment[name] = str(base / name.lower())
        Path(environment[name]).mkdir()
    settings = Path(environment["JUPYTER_CONFIG_DIR"]) / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir()
    # The news pop-up would cover the outputs.
    silent = {"fetchNews": "false", "checkForUpdates": False}
    # A cell out of sight would leave the page, and with it what a test waits for.
    whole = {"windowingMode": "none"}
    settings.write_text(
        json.dumps(
            {
                "@jupyterlab/apputils-extension:notification": silent,
                "@jupyterlab/notebook-extension:tracker": whole,
            }
        )
    )
    port = free_port()
    command = [
        sys.executable,
        "-m",
        app,
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={TOKEN}",
        f"--{'LabApp' if app == 'jupyterlab' else 'JupyterNotebookApp'}.expose_app_in_browser=True",
    ]
    log = base / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url, server, log)
        yield Lab(url, folder, home)
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:  # Jupyter's own file threads now and then outlive its loop
            server.kill()
            server.wait()


def install_extension(folder: Path) -> dict[str, str]:
    """Unpack what the wheel installs for Jupyter; the environment variables with which Jupyter finds it.

    Where the front end is not built, which `make install` does, only the server's part.
    """
    if not EXTENSION.is_dir():
        return {"JUPYTER_CONFIG_PATH": str(ROOT / "labextension" / "jupyter-config")}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    as_built = {**os.environ, "HATCH_BUILD_NO_HOOKS": "true"}
    subprocess.run(command, cwd=ROOT, env=as_built, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if ".data/data/" in name])
    (data,) = folder.glob("*.data/data")
    return {
        "JUPYTER_PATH": str(data / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(data / "etc" / "jupyter"),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=2).read()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.2)
        else:
            return


@contextmanager
def open_page(known: tuple[str, ...] = ()) -> Iterator[Page]:
    """A chromium page that fails the test on a JavaScript error, but for `known` ones of Jupyter itself."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
    assert not [error for error in errors if not any(text in error for text in known)], errors


class Notebook:
    """One notebook open in the lab.

    Args:
        busy: Whether its kernel has work to do, so that it is not waited for.
    """

    def __init__(self, page: Page, lab: Lab, name: str, *, busy: bool = False) -> None:
        self.page = page
        page.goto(f"{lab.url}/lab/tree/{name}?reset&token={TOKEN}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        if not busy:
            page.evaluate(READY)

    def command(self, name: str, **arguments: object) -> None:
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments]
        )

    def cell(self, index: int) -> Locator:
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    def run_all(self) -> None:
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def run(self, index: int) -> None:
        """Run one cell, without waiting for its end."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def wait_for(self, index: int, seconds: float = 90) -> None:
        """Wait until a cell has been run."""
        prompt = self.cell(index).locator(".jp-InputArea-prompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=seconds * 1000)

    def set_theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=name)
        body = self.page.locator("body")
        expect(body).to_have_attribute("data-jp-theme-name", name, timeout=10_000)

    def screenshot(self, index: int, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.cell(index).scroll_into_view_if_needed()
        self.page.wait_for_timeout(150)
        self.cell(index).screenshot(path=path)
