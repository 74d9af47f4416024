"""Models of transformers for texts, with their own tokenizer: from a folder, the local cache or the hub.

Code that comes with weights is never run: whoever needs it imports the class in a cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models.definition import Definition
from lepton_nb.models.libraries import needs, short_name
from lepton_nb.models.libraries.hub import first_line, in_cache, not_at_hand, pinned, reach
from lepton_nb.models.local_weights import is_weights_file, read_weights
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.spec import RANDOM, ModelSpec
from lepton_nb.models.tokens import Tokens
from lepton_nb.signature import Signature

_HEADS = {"token-classification": "AutoModelForTokenClassification"}
_USUAL_HEAD = "AutoModelForSequenceClassification"
_UNLIMITED = 1 << 20  # what a tokenizer says that knows no limit is larger


def define(name: str, signature: Signature | None, weights: str | None) -> tuple[Definition, nn.Module]:
    _check(name, signature, weights)
    assert signature is not None
    transformers = needs("transformers", "hf")
    folder = Path(name).expanduser()
    where = str(folder) if folder.is_dir() else name
    with _quiet(transformers), _at_hand(where) as options:
        config = transformers.AutoConfig.from_pretrained(where, **_labels(signature), **options)
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **options)
    _pad(config, tokenizer)
    head = getattr(transformers, _HEADS.get(signature.task, _USUAL_HEAD))
    begins_at = weights if weights is not None and is_weights_file(weights) else where

    def factory() -> nn.Module:
        with _quiet(transformers), _at_hand(where) as options:
            return _filled(head, config, where, weights, options)[0]

    with private_rng(), _quiet(transformers), _at_hand(where) as options:
        network, notes = _filled(head, config, where, weights, options)
    begun = RANDOM if not _has_weights(where) and begins_at == where else begins_at
    spec = replace(known_spec(network), weights=begun, given=f"hf:{name}")
    definition = Definition(
        short_name(name), spec, factory=factory, notes=notes, tokens=_tokens(tokenizer, config)
    )
    return definition, network


def build(architecture: str, config: dict[str, Any]) -> nn.Module:
    transformers = needs("transformers", "hf")
    settings = {key: value for key, value in config.items() if key != "model_type"}
    with _quiet(transformers):
        known = transformers.AutoConfig.for_model(config["model_type"], **settings)
        model: nn.Module = getattr(transformers, architecture)._from_config(known)
    return model


def spec_of(model: nn.Module) -> ModelSpec | None:
    """The spec of a model whose class is the library's own; None of any other."""
    own = type(model).__module__.startswith("transformers.") and hasattr(model, "config")
    return known_spec(model) if own else None


def known_spec(model: Any) -> ModelSpec:
    name = type(model).__name__
    config = json.loads(model.config.to_json_string(use_diff=False))
    return ModelSpec(
        "transformers",
        name,
        f"{name}(config)",
        kwargs={"architecture": name, "config": config},
        requirements=[pinned("transformers")],
    )


def tokens_of(model: Any) -> Tokens | None:
    """How a model of the library reads texts: by the tokenizer that lies where its weights came from."""
    where = getattr(model, "name_or_path", "")
    if not where or spec_of(model) is None:
        return None
    transformers = needs("transformers", "hf")
    with _quiet(transformers), _at_hand(where) as options:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **options)
    _pad(model.config, tokenizer)
    return _tokens(tokenizer, model.config)


def _check(name: str, signature: Signature | None, weights: str | None) -> None:
    if signature is None:
        raise ModelError(f"hf:{name} is fitted to data, and there is none.", "Add --data NAME.")
    first = signature.inputs[0]
    if not first.dtype.startswith("int") or not signature.class_names:
        seen = ", ".join(map(str, signature.inputs))
        raise ModelError(
            f"hf:{name} is for texts with classes or labels, but the data gives {seen}.",
            "For pictures take timm:NAME; other models of transformers go by variable, built in a cell.",
        )
    if weights not in (None, "DEFAULT") and not is_weights_file(str(weights)):
        raise ModelError(
            f"hf:{name} has no weights {weights!r}.", "Leave --weights out for its own, or name a file."
        )


