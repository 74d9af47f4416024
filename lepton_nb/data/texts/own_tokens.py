"""Texts read by the tokenizer of a pretrained model, in place of the one learned from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lepton_nb.data.report import Finding
from lepton_nb.data.texts.split import TextSplit
from lepton_nb.data.texts.tokenizing import choose_length
from lepton_nb.models.tokens import Tokens
from lepton_nb.show.words import plural
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.texts import INPUTS, load_tokenizer, tokenize

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle


def read_by(bundle: DataBundle, tokens: Tokens | None) -> DataBundle:
    """The same texts as the tokenizer of a model reads them; data of any other kind as they are."""
    train = bundle.splits.get("train")
    if tokens is None or not isinstance(train, TextSplit):
        return bundle
    counts = tokenize(train.texts, tokens.tokenizer).counts
    length = min(train.length or choose_length(counts), tokens.longest)
    own = {"tokenizer": tokens.tokenizer, "pad_id": tokens.pad_id, "max_length": length}
    signature = replace(
        bundle.signature,
        inputs=tuple(TensorSpec(name, "int64", (length,)) for name in INPUTS),
        preprocessing={**bundle.signature.preprocessing, **own},
        by_name=True,
    )
    if signature == bundle.signature:
        return bundle
    size, cut = load_tokenizer(tokens.tokenizer).get_vocab_size(), int((counts > length).sum())
    said = (
        f"Read by the model's own tokenizer: {size:,} tokens; {plural(cut, 'text')} of train cut at {length}."
    )
    report = replace(bundle.report, findings=[*bundle.report.findings, Finding(said)], signature=signature)
    return replace(bundle.as_trained(signature), report=report)
