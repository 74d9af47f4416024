"""The layers of a model with their output shapes and costs, measured by torchinfo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import Inputs, input_tensors
from lepton_nb.models.preserve import untouched
from lepton_nb.show.html import Markup, element, quiet, table
from lepton_nb.show.numbers import quantity, size
from lepton_nb.show.words import columns

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
        lines = columns([_HEAD, *self._cells()], right=(2, 3))
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self.totals])

    def _repr_html_(self) -> str:
        """A compact table in the colours of whatever theme surrounds it."""
        rows = [(Markup(escape(name).replace("  ", "&emsp;")), *rest) for name, *rest in self._cells()]
        return element("div", table(_HEAD, rows, right=(2, 3)), "max-height:28em;overflow:auto") + quiet(
            self.totals, "div"
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


_HEAD = ("Layer", "Output", "Parameters", "Multiply-adds")


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
