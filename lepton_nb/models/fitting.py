"""Required constructor arguments that the data answers, such as the number of classes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature

_OUTPUTS = {
    "num_classes",
    "n_classes",
    "num_labels",
    "num_outputs",
    "n_outputs",
    "out_features",
    "output_dim",
}
_CHANNELS = {"in_channels", "input_channels", "num_channels", "channels"}
_FEATURES = {"in_features", "num_features", "n_features", "input_dim", "input_size"}
_VOCABULARY = {"vocab_size", "num_embeddings", "n_vocab"}


def arguments_for(factory: Callable[..., Any], name: str, signature: Signature | None) -> dict[str, Any]:
    """Values for the parameters of `factory` that have no default, from the data's signature.

    Raises:
        ModelError: If one of them is not something the data tells.
    """
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return {}
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    known = known_sizes(signature) if signature is not None else {}
    found: dict[str, Any] = {}
    unknown = []
    for parameter in parameters:
        if parameter.default is not inspect.Parameter.empty or parameter.kind in variadic:
            continue
        if parameter.name in known:
            found[parameter.name] = known[parameter.name]
        else:
            unknown.append(parameter.name)
    if unknown:
        given = ", ".join(f"{key}=…" for key in unknown)
        raise ModelError(
            f"{name}() needs {', '.join(f'`{key}`' for key in unknown)}, which has no default.",
            f"Give it one in the definition, or pass a model: model = {name}({given}).",
        )
    return found


def known_sizes(signature: Signature) -> dict[str, int]:
    """Every parameter name that has one usual meaning, with its value for this data."""
    sizes = dict.fromkeys(_OUTPUTS, signature.num_outputs)
    first = signature.inputs[0]
    if first.shape and first.shape[0] is not None:
        if len(first.shape) == 3:
            sizes |= dict.fromkeys(_CHANNELS, first.shape[0])
        elif len(first.shape) == 1 and first.dtype.startswith("float"):
            sizes |= dict.fromkeys(_FEATURES, first.shape[0])
    vocabulary = vocabulary_size(signature)
    if vocabulary is not None:
        sizes |= dict.fromkeys(_VOCABULARY, vocabulary)
    return sizes


def vocabulary_size(signature: Signature) -> int | None:
    """One more than the largest id the text's tokenizer gives; None for other data."""
    text = signature.preprocessing.get("tokenizer")
    if not isinstance(text, str):
        return None
    tokenizer = json.loads(text)
    vocabulary = tokenizer.get("model", {}).get("vocab", {})
    ids = (
        [int(index) for index in vocabulary.values()]
        if isinstance(vocabulary, dict)
        else [len(vocabulary) - 1]
    )
    ids += [int(token["id"]) for token in tokenizer.get("added_tokens", [])]
    return max(ids, default=-1) + 1
