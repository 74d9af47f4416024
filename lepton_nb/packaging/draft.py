"""A package in the making: each form of the model goes in only if its answers match."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.export import ExportedProgram

from lepton_nb.errors import ModelError, PackageError
from lepton_nb.models import ModelSpec
from lepton_nb.packaging.export import export_program, first_line, save_onnx, save_program
from lepton_nb.packaging.manifest import GRAPH_FILES, Format, Manifest, Origin
from lepton_nb.packaging.package import MANIFEST, describe_file, output_name
from lepton_nb.packaging.parity import Parity, Reference
from lepton_nb.packaging.reference import answers_of, check_finite
from lepton_nb.packaging.requirements import installed_versions, serving_requirements
from lepton_nb.packaging.runners import load_graphs, module_runners
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, Task, get_task
from lepton_nb.tasks.base import Graphs, GraphSpec


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
        spec: How to build the model again, for where its graphs cannot be exported.

    Raises:
        PackageError: If the model cannot be served in any form.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    draft = _begin(path, model, inputs, signature)
    _add_exports(draft)
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
        batchable=draft.whole.batchable,
        versions=installed_versions(),
        files={item.name: describe_file(item) for item in sorted(path.iterdir())},
        graphs=tuple(draft.graphs),
    )
    (path / MANIFEST).write_text(manifest.to_json(), "utf-8")
    return manifest


@dataclass
class _Draft:
    """A package in the making.

    Attributes:
        inputs: Real inputs of the model.
        graphs: What is exported.
        whole: What the notebook's model answers to the inputs.
        parts: What each graph answers to its own example, where the codec composes them.
    """

    path: Path
    signature: Signature
    task: Task
    codec: Codec
    inputs: tuple[Tensor, ...]
    graphs: dict[str, GraphSpec]
    whole: Reference
    parts: dict[str, Reference]
    formats: list[Format] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    parity: dict[str, dict[str, float]] = field(default_factory=dict)

    def offer(self, format_: Format, load: Callable[[], Graphs]) -> bool:
        """Take a format in if its answers match; else remember why not and drop its files."""
        try:
            parity = self._check(load())
        except Exception as error:  # onnxruntime and torch raise what their kernels raise
            self.reject(format_, f"it does not run: {first_line(error)}")
            return False
        self.parity[format_] = parity.to_dict()
        if not parity.ok:
            self.reject(format_, f"its answers differ from the model's: {parity}")
            return False
        self.formats.append(format_)
        return True

    def reject(self, format_: Format, reason: str) -> None:
        self.rejected[format_] = reason
        for ending in GRAPH_FILES.get(format_, ()):
            for name in self.graphs:
                (self.path / f"{name}{ending}").unlink(missing_ok=True)

    def _check(self, graphs: Graphs) -> Parity:
        found = [self.whole.check(lambda inputs: self.codec.run(graphs, inputs))]
        found += [part.check(graphs[name]) for name, part in self.parts.items()]
        return max(found, key=lambda parity: parity.relative)


def _begin(path: Path, model: nn.Module, inputs: tuple[Tensor, ...], signature: Signature) -> _Draft:
    """A draft that knows what the notebook's model answers."""
    task = get_task(signature.task)
    codec = task.codec(signature)
    try:
        specs = task.graphs(model, signature, inputs)
    except ModelError as error:
        raise PackageError(error.message, error.hint) from None
    graphs = module_runners(specs)
    arrays = tuple(tensor.numpy() for tensor in inputs)
    whole = answers_of(lambda batch: codec.run(graphs, batch), arrays, signature.outputs, codec.aligned)
    check_finite(whole)
    composed = type(codec).run is not Codec.run
    parts = {
        name: answers_of(
            graphs[name], tuple(tensor.numpy() for tensor in spec.example), spec.outputs, codec.aligned
        )
        for name, spec in specs.items()
        if composed
    }
    return _Draft(path, signature, task, codec, inputs, specs, whole, parts)


def _add_exports(draft: _Draft) -> None:
    try:
        programs = {name: export_program(spec) for name, spec in draft.graphs.items()}
    except PackageError as error:
        draft.reject("onnx", error.message)
        draft.reject("pt2", error.message)
        return
    _add_export(draft, "onnx", programs)
    _add_export(draft, "pt2", programs)


def _add_export(draft: _Draft, format_: Format, programs: Mapping[str, ExportedProgram]) -> None:
    try:
        _save(draft, format_, programs)
    except PackageError as error:
        draft.reject(format_, error.message)
    else:
        draft.offer(format_, lambda: load_graphs(draft.path, format_, draft.graphs))


def _save(draft: _Draft, format_: Format, programs: Mapping[str, ExportedProgram]) -> None:
    for name, program in programs.items():
        path = draft.path / f"{name}{GRAPH_FILES[format_][0]}"
        if format_ == "onnx":
            save_onnx(program, path, draft.graphs[name])
        else:
            save_program(program, path)


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

    def load() -> Graphs:
        return module_runners(draft.task.graphs(rebuilt, draft.signature, draft.inputs))

    if not draft.offer("source", load):
        raise PackageError(
            f"{spec.name} cannot be packaged, not even as source: {draft.rejected['source']}.",
            "Does the class depend on something that has changed since it was trained?",
        )


def _add_files(draft: _Draft, model: nn.Module, spec: ModelSpec) -> None:
    from safetensors.numpy import save_file
    from safetensors.torch import save_model

    save_model(model, str(draft.path / "weights.safetensors"))
    arrays = {f"input.{index}": array for index, array in enumerate(draft.whole.inputs)}
    arrays |= {output_name(index): array for index, array in enumerate(draft.whole.outputs)}
    save_file(arrays, draft.path / "example.safetensors")
    _write_json(draft.path / "model.json", spec.to_dict())
    _write_json(draft.path / "signature.json", draft.signature.to_dict())
    text = spec.source or f"# {spec.name} ({spec.kind}): no source of its own\n# {spec.expression}\n"
    (draft.path / "source.py").write_text(text, "utf-8")
    lines = serving_requirements(draft.formats, draft.codec.form.requirements, spec.requirements)
    (draft.path / "requirements.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
