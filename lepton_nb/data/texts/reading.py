"""Texts with a label each."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lepton_nb.data.assemble import kept, without_leaks
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.duplicates import EXAMPLES, count_repeats, digests, find_conflicts
from lepton_nb.data.label_columns import is_label_sets
from lepton_nb.data.label_targets import read_answers
from lepton_nb.data.previews import RowsPreview
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts, plan_parts
from lepton_nb.data.tables.reading import whole_frame
from lepton_nb.data.targets import Targets, strip_labels, task_of
from lepton_nb.data.tensors.bundle import tensor_bundle
from lepton_nb.data.texts.files import LabelledTexts, from_frame, read_texts, with_label_sets
from lepton_nb.data.texts.source import TextOptions
from lepton_nb.data.texts.split import TextSplit
from lepton_nb.data.texts.tokenizing import choose_length, train_tokenizer
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.tasks.texts import LONGEST, load_tokenizer, tokenize
from lepton_nb.tasks.words import sketch, words_of

SHOWN = 2  # sentences of each class
SHOWN_CLASSES = 10


def read_labelled(source: Any, options: TextOptions, *, name: str | None) -> DataBundle:
    """Labelled texts as a bundle.

    Raises:
        DataError: If there is nothing to learn from, or an option is wrong.
    """
    if not isinstance(source, str | os.PathLike):
        table, given, said = whole_frame(source, options.label)
        found, own_name = from_frame(table, options.text, options.label, options.group), "frame"
        found, where = (
            replace(found, given=given, findings=said + found.findings),
            f"DataFrame, {len(table):,} rows",
        )
    else:
        root = Path(source).expanduser().absolute()
        found, own_name = read_texts(source, options.text, options.label, group=options.group), root.stem
        where = f"{'folder' if root.is_dir() else 'file'} {root}"
    found = clean_texts(with_label_sets(found, options.task))
    targets = read_answers(found.labels, options.task or _usual(found), found.label_names)
    content = digests(value.encode() for value in found.texts.tolist())
    keys = content if found.groups is None else found.groups
    parts, split = plan_parts(found.given, keys, targets.mix, targets.strata, options, group=options.group)
    parts, said = _without_leaks(found, content, targets, parts)
    texts = found.texts.tolist()
    inputs, preprocessing, said_too = _learn_tokens(texts, parts["train"], options)
    return tensor_bundle(
        inputs,
        content,
        targets,
        parts,
        name=name or own_name,
        source=where,
        task=task_of(options.task, "text", targets),
        input_name="input_ids",
        target_name=str(found.labels.name),
        preprocessing=preprocessing,
        raw=texts.__getitem__,
        origin=found.names,
        findings=found.findings + split + said + said_too,
        preview=_preview(texts, targets, parts["train"]),
        split_type=partial(TextSplit, length=options.max_length),
    )


def _usual(found: LabelledTexts) -> str | None:
    """Labels of texts are classes also where they are numbers, unless they are several."""
    return None if is_label_sets(found.labels) else "text-classification"


def clean_texts(found: LabelledTexts) -> LabelledTexts:
    """Without texts or labels that are missing or blank, and without spaces around both."""
    texts = found.texts.astype(object).where(found.texts.notna(), "").map(str).str.strip().astype(object)
    labels, findings = strip_labels(found.labels)
    lost = []
    lengths, has_label = texts.str.len().to_numpy(), labels.notna().to_numpy()
    has_text = (lengths > 0) & (lengths <= LONGEST)
    for absent, what in (
        (lengths == 0, "without a text"),
        (lengths > LONGEST, f"with a text of more than {LONGEST:,} characters"),
        (has_text & ~has_label, "without a label"),
    ):
        if absent.any():
            examples = tuple(found.names[i] for i in np.flatnonzero(absent)[:EXAMPLES])
            count = plural(int(absent.sum()), "item")
            lost.append(Finding(f"{count} {what} left out.", examples, warning=True))
    keep = has_text & has_label
    if not keep.any():
        raise DataError(
            f"None of the {len(keep):,} items has both a text and a label.", "Check text=… and label=…."
        )
    return replace(
        found,
        texts=texts[keep].reset_index(drop=True),
        labels=labels[keep].reset_index(drop=True),
        given=kept(found.given, keep, lost),
        names=[name for name, stays in zip(found.names, keep, strict=True) if stays],
        findings=found.findings + findings + lost,
        groups=None if found.groups is None else found.groups[keep],
    )


def _without_leaks(
    found: LabelledTexts, content: np.ndarray, targets: Targets, parts: Parts
) -> tuple[Parts, list[Finding]]:
    def name_of(i: int) -> str:
        return f"{found.names[i]} {found.texts[i][:60]!r}"

    parts, findings = without_leaks(parts, content, name_of, "text")
    train = parts["train"]
    repeats = count_repeats(content[train])
    if repeats:
        findings.append(Finding(f"{plural(repeats, 'text')} of train repeated within train: left in."))
    if targets.labels is not None:
        findings += find_conflicts(
            content[train], targets.labels[train], lambda i: name_of(int(train[i])), "text"
        )
    return parts, findings


def _learn_tokens(
    texts: list[str], train: np.ndarray, options: TextOptions
) -> tuple[np.ndarray, dict[str, Any], list[Finding]]:
    """Token ids of all texts, and `Signature.preprocessing`, learned from the training texts."""
    tokenizer = train_tokenizer([texts[i] for i in train], options.vocab_size)
    tokens = tokenize(texts, tokenizer)
    counts = tokens.counts[train]
    length = options.max_length or choose_length(counts)
    size = load_tokenizer(tokenizer).get_vocab_size()
    cut = int((counts > length).sum())
    said = f"Tokenizer: {size:,} tokens learned from train; {plural(cut, 'text')} of train cut at {length}"
    finding = Finding(f"{said}{'' if options.max_length else ' (max_length=… chooses another)'}.")
    known = sketch(word for i in train for word in words_of(texts[i]))
    settings = {"kind": "text", "tokenizer": tokenizer, "words": known, "max_length": length, "pad_id": 0}
    return tokens.padded(length, 0), settings, [finding]


def _preview(texts: list[str], targets: Targets, train: np.ndarray) -> RowsPreview:
    rows = []
    for label, class_name in enumerate(targets.class_names[:SHOWN_CLASSES]):
        members = train[targets.has(label)[train]]
        rows += [(class_name, texts[int(i)]) for i in members[:SHOWN]]
    return RowsPreview(["label", "text"], rows)
