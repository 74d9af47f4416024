"""What a model takes and gives: the part of a data set that travels with a model into its service.

A `Signature` is plain JSON: training writes it beside the weights, and the serving process reads it
without torch. Shapes never include the batch dimension; None in a shape is a dimension of any length.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorSpec:
    """One tensor: its name, numpy dtype name and shape without the batch dimension.

    Attributes:
        pad: What fills it up at its end where items of different length share a batch; None where they do
            not share one. Of an output: what fills up a shorter answer among longer ones.
    """

    name: str
    dtype: str
    shape: Shape
    pad: float | None = None

    def __str__(self) -> str:
        dims = ", ".join("*" if dim is None else str(dim) for dim in self.shape)
        return f"{self.name}: {self.dtype}[N{', ' + dims if dims else ''}]"


@dataclass(frozen=True)
class Signature:
    """The contract between data, model and service.

    Attributes:
        task: Name of the task, for example ``image-classification``.
        inputs: What ``model.forward`` takes, in order.
        output: What it gives: logits of shape ``(N, classes)``, or values ``(N, targets)``.
        class_names: Names of the classes in the order of the logits; empty for regression.
        preprocessing: How a real input (a picture, a sentence, a row) becomes the input tensors; its
            keys belong to the task's codec. ``{"kind": "tensor"}`` where only tensors are known.
        target: What the task needs to read an output back, such as the target column's name.
        further_outputs: What it gives beside `output`, where it gives several.
        by_name: Whether the inputs go into the model by name, ``model(**inputs)``, not by position.
    """

    task: str
    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    class_names: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = field(default_factory=lambda: {"kind": "tensor"})
    target: dict[str, Any] = field(default_factory=dict)
    by_name: bool = False
    further_outputs: tuple[TensorSpec, ...] = ()

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Everything the model gives, in order."""
        return (self.output, *self.further_outputs)

    @property
    def num_outputs(self) -> int:
        """The length of the output's last dimension; of outputs for each place, the number of classes."""
        if self.class_names and len(self.output.shape) > 1:
            return len(self.class_names)
        size = self.output.shape[-1] if self.output.shape else 1
        if size is None:
            raise ValueError(f"the output {self.output} has no fixed last dimension")
        return size

    def to_dict(self) -> dict[str, Any]:
        """As JSON; what few signatures have is left out of the others, whose digests stay as they were."""
        found = asdict(self)
        for spec in (*found["inputs"], found["output"], *found["further_outputs"]):
            if spec["pad"] is None:
                del spec["pad"]
        for rare in ("by_name", "further_outputs"):
            if not found[rare]:
                del found[rare]
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Signature:
        def spec(value: dict[str, Any]) -> TensorSpec:
            return TensorSpec(value["name"], value["dtype"], tuple(value["shape"]), value.get("pad"))

        return cls(
            task=data["task"],
            inputs=tuple(spec(value) for value in data["inputs"]),
            output=spec(data["output"]),
            class_names=tuple(data["class_names"]),
            preprocessing=dict(data["preprocessing"]),
            target=dict(data["target"]),
            by_name=bool(data.get("by_name", False)),
            further_outputs=tuple(spec(value) for value in data.get("further_outputs", ())),
        )

    def digest(self) -> str:
        """sha256 over the canonical JSON: equal for equal contracts, in any process."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
