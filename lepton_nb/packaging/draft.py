"""A package in the making: each form of the model goes in only if its answers match."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from lepton_nb.errors import ModelError, PackageError
from lepton_nb.models import ModelSpec
from lepton_nb.packaging.export import export_program, save_onnx, save_program
from lepton_nb.packaging.manifest import Format
from lepton_nb.packaging.parity import check_runner
from lepton_nb.packaging.requirements import serving_requirements
from lepton_nb.packaging.runners import Runner, module_runner, onnx_runner, program_runner
from lepton_nb.signature import Signature


@dataclass
class Draft:
    """A package in the making."""

    path: Path
    signature: Signature
    inputs: tuple[Tensor, ...]
    expected: np.ndarray
    formats: list[Format] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    parity: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(tensor.numpy() for tensor in self.inputs)

    def offer(self, format_: Format, runner: Runner, *files: str) -> bool:
        """Take a format in if its answers match; else remember why not and drop its files."""
        try:
            parity = check_runner(runner, self.arrays, self.expected)
        except Exception as error:  # onnxruntime and torch raise what their kernels raise
            self.reject(format_, f"it fails to run: {str(error).splitlines()[0]}", *files)
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


def add_exports(draft: Draft, model: nn.Module) -> None:
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
        draft.offer("onnx", onnx_runner(draft.path / "model.onnx"), "model.onnx", "model.onnx.data")
    save_program(program, draft.path / "model.pt2")
    draft.offer("pt2", program_runner(draft.path / "model.pt2"), "model.pt2")


def add_source(draft: Draft, model: nn.Module, spec: ModelSpec) -> None:
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

    if not draft.offer("source", module_runner(rebuilt)):
        raise PackageError(
            f"{spec.name} cannot be packaged, not even as source: {draft.rejected['source']}.",
            "If it draws random numbers in forward, do so only where self.training.",
        )


def add_files(draft: Draft, model: nn.Module, spec: ModelSpec) -> None:
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
