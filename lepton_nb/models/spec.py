"""How to build a model again, in another process, without the notebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models import nets
from lepton_nb.models.loading import evaluate_source

RANDOM = "random"
"""What the weights are called that a constructor draws."""

Kind = Literal["source", "torchvision", "timm", "transformers", "starter", "live"]


@dataclass(frozen=True)
class ModelSpec:
    """A recipe for an architecture. The weights are not in it: they come from a checkpoint.

    Attributes:
        kind: ``source`` is captured code, ``starter`` one of our models, ``live`` an object of this process
            only, that could not be captured; else the library whose model it is.
        name: For people and for the names of runs, such as ``LeptonCNN``.
        expression: The Python expression that builds it, such as ``LeptonCNN(hidden=64)``.
        source: Readable code that defines every name of `expression`; only of the kind ``source``.
        kwargs: Arguments of a starter or of a library's model.
        requirements: Distributions the source imports, as ``name==version``.
        missing: Of the kind ``live``: each variable that could not be captured, and why.
        places: Where statements of the source stood: first line there, cell or file, first line in that.
        weights: What it began with: ``random``, a name of a library's weights or a file; empty where it is
            not known, as of an instance of the user's. For people: `build` does not read it.
        given: The name it was asked for by, such as ``timm:resnet18``, where `name` is another.
        lora: Arguments of `lepton_nb.models.lora.add_lora`, where it is trained so.
    """

    kind: Kind
    name: str
    expression: str = ""
    source: str = ""
    kwargs: dict[str, Any] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    places: list[tuple[int, str, int]] = field(default_factory=list, compare=False)
    weights: str = field(default="", compare=False)
    given: str = field(default="", compare=False)
    lora: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """A new module with fresh weights.

        Raises:
            ModelError: If it is ``live``, or what its source imports is not installed here.
        """
        model = self._build()
        if self.lora:
            from lepton_nb.models.lora import add_lora

            add_lora(model, **self.lora)
        return model

    def _build(self) -> nn.Module:
        if self.kind == "source":
            value = evaluate_source(self.source, self.expression, self.places)
            return as_module(value, self.expression)
        if self.kind == "starter":
            return as_module(getattr(nets, self.name)(**self.kwargs), self.name)
        if self.kind == "torchvision":
            from lepton_nb.models.libraries.detectors import build_detector, detector_names
            from lepton_nb.models.registry import build_torchvision

            build = build_detector if self.name in detector_names() else build_torchvision
            return build(self.name, **self.kwargs)
        if self.kind in ("timm", "transformers"):
            from lepton_nb.models import libraries

            return libraries.build(self.kind, self.kwargs)
        reasons = "; ".join(self.missing) or "its source was not captured"
        raise ModelError(
            f"{self.name} cannot be built again: {reasons}.",
            "Pass the model itself: model=…",
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ModelSpec:
        return cls(**data)


def as_module(value: Any, origin: str) -> nn.Module:
    """`value` where it is an `nn.Module`, else a `ModelError` that says what `origin` gave."""
    if isinstance(value, nn.Module):
        return value
    if value is None:
        raise ModelError(
            f"{origin} returned None, not an nn.Module.", "Does the function end with `return model`?"
        )
    if isinstance(value, type) and issubclass(value, nn.Module):
        raise ModelError(
            f"{origin} gave the class {value.__name__}, not a model of it.", f"Write {value.__name__}()."
        )
    raise ModelError(f"{origin} gave a {type(value).__name__}, not an nn.Module.")
