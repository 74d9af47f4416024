"""What the benchmark needs: the model's package, and an environment for each peer that borrows our torch."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

PEERS = {
    "fastapi": ["fastapi", "uvicorn[standard]"],
    "litserve": ["litserve", "uvicorn[standard]"],
    "bentoml": ["bentoml"],
    "mlserver": ["mlserver", "uvloop<0.22"],  # it asks for an event loop where newer ones make none
}


def install(peers: Path) -> None:
    """Make an environment for each peer, without another torch."""
    ours = sysconfig.get_path("purelib")
    for name, packages in PEERS.items():
        folder = peers / name
        print(f"installing {name} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        command = [str(folder / "bin" / "pip"), "install", "-q", *packages, "onnxruntime"]
        subprocess.run(command, check=True)
        paths = {"base": str(folder), "platbase": str(folder)}
        site = Path(sysconfig.get_path("purelib", vars=paths))
        (site / "borrowed.pth").write_text(f"{ours}\n")  # behind its own packages: those win


_UNEXPORTABLE = """
from lepton_nb.models import LeptonCNN


class Branching(LeptonCNN):
    def forward(self, x):
        return super().forward(x if x.sum() > -1e30 else -x)
"""


def make_package(path: Path, *, exportable: bool = True) -> None:
    """The textbook CNN with random weights, packaged as `deploy` does; its answers do not matter here.

    Args:
        exportable: Whether it can be exported; else the service runs its source.
    """
    import torch

    from lepton_nb.models.spec import ModelSpec
    from lepton_nb.packaging.draft import write_package
    from lepton_nb.packaging.manifest import Origin
    from lepton_nb.signature import Signature, TensorSpec

    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    signature = Signature(
        task="image-classification",
        inputs=(TensorSpec("image", "float32", (3, 32, 32)),),
        output=TensorSpec("logits", "float32", (10,)),
        class_names=names,
        preprocessing={"kind": "image", "mode": "RGB", "size": [32, 32], "mean": [0.5] * 3, "std": [0.5] * 3},
    )
    name = "LeptonCNN" if exportable else "Branching"
    spec = ModelSpec(
        kind="source",
        name=name,
        expression=f"{name}(3, 10, height=32, width=32)",
        source="from lepton_nb.models import LeptonCNN\n" if exportable else _UNEXPORTABLE,
    )
    torch.manual_seed(0)
    model = spec.build().eval()
    path.mkdir(parents=True)
    origin = Origin("cnn", "0" * 16, "cnn@1", "0")
    write_package(path, model, (torch.randn(4, 3, 32, 32),), signature, spec, origin)
