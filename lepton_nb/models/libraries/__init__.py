"""Models of other libraries by name: torchvision's as they are, ``timm:NAME``, ``hf:FOLDER_OR_NAME``.

Each library is one module here with two functions: `define` fits a model to the data's signature, `build`
makes its architecture again from what the spec keeps, without a network. Knows nothing of how they train.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from lepton_nb.models.definition import Definition
    from lepton_nb.models.spec import ModelSpec
    from lepton_nb.models.tokens import Tokens
    from lepton_nb.signature import Signature

PREFIXES = {"hf": "transformers", "timm": "timm"}
"""What stands before the colon of a name, and the library."""


def is_library_name(name: str) -> bool:
    """Whether it names a model of a library by its prefix."""
    prefix, colon, _ = name.partition(":")
    return bool(colon) and prefix in PREFIXES


def define(name: str, signature: Signature | None, weights: str | None) -> tuple[Definition, nn.Module]:
    """A model of a library, fitted to the data, and the first one built.

    Args:
        name: Such as ``hf:distilbert/distilbert-base-uncased``; without a prefix torchvision's.

    Raises:
        ModelError: If there is no such model, or it does not suit the data; says where to get it.
    """
    prefix, _, rest = name.partition(":") if is_library_name(name) else ("", "", name)
    found: tuple[Definition, nn.Module] = _library(PREFIXES.get(prefix, "torchvision")).define(
        rest, signature, weights
    )
    return found


def build(kind: str, kwargs: dict[str, Any]) -> nn.Module:
    """The architecture that a spec keeps, with fresh weights."""
    found: nn.Module = _library(kind).build(**kwargs)
    return found


def spec_of(model: nn.Module) -> ModelSpec | None:
    """The spec of an instance of the user's whose class knows how it was configured; None of any other."""
    if "transformers" not in sys.modules:
        return None
    from lepton_nb.models.capture.sameness import difference
    from lepton_nb.models.seeding import private_rng

    found = _library("transformers").spec_of(model)
    if found is None:
        return None
    with private_rng():
        other = difference(model, found.build())
    return found if other is None else None


def tokens_of(model: nn.Module, signature: Signature | None) -> Tokens | None:
    """The tokenizer that an instance of the user's was saved with, where the data are texts."""
    reads = signature is not None and signature.preprocessing.get("kind") in ("text", "tagged")
    if not reads or "transformers" not in sys.modules:
        return None
    found: Tokens | None = _library("transformers").tokens_of(model)
    return found


def short_name(name: str) -> str:
    """What to call a model of that name: a word of Python."""
    word = re.sub(r"\W", "_", name.rstrip("/").rpartition("/")[2])
    return word if word.isidentifier() else f"model_{word}"


def needs(package: str, extra: str) -> Any:
    """A package of an extra.

    Raises:
        ModelError: If it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModelError(
            f"This needs the {package} package, which is not installed.", f"pip install 'lepton-nb[{extra}]'"
        ) from None


def _library(kind: str) -> Any:
    return import_module(f"{__name__}.{kind}")
