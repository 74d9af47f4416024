"""From `deploy` to the first good answer, export included: the textbook CNN, in a process that trained it.

python -m tests.benchmarks.deploying
"""

from __future__ import annotations

import os
import tempfile
import time


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="deploying-") as home:
        os.environ["LEPTON_HOME"] = home
        _measure()


def _measure() -> None:
    import torch

    import lepton_nb
    from lepton_nb.data import load

    images = torch.rand(256, 3, 32, 32)
    pictures = load((images, torch.arange(256) % 10))
    run = lepton_nb.train("LeptonCNN", pictures, epochs=1, name="cnn")
    picture = images[0].numpy()
    for what in ("deploy, first answer", "deploy again, its package is ready"):
        started, used = time.perf_counter(), time.process_time()
        service = lepton_nb.deploy(run)
        service.predict(picture)
        wall, cpu = time.perf_counter() - started, time.process_time() - used
        print(f"{what}: {wall:.2f} s ({cpu:.2f} s of this process's CPU time)")
        service.stop()


if __name__ == "__main__":
    main()
