"""A package in the making: each form of the model goes in only if its answers match."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from lepton_nb.errors import ModelError, PackageError
from lepton_nb.models import ModelSpec, call_model
from lepton_nb.models.preserve import without_gradients
from lepton_nb.packaging.export import export_program, first_line, save_onnx, save_program
from lepton_nb.packaging.manifest import Format, Manifest, Origin
from lepton_nb.packaging.package import MANIFEST, describe_file
from lepton_nb.packaging.parity import check_runner, measure_parity
from lepton_nb.packaging.requirements import installed_versions, serving_requirements
from lepton_nb.packaging.runners import Runner, module_runner, onnx_runner, program_runner
from lepton_nb.signature import Signature


def write_package(
    path: Path,
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    signature: Signature,
    spec: ModelSpec,
    origin: Origin,
) -> Manifest:
    """Fill an empty directory with a package of `model`.

    Args:
        model: With its trained weights, on the CPU and in evaluation mode.
        inputs: A few real inputs ``(N, *shape)``, N of 3 or more, to check every form of the model with.
        spec: How to build the model again, for where its graph cannot be exported.

    Raises:
        PackageError: If the model cannot be served in any form.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    expected, batchable = _answers(model, inputs)
    draft = _Draft(path, signature, inputs, expected, batchable)
    _add_exports(draft, model)
    _add_source(draft, model, spec)
    _add_files(draft, model, spec)
    manifest = Manifest(
        name=origin.name,
        run_id=origin.run_id,
        run=origin.run,
        fingerprint=origin.fingerprint,
        model=spec.name,
        task=signature.task,
        created_at=time.time(),
        formats=tuple(draft.formats),
        rejected=draft.rejected,
        parity=draft.parity,
        batchable=batchable,
        versions=installed_versions(),
        files={item.name: describe_file(item) for item in sorted(path.iterdir())},
    )
    (path / MANIFEST).write_text(manifest.to_json(), "utf-8")
    return manifest


@dataclass
class _Draft:
    """A package in the making."""

    path: Path
    signature: Signature
    inputs: tuple[Tensor, ...]
    expected: np.ndarray
    batchable: bool
    formats: list[Format] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    parity: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(tensor.numpy() for tensor in self.inputs)

    def offer(self, format_: Format, load: Callable[[], Runner], *files: str) -> bool:
        """Take a format in if its answers match; else remember why not and drop its files."""
        try:
            parity = check_runner(load(), self.arrays, self.expected, batchable=self.batchable)
        except Exception as error:  # onnxruntime and torch raise what their kernels raise
            self.reject(format_, f"it does not run: {first_line(error)}", *files)
            return False
        self.parity[format_] = parity.to_dict()
        if not parity.ok:
            self.reject(format_, f"its answers differ from the model's: {parity}", *files)
            return False
        self.formats.append(format_)
        return True

    def reject(self, format_: Format, reason: str, *files: str) -> None:
        self.rejected[format_] = reason
        for name in files:
            (self.path / name).unlink(missing_ok=True)


def _answers(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[np.ndarray, bool]:
    """The model's own answer to each item, and whether it stays the same when items share a batch."""
    output, again = _call(model, inputs), _call(model, inputs)
    if not isinstance(output, Tensor):
        raise PackageError(
            f"The model returns a {type(output).__name__}; a service needs one tensor.",
            "Return the logits alone from forward.",
        )
    if output.shape[:1] != inputs[0].shape[:1]:
        raise PackageError(
            f"The model gives the shape {tuple(output.shape)} for a batch of {len(inputs[0])} items; "
            "the first dimension must be the batch."
        )
    together = output.float().numpy()
    if not np.isfinite(together).all():
        raise PackageError(
            "The model answers NaN or infinity to real inputs.",
            "Train it again with a lower --lr or --clip 1.0.",
        )
    if not measure_parity(together, again.float().numpy()).ok:
        raise PackageError(
            "The model answers the same input differently each time, so no copy of it can be checked.",
            "Draw random numbers in forward only where self.training: F.dropout(x, p, self.training).",
        )
    items = (tuple(tensor[i : i + 1] for tensor in inputs) for i in range(len(inputs[0])))
    alone = np.concatenate([_call(model, item).float().numpy() for item in items])
    return alone, measure_parity(alone, together).ok


def _call(model: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    with without_gradients(model):
        return call_model(model, inputs if len(inputs) > 1 else inputs[0])


def _add_exports(draft: _Draft, model: nn.Module) -> None:
    try:
        program = export_program(model, draft.inputs)
    except PackageError as error:
        draft.reject("onnx", error.message)
        draft.reject("pt2", error.message)
        return
    try:
        save_onnx(program, draft.path / "model.onnx", draft.signature)
    except PackageError as error:
        draft.reject("onnx", error.message, "model.onnx", "model.onnx.data")
    else:
        draft.offer("onnx", lambda: onnx_runner(draft.path / "model.onnx"), "model.onnx", "model.onnx.data")
    try:
        save_program(program, draft.path / "model.pt2")
    except PackageError as error:
        draft.reject("pt2", error.message, "model.pt2")
    else:
        draft.offer("pt2", lambda: program_runner(draft.path / "model.pt2"), "model.pt2")


def _add_source(draft: _Draft, model: nn.Module, spec: ModelSpec) -> None:
    """Fall back on the captured source where no exported graph can be used."""
    if draft.formats:
        return
    try:
        rebuilt = spec.build()
        rebuilt.load_state_dict(model.state_dict())
    except (ModelError, RuntimeError, TypeError) as error:
        why = next(iter(draft.rejected.values()))
        raise PackageError(
            f"{spec.name} cannot be packaged. Its graph cannot be exported ({why}), and its source cannot "
            f"stand in: {getattr(error, 'message', error)}",
            "Define the class and everything it uses in cells or modules, without objects made elsewhere.",
        ) from None
    rebuilt.eval()
    if not draft.offer("source", lambda: module_runner(rebuilt)):
        raise PackageError(
            f"{spec.name} cannot be packaged, not even as source: {draft.rejected['source']}.",
            "Does the class depend on something that has changed since it was trained?",
        )


def _add_files(draft: _Draft, model: nn.Module, spec: ModelSpec) -> None:
    from safetensors.numpy import save_file
    from safetensors.torch import save_model

    save_model(model, str(draft.path / "weights.safetensors"))
    arrays = {f"input.{index}": array for index, array in enumerate(draft.arrays)}
    save_file({**arrays, "output": draft.expected}, draft.path / "example.safetensors")
    _write_json(draft.path / "model.json", spec.to_dict())
    _write_json(draft.path / "signature.json", draft.signature.to_dict())
    text = spec.source or f"# {spec.name} ({spec.kind}): no source of its own\n# {spec.expression}\n"
    (draft.path / "source.py").write_text(text, "utf-8")
    kind = str(draft.signature.preprocessing.get("kind", "tensor"))
    lines = serving_requirements(draft.formats, kind, spec.requirements)
    (draft.path / "requirements.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
