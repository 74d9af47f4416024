"""Turning a model into files that run without its class: ``torch.export`` and ONNX."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from lepton_nb.errors import PackageError
from lepton_nb.packaging.quiet import quiet
from lepton_nb.signature import Signature


def export_program(model: nn.Module, inputs: tuple[Tensor, ...]) -> ExportedProgram:
    """The model's graph with a batch dimension of any size.

    Args:
        model: In evaluation mode, on the CPU.
        inputs: An example batch of two or more items; a batch of one would silently become a fixed size.

    Raises:
        PackageError: With the reason, if the graph depends on the values in the batch.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise PackageError("it is a TorchScript module, which torch.export does not take")
    shapes = _dynamic_batch(model, inputs)
    reason = ""
    with quiet(), torch.no_grad():
        for strict in (False, True):
            try:
                return torch.export.export(model, inputs, dynamic_shapes=shapes, strict=strict)
            except Exception as error:  # torch.export raises whatever the model's code runs into
                reason = reason or first_line(error)
    raise PackageError(reason)


def _dynamic_batch(model: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, Any]:
    """The first dimension of every input as one free size, in the structure of the arguments of forward."""
    batch = Dim("batch", min=1)
    bound = inspect.signature(model.forward).bind(*inputs).arguments
    return {
        name: tuple({0: batch} for _ in value) if isinstance(value, tuple) else {0: batch}
        for name, value in bound.items()
    }


def save_program(program: ExportedProgram, path: Path) -> None:
    """Write ``.pt2``, without the example inputs (which torch would pickle) and without source paths.

    Raises:
        PackageError: If something in the graph cannot be written.
    """
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)
    program.example_inputs = None
    with quiet():
        try:
            torch.export.save(program, path)
        except Exception as error:  # operators and inputs it cannot write down
            raise PackageError(first_line(error)) from error


def save_onnx(program: ExportedProgram, path: Path, signature: Signature) -> None:
    """Write ``.onnx`` with the signature's names for inputs and output, and check it.

    Raises:
        PackageError: If an operator has no ONNX form, or the result is not valid ONNX.
    """
    import onnx

    with quiet():
        try:
            converted = torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                input_names=[spec.name for spec in signature.inputs],
                output_names=[signature.output.name],
            )
            assert converted is not None
            _forget_origins(converted.model)
            converted.save(path)
            onnx.checker.check_model(path)
        except Exception as error:  # the exporter raises its own, torch's and onnxscript's errors
            raise PackageError(first_line(error)) from error


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
