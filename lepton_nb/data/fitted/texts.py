"""Texts as a trained model takes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.duplicates import digests
from lepton_nb.data.fitted.bundles import (
    as_tensor,
    fit_targets,
    fitted_bundle,
    held_out,
    label_column,
    label_sets,
    target_name,
)
from lepton_nb.data.tables.files import read_table
from lepton_nb.data.texts.files import LabelledTexts, guess_text_column, is_line_file, read_texts
from lepton_nb.data.texts.files import from_frame as texts_of
from lepton_nb.data.texts.reading import clean_texts
from lepton_nb.data.texts.split import TextSplit, mask_of
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.signature import Signature
from lepton_nb.tasks.texts import encode_texts


def from_path(path: Path, signature: Signature, split: str | None) -> DataBundle:
    if path.is_dir() or is_line_file(path):
        found = read_texts(path, None, None, least=1)
    else:
        found = _columns(read_table(path)[0], signature)
    return _bundle(found, signature, split, path.stem, f"{'folder' if path.is_dir() else 'file'} {path}")


def from_frame(table: pd.DataFrame, signature: Signature) -> DataBundle:
    return _bundle(_columns(table, signature), signature, None, "frame", f"DataFrame, {len(table):,} rows")


def _columns(table: pd.DataFrame, signature: Signature) -> LabelledTexts:
    """The texts and labels of a table: the labels by the name they had in training."""
    table, label = label_column(table.rename(columns=str), signature), target_name(signature)
    if label not in table.columns:
        raise DataError(
            f"The table has no column {label!r}, which the model predicts.",
            did_you_mean(label, table.columns) or f"Its columns are {', '.join(table.columns)}.",
        )
    others = [name for name in table.columns if name != label]
    text = others[0] if len(others) == 1 else guess_text_column(table)
    if text is None:
        raise DataError(
            f"Which of {', '.join(map(repr, others))} is the text?",
            f"Give that column and {label!r} alone.",
        )
    return texts_of(table, text, label)


def from_pair(x: Any, y: Any, signature: Signature) -> DataBundle:
    texts, labels = pd.Series(list(x), dtype=object), pd.Series(list(y), name=target_name(signature))
    if len(texts) != len(labels):
        raise DataError(f"There are {len(texts):,} texts and {len(labels):,} labels; expected one a text.")
    strange = next((text for text in texts if not isinstance(text, str)), None)
    if strange is not None:
        raise DataError(f"The model takes texts, not a {type(strange).__name__}.", "Give (texts, labels).")
    names = [f"item {i}" for i in range(len(texts))]
    found = LabelledTexts(texts, labels, {"train": np.arange(len(texts))}, names)
    return _bundle(found, signature, None, "texts", f"{len(texts):,} texts")


def _bundle(
    found: LabelledTexts, signature: Signature, split: str | None, name: str, source: str
) -> DataBundle:
    found = clean_texts(replace(found, labels=label_sets(found.labels, signature)))
    part, rows = held_out(found.given, split)
    texts = [found.texts[int(i)] for i in rows]
    targets = fit_targets(found.labels.iloc[rows], signature)
    inputs = encode_texts(texts, signature.preprocessing)
    return fitted_bundle(
        TextSplit(
            part,
            as_tensor(inputs),
            as_tensor(targets),
            texts.__getitem__,
            pad_id=mask_of(signature),
            origin=lambda i: found.names[int(rows[i])],
        ),
        signature,
        digests(text.encode() for text in texts),
        name=name,
        source=source,
        findings=found.findings,
    )
