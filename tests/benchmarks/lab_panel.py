"""How soon the side panel is there, and how smoothly a thousand runs scroll.

`python -m tests.benchmarks.lab_panel` starts a JupyterLab of its own with the built wheel and 1,000 runs
and asks chromium's own clock.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from lepton_nb.runs import RunStore
from tests.browser.lab import TOKEN, open_page, start_lab
from tests.runs_helpers import make_run

RUNS = 1000
REPEATS = 7
OPEN = """async () => {
    const app = window.jupyterapp;
    app.shell.collapseLeft();
    await new Promise(resolve => setTimeout(resolve, 300));
    const start = performance.now();
    await app.commands.execute('lepton:open-panel');
    while (!document.querySelector('#lepton-panel .lp-Run')) {
        await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
SCROLL = """async () => {
    const box = document.querySelector('#lepton-panel .lp-Scroll');
    const frames = [];
    let last = performance.now();
    for (let step = 0; step < 120; step++) {
        box.scrollTop += 400;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
    }
    return frames;
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, start_lab(Path(folder)) as lab:
        os.environ["LEPTON_HOME"] = str(lab.home)
        fill(RunStore())
        with open_page() as page:
            page.goto(f"{lab.url}/lab?token={TOKEN}")
            page.wait_for_function("() => window.jupyterapp?.commands.hasCommand('lepton:open-panel')")
            page.evaluate("() => window.jupyterapp.restored.then(() => undefined)")
            report(page)


def fill(store: RunStore) -> None:
    for number in range(RUNS):
        run = make_run(f"sweep-{number % 10}", store=store)
        run.log_many([(step, 0, {"loss": 1 / (1 + step + number % 7)}) for step in range(40)])
        run.set_status("finished")


def report(page: Page) -> None:
    opened = [page.evaluate(OPEN) for _ in range(REPEATS)]
    frames = sorted(page.evaluate(SCROLL))
    print(f"panel with {RUNS} runs painted   {statistics.median(opened):6.0f} ms (median of {REPEATS})")
    print(f"  the slowest                 {max(opened):6.0f} ms")
    print(f"a frame while scrolling       {statistics.median(frames):6.1f} ms (median of {len(frames)})")
    print(f"  the slowest of a hundred    {frames[int(len(frames) * 0.99)]:6.1f} ms")


if __name__ == "__main__":
    main()