@contextmanager
def _at_hand(name: str) -> Iterator[dict[str, Any]]:
    """Options for loading; what is missing in a folder, or cannot be downloaded, is one sentence."""
    folder = Path(name).expanduser().is_dir()
    cached = in_cache(None if folder else name, "config.json") is not None
    then = "%lepton model hf:FOLDER"
    options = {} if folder else reach(name, then, cached=cached)
    try:
        yield {**options, "trust_remote_code": False}
    except (OSError, ValueError, ImportError) as error:
        if "custom code" in str(error):
            raise ModelError(
                f"hf:{name} comes with code of its own, which is not run.",
                "Take a model whose class is in transformers, or import its class and name a variable.",
            ) from error
        if not folder:
            raise not_at_hand(name, then, first_line(error)) from error
        raise ModelError(
            f"hf:{name} cannot be loaded: {first_line(error)}.",
            f"A folder needs what save_pretrained writes, of the model and of its tokenizer: "
            f"tokenizer.save_pretrained({name!r})",
        ) from error


def _labels(signature: Signature) -> dict[str, Any]:
    names = signature.class_names[-signature.num_outputs :]
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {label: number for number, label in enumerate(names)},
    }


def _pad(config: Any, tokenizer: Any) -> None:
    """A token that fills short texts, where model or tokenizer has none: that of the end, which is masked."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = tokenizer.pad_token_id


def _tokens(tokenizer: Any, config: Any) -> Tokens:
    if len(tokenizer) <= len(set(tokenizer.all_special_tokens)):  # made up where there are no files of one
        raise ModelError(
            f"There is no tokenizer beside the model in {tokenizer.name_or_path}.",
            f"Write it there: tokenizer.save_pretrained({tokenizer.name_or_path!r})",
        )
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"The tokenizer {type(tokenizer).__name__} is written in Python, and cannot go into a service.",
            "Take a model with a fast tokenizer: one whose folder has a tokenizer.json.",
        )
    limits = [tokenizer.model_max_length, _positions(config)]
    longest = min((int(limit) for limit in limits if limit and limit < _UNLIMITED), default=_UNLIMITED)
    return Tokens(backend.to_str(), int(tokenizer.pad_token_id), longest)


def _positions(config: Any) -> int | None:
    """Positions that the model knows; those of RoBERTa and its like start behind the one of padding."""
    known: int | None = getattr(config, "max_position_embeddings", None)
    behind = known is not None and re.search(r"roberta|camembert|mpnet|longformer", config.model_type)
    return known - config.pad_token_id - 1 if known is not None and behind else known


def _has_weights(where: str) -> bool:
    folder = Path(where)
    return not folder.is_dir() or any(folder.glob("*.safetensors")) or any(folder.glob("*.bin"))


def _filled(
    head: Any, config: Any, where: str, weights: str | None, options: dict[str, Any]
) -> tuple[nn.Module, list[str]]:
    """The model with its weights, and what is to be said of them."""
    file = weights if weights is not None and is_weights_file(weights) else None
    if file is None and not _has_weights(where):
        model: nn.Module = head.from_config(config, trust_remote_code=False)
        return model, [f"{where} holds no weights: it begins at random."]
    if file is not None:
        head = type(head.from_config(config, trust_remote_code=False))
        where, options = file, {**options, "state_dict": read_weights(file)}
    model, info = head.from_pretrained(
        None if file is not None else where,
        config=config,
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        **options,
    )
    new = sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})
    _check_body(model, new, where)
    return model, [
        f"{_some(new)} begin at random: {where} has them not, or for other classes."
    ] if new else []


def _check_body(model: nn.Module, new: list[str], where: str) -> None:
    """Refuse weights that are another model's: of those below the head, most are missing."""
    body = f"{model.base_model_prefix}."
    ours = [key for key in model.state_dict() if key.startswith(body)]
    lost = [key for key in new if key.startswith(body)]
    if len(lost) > len(ours) / 2:
        raise ModelError(
            f"{where} does not hold the weights of this {type(model).__name__}: `{lost[0]}` and "
            f"{len(lost) - 1} more of {len(ours)} are missing or have another shape.",
            "Name the model that they were saved from.",
        )


def _some(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:4]) + (" …" if len(names) > 4 else "")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the library's reports and bars: what matters is among the definition's notes."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
