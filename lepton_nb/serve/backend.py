"""Choosing what runs a package: onnxruntime, or torch where the package needs it and its origin is known."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from lepton_nb.errors import PackageError
from lepton_nb.packaging import Format, Package
from lepton_nb.packaging.own import require_own
from lepton_nb.packaging.parity import TOLERANCE, Parity
from lepton_nb.packaging.runners import load_graphs, module_runners
from lepton_nb.tasks import Codec, get_task
from lepton_nb.tasks.base import Graphs

log = logging.getLogger("lepton_nb.serve")

_ACCELERATOR_TOLERANCE = 1e-2
"""Accelerators multiply in TF32 and add in another order."""


@dataclass(frozen=True)
class Backend:
    """A loaded model, how it runs, and how far its answers are from the notebook's."""

    codec: Codec
    graphs: Graphs
    format: Format
    device: str
    parity: Parity


def load_backend(package: Package, wanted: str, device: str, threads: int, *, trusted: bool) -> Backend:
    """Load the model of a package and check its answers to real inputs.

    On an accelerator ``.pt2`` is tried first; where it fails there, the preferred format on the CPU serves.

    Args:
        wanted: A format, or an empty string for the best one.
        device: Device for ``pt2`` and ``source``.
        threads: Threads of one operator; 0 is one per core.
        trusted: Run code from the package without asking the store.

    Raises:
        PackageError: If the package has no such format, would run code this user's store did not make, or
            answers unlike the notebook's model.
    """
    formats = package.manifest.formats
    if wanted:
        chosen = [format_ for format_ in formats if format_ == wanted]
        if not chosen:
            raise PackageError(f"{package} has no {wanted} format, only {', '.join(formats)}.")
        return _load(package, chosen[0], device, threads, trusted)
    if device != "cpu" and "pt2" in formats:
        try:
            return _load(package, "pt2", device, threads, trusted)
        except Exception as error:  # drivers, kernels and torch.export fail in any way they like
            log.warning("pt2 does not run on %s, using %s on the CPU: %s", device, formats[0], error)
            device = "cpu"
    return _load(package, formats[0], device, threads, trusted)


def _load(package: Package, format_: Format, device: str, threads: int, trusted: bool) -> Backend:
    if format_ == "onnx":
        device = "cpu"
    elif not trusted:
        require_own(package)
    graphs = _graphs(package, format_, device, threads)
    codec = get_task(package.signature.task).codec(package.signature)
    parity = package.read_example().check(lambda inputs: codec.run(graphs, inputs))
    allowed = TOLERANCE if device == "cpu" else _ACCELERATOR_TOLERANCE
    if parity.relative > allowed:
        raise PackageError(
            f"The {format_} model on {device} does not give the notebook model's answers: "
            f"largest difference {parity.absolute:.3g}, {parity.relative:.3g} relative, allowed {allowed:g}."
        )
    return Backend(codec, graphs, format_, device, parity)


def _graphs(package: Package, format_: Format, device: str, threads: int) -> Graphs:
    if format_ != "onnx" and threads:
        import torch

        torch.set_num_threads(threads)
    if format_ == "source":
        return _source_graphs(package, device)
    for file in package.manifest.graph_files(format_):
        package.file(file)  # one of its own, and verified, before it is read
    return load_graphs(package.path, format_, package.manifest.graphs, threads=threads, device=device)


def _source_graphs(package: Package, device: str) -> Graphs:
    import torch
    from safetensors.torch import load_model

    from lepton_nb.models import ModelSpec

    spec = ModelSpec.from_dict(json.loads(package.file("model.json").read_text("utf-8")))
    module = spec.build()
    load_model(module, package.file("weights.safetensors"))
    signature = package.signature
    example = tuple(torch.from_numpy(array) for array in package.read_example().inputs)
    specs = get_task(signature.task).graphs(module.eval(), signature, example)
    return module_runners(specs, torch.device(device))
