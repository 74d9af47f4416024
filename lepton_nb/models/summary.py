"""The layers of a model with their output shapes and costs, measured by torchinfo."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import Inputs, input_tensors
from lepton_nb.models.preserve import untouched
from lepton_nb.show.numbers import quantity, size

_MOST_ROWS = 40


@dataclass(frozen=True)
class SummaryRow:
    """One layer, each time it runs.

    Attributes:
        name: Attribute name; empty for the model itself.
        kind: Class name.
        depth: Nesting, 0 for the model itself.
        output_shape: With the batch dimension.
        params: Parameters of the layer and all inside it; 0 where it runs again.
        mult_adds: Multiply-adds for the whole batch, of the layer and all inside it.
    """

    name: str
    kind: str
    depth: int
    output_shape: tuple[int, ...]
    params: int
    mult_adds: int


@dataclass(frozen=True)
class Summary:
    """A table of layers and its totals.

    Attributes:
        rows: The layers in the order they ran, as many levels deep as stay readable.
        batch_size: Items in the batch that was run.
        params: Parameters, each counted once.
        trainable: Those that require a gradient.
        mult_adds: Multiply-adds of the forward pass of one item.
        params_mb: Memory of the parameters, in MB of 10^6 bytes.
        activations_mb: Memory of one item's activations in the forward and backward pass, in MB.
    """

    rows: tuple[SummaryRow, ...]
    batch_size: int
    params: int
    trainable: int
    mult_adds: int
    params_mb: float
    activations_mb: float

    @property
    def totals(self) -> str:
        """The totals in one line."""
        frozen = f" ({self.trainable:,} trainable)" if self.trainable != self.params else ""
        return (
            f"{self.params:,} parameters{frozen} · {quantity(self.mult_adds)} multiply-adds per item · "
            f"{size(self.params_mb * 1e6)} of weights + {size(self.activations_mb * 1e6)} per item trained"
        )

    def __str__(self) -> str:
        cells = [("Layer", "Output", "Parameters", "Multiply-adds"), *self._cells()]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip()
            for a, b, c, d in cells
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self.totals])

    def _repr_html_(self) -> str:
        """A compact table in the colours of whatever theme surrounds it."""
        cell = "padding:1px 10px;border:0;background:none;white-space:pre;text-align:"
        head = "".join(
            f'<th style="{cell}{side};border-bottom:1px solid currentColor">{title}</th>'
            for title, side in zip(("Layer", "Output", "Parameters", "Multiply-adds"), _SIDES, strict=True)
        )
        rows = "".join(
            "<tr style='background:none'>"
            + "".join(
                f'<td style="{cell}{side}">{html.escape(text)}</td>'
                for text, side in zip(row, _SIDES, strict=True)
            )
            + "</tr>"
            for row in self._cells()
        )
        table = "border-collapse:collapse;font-size:0.9em;font-variant-numeric:tabular-nums"
        return (
            f'<div style="max-height:28em;overflow:auto"><table style="{table}">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
            f'<div style="opacity:.8">{html.escape(self.totals)}</div>'
        )

    def _cells(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                "  " * row.depth + (f"{row.name} ({row.kind})" if row.name else row.kind),
                _shape(row.output_shape, self.batch_size),
                f"{row.params:,}" if row.params else "",
                quantity(row.mult_adds // max(self.batch_size, 1)) if row.mult_adds else "",
            )
            for row in self.rows
        ]


_SIDES = ("left", "left", "right", "right")


def summarize(model: nn.Module, inputs: Inputs) -> Summary:
    """Run `inputs` through `model` and measure every layer. The model comes out as it went in.

    Raises:
        ModelError: If torchinfo cannot measure it, because a layer gives something it does not know.
    """
    import torchinfo
    from torchinfo.torchinfo import clear_cached_forward_pass

    tensors = input_tensors(inputs)
    batch_size = len(tensors[0])
    given = inputs if isinstance(inputs, dict) else list(tensors)
    with untouched(model):
        try:
            measured = torchinfo.summary(model, input_data=given, verbose=0, device=tensors[0].device)
        except RuntimeError as error:
            raise ModelError(f"torchinfo cannot summarize the model: {error.__cause__ or error}") from error
        finally:
            clear_cached_forward_pass()  # it would keep the model alive
    rows = [
        SummaryRow(
            name=layer.var_name if layer.depth else "",
            kind=layer.class_name,
            depth=layer.depth,
            output_shape=tuple(layer.output_size),
            params=0 if layer.is_recursive else layer.num_params,
            mult_adds=sum(part.macs for part in (layer, *layer.children) if part.is_leaf_layer),
        )
        for layer in measured.summary_list
        if layer.executed
    ]
    parameters = list(model.parameters())
    return Summary(
        rows=_readable(rows),
        batch_size=batch_size,
        params=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        mult_adds=measured.total_mult_adds // max(batch_size, 1),
        params_mb=sum(parameter.numel() * parameter.element_size() for parameter in parameters) / 1e6,
        activations_mb=measured.total_output_bytes / 1e6 / max(batch_size, 1),
    )


def _readable(rows: Sequence[SummaryRow]) -> tuple[SummaryRow, ...]:
    """The rows down to the deepest level that keeps them few; the first level always."""
    deepest = 1
    while len([row for row in rows if row.depth <= deepest + 1]) <= _MOST_ROWS and deepest < len(rows):
        deepest += 1
    return tuple(row for row in rows if row.depth <= deepest)


def _shape(shape: tuple[int, ...], batch_size: int) -> str:
    dims = [str(dim) for dim in shape]
    if dims and shape[0] == batch_size:
        dims[0] = "N"
    return " × ".join(dims)
