"""torchvision's models, fitted to the data."""

from __future__ import annotations

from typing import Any

from torch import nn

from lepton_nb.models.definition import Definition
from lepton_nb.models.libraries.detectors import (
    build_detector,
    detector_arguments,
    detector_names,
    detector_notes,
)
from lepton_nb.models.libraries.pictures import picture_sizes
from lepton_nb.models.local_weights import is_weights_file
from lepton_nb.models.registry import (
    begins_with,
    build_torchvision,
    file_note,
    has_small_stem,
    torchvision_notes,
    wants_small_stem,
)
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.spec import ModelSpec
from lepton_nb.signature import Signature


def define(name: str, signature: Signature | None, weights: str | None) -> tuple[Definition, nn.Module]:
    if name in detector_names():
        return _detector(name, signature, weights)
    sizes = picture_sizes(name, signature)
    classes = signature.num_outputs if signature is not None else 1000
    small = wants_small_stem(name, sizes["height"], sizes["width"])
    if weights is not None:
        small = small and is_weights_file(weights) and has_small_stem(weights)
    kwargs: dict[str, Any] = {"num_classes": classes, **sizes, "small_stem": small}

    def factory() -> nn.Module:
        return build_torchvision(name, **kwargs, weights=weights)

    with private_rng():
        network = factory()
    begun = begins_with(name, weights)
    spec = ModelSpec("torchvision", name, f"{name}(num_classes={classes})", kwargs=kwargs, weights=begun)
    notes = torchvision_notes(name, **sizes, weights=weights)
    if weights is not None and is_weights_file(weights) and (said := file_note(network, weights)):
        notes.append(said)
    return Definition(name, spec, factory=factory, notes=notes), network


def _detector(name: str, signature: Signature | None, weights: str | None) -> tuple[Definition, nn.Module]:
    kwargs = detector_arguments(name, signature, weights)

    def factory() -> nn.Module:
        return build_detector(name, **kwargs, weights=weights)

    with private_rng():
        network = factory()
    expression = f"{name}(num_classes={kwargs['num_classes'] + 1})"
    begun = begins_with(name, weights)
    spec = ModelSpec("torchvision", name, expression, kwargs=kwargs, weights=begun)
    notes = detector_notes(network, kwargs, weights)
    return Definition(name, spec, factory=factory, notes=notes), network
