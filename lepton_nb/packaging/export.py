"""Turning a model into files that run without its class: ``torch.export`` and ONNX."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from lepton_nb.errors import PackageError
from lepton_nb.packaging.quiet import quiet
from lepton_nb.runs.home import is_full
from lepton_nb.tasks.base import GraphSpec


def export_program(spec: GraphSpec) -> ExportedProgram:
    """The graph of a module in evaluation mode, on the CPU, for a batch of any size.

    Raises:
        PackageError: With the reason, if the graph depends on the values in the batch.
    """
    if isinstance(spec.module, torch.jit.ScriptModule):
        raise PackageError("it is a TorchScript module, which torch.export does not take")
    shapes = _dynamic_shapes(spec)
    reason = ""
    with quiet(), torch.no_grad():
        for strict in (False, True):
            try:
                return torch.export.export(spec.module, spec.example, dynamic_shapes=shapes, strict=strict)
            except Exception as error:  # torch.export raises whatever the model's code runs into
                reason = reason or first_line(error)
    raise PackageError(reason)


def _dynamic_shapes(spec: GraphSpec) -> dict[str, Any]:
    """By forward's arguments: the first dimension of all as one free size, and what the specs leave open."""
    batch = Dim("batch", min=1)
    free = [
        {0: batch, **{axis: Dim.DYNAMIC for axis, size in enumerate(tensor.shape, 1) if size is None}}
        for tensor in spec.inputs
    ]
    return dict(inspect.signature(spec.module.forward).bind(*free).arguments)


def save_program(program: ExportedProgram, path: Path) -> None:
    """Write ``.pt2``, without the example inputs (which torch would pickle) and without source paths.

    Raises:
        PackageError: If something in the graph cannot be written down.
        OSError: If there is no room for the file.
    """
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)
    program.example_inputs = None
    content = io.BytesIO()  # torch's own writer ends the whole process where a disk is full
    with quiet():
        try:
            torch.export.save(program, content)
        except Exception as error:  # operators and inputs it cannot write down
            raise PackageError(first_line(error)) from error
    path.write_bytes(content.getbuffer())


def save_onnx(program: ExportedProgram, path: Path, spec: GraphSpec) -> None:
    """Write ``.onnx`` with the specs' names for inputs and outputs, and check it.

    Raises:
        PackageError: If an operator has no ONNX form, or the result is not valid ONNX.
        Exception: If there is no room for the file, see `is_full`.
    """
    import onnx

    with quiet():
        try:
            converted = torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                input_names=[tensor.name for tensor in spec.inputs],
                output_names=_output_names(spec),
            )
            assert converted is not None
            _forget_origins(converted.model)
            converted.save(path)
            onnx.checker.check_model(path)
        except Exception as error:  # the exporter raises its own, torch's and onnxscript's errors
            if is_full(error):
                raise
            raise PackageError(first_line(error)) from error


def _output_names(spec: GraphSpec) -> list[str]:
    """Names in the file, which tells inputs, weights and outputs apart by them."""
    taken = {tensor.name for tensor in spec.inputs} | spec.module.state_dict().keys()
    return [f"{tensor.name}_out" if tensor.name in taken else tensor.name for tensor in spec.outputs]


def _forget_origins(model: Any) -> None:
    """Drop stack traces and module paths: they hold the user's folders and double the file's size."""
    model.metadata_props.clear()
    for graph in (model.graph, *(function.graph for function in model.functions.values())):
        for node in graph.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
