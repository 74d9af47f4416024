"""Texts as a trained model takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.duplicates import digests
from lepton_nb.data.fitted.bundles import as_tensor, fit_targets, fitted_bundle, held_out, target_name
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.text_files import LabelledTexts, read_texts
from lepton_nb.data.text_files import from_frame as texts_of
from lepton_nb.data.texts import clean_texts
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature
from lepton_nb.tasks.texts import encode_texts


def from_path(path: Path, signature: Signature, split: str | None) -> DataBundle:
    found = read_texts(path, None, None)
    return _bundle(found, signature, split, path.stem, f"{'folder' if path.is_dir() else 'file'} {path}")


def from_frame(table: pd.DataFrame, signature: Signature) -> DataBundle:
    label = target_name(signature)
    found = texts_of(table, None, label if label in table.columns else None)
    return _bundle(found, signature, None, "frame", f"DataFrame, {len(table):,} rows")


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
    found = clean_texts(found)
    part, rows = held_out(found.given, split)
    texts = [found.texts[int(i)] for i in rows]
    targets = fit_targets(found.labels.iloc[rows], signature)
    inputs = encode_texts(texts, signature.preprocessing)
    return fitted_bundle(
        MemorySplit(part, as_tensor(inputs), as_tensor(targets), texts.__getitem__),
        signature,
        digests(text.encode() for text in texts),
        name=name,
        source=source,
        findings=found.findings,
    )
