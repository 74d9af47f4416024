"""Choosing what runs a package: onnxruntime, or torch where the package needs it and its origin is known."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lepton_nb.errors import PackageError
from lepton_nb.packaging import Format, Package
from lepton_nb.packaging.parity import TOLERANCE, Parity
from lepton_nb.packaging.runners import Runner, module_runner, onnx_runner, program_runner

_ACCELERATOR_TOLERANCE = 1e-2
"""Accelerators multiply in TF32 and add in another order."""


@dataclass(frozen=True)
class Backend:
    """A loaded model and how it runs."""

    runner: Runner
    format: Format
    device: str

    def check(self, parity: Parity) -> None:
        """Refuse a model whose answers are not the notebook's.

        Raises:
            PackageError: With the largest difference.
        """
        allowed = TOLERANCE if self.device == "cpu" else _ACCELERATOR_TOLERANCE
        if parity.relative > allowed:
            raise PackageError(
                f"The {self.format} model on {self.device} does not give the notebook model's answers: "
                f"largest difference {parity.absolute:.3g}, {parity.relative:.3g} relative, "
                f"allowed {allowed:g}."
            )


def load_runner(package: Package, wanted: str, device: str, threads: int, *, trusted: bool) -> Backend:
    """Load the model of a package.

    Args:
        wanted: A format, or an empty string for the package's preferred one.
        trusted: Run code from the package without asking the store.

    Raises:
        PackageError: If the package has no such format, or would run code this user's store did not make.
    """
    formats = package.manifest.formats
    chosen = next((format_ for format_ in formats if wanted in ("", format_)), None)
    if chosen is None:
        raise PackageError(f"{package} has no {wanted} format, only {', '.join(formats)}.")
    if chosen == "onnx":
        return Backend(onnx_runner(package.file("model.onnx"), threads=threads), "onnx", "cpu")
    if not trusted:
        _require_own(package)
    if chosen == "pt2":
        return Backend(program_runner(package.file("model.pt2"), device), "pt2", device)
    return Backend(_source_runner(package, device), "source", device)


def _require_own(package: Package) -> None:
    """Refuse code that this user's own store did not produce."""
    from lepton_nb.runs import RunStore

    record = RunStore().find_package_by_sha(package.sha256)
    if record is None:
        raise PackageError(
            f"{package.path} would run Python code, and is not a package of this user's store.",
            "Build it here with %lepton deploy, or start the server with --trust.",
        )


def _source_runner(package: Package, device: str) -> Runner:
    import torch
    from safetensors.torch import load_model

    from lepton_nb.models import ModelSpec

    spec = ModelSpec.from_dict(json.loads(package.file("model.json").read_text("utf-8")))
    module = spec.build()
    load_model(module, package.file("weights.safetensors"))
    return module_runner(module.to(device).eval(), torch.device(device))
