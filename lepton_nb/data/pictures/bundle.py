"""From decoded, labelled pictures to a bundle: leakage, statistics, signature, splits, report."""

from __future__ import annotations

import math

import numpy as np

from lepton_nb.data.assemble import class_counts, class_findings, fingerprint, without_leaks
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.duplicates import count_repeats, find_conflicts
from lepton_nb.data.label_bundle import label_counts, label_output
from lepton_nb.data.pictures.augment import augmenter_for
from lepton_nb.data.pictures.decoding import PictureForm
from lepton_nb.data.pictures.options import Augmentation
from lepton_nb.data.pictures.parting import picture_split
from lepton_nb.data.pictures.pool import ImagePool
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.data.previews import PicturePreview
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.names import LABEL_TASKS


def image_bundle(
    pool: ImagePool,
    parts: Parts,
    class_names: tuple[str, ...],
    *,
    name: str,
    source: str,
    augment: Augmentation,
    findings: list[Finding],
    task: str = "image-classification",
    target_name: str = "label",
) -> DataBundle:
    """The bundle of pictures with a class, or labels, each.

    Args:
        parts: Rows of the pool by split name.
        findings: What reading the data found; what is found here is added.
    """
    parts, found = _without_leaks(pool, parts)
    stats = _stats(pool, parts["train"])
    signature = _signature(task, class_names, stats, pool.form, target_name)
    augmenter, said = augmenter_for(augment, mode=pool.form.mode, size=pool.form.size, mean=stats.mean)

    answers = {part: pool.labels[rows] for part, rows in parts.items()}
    if task in LABEL_TASKS:
        counts, about = label_counts({part: a > 0 for part, a in answers.items()}, task, class_names)
    else:
        counts = class_counts(answers, class_names)
        about = class_findings(counts)
    preview = PicturePreview.draw(parts["train"], pool.labels, class_names, pool.raw)
    findings = [*about, *findings, *found, *said]
    content = {part: (pool.digests[rows], pool.labels[rows]) for part, rows in parts.items()}
    return DataBundle(
        name=name,
        signature=signature,
        splits={part: picture_split(part, pool, rows, stats, augmenter) for part, rows in parts.items()},
        report=DataReport(name, source, counts, signature, findings, preview),
        fingerprint=fingerprint(content),
        contents={part: pool.contents[rows] for part, rows in parts.items()},
        augment=augment,
    )


def _stats(pool: ImagePool, train: np.ndarray) -> PixelStats:
    """By all pictures of the training split, or by those of its sample that are decoded and can be read."""
    if pool.stream is not None:
        train = np.intersect1d(train, pool.stream.sample)
    return PixelStats.from_sums(pool.sums[train], math.prod(pool.form.size))


def _without_leaks(pool: ImagePool, parts: Parts) -> tuple[Parts, list[Finding]]:
    parts, findings = without_leaks(parts, pool.digests, pool.name_of, "picture")
    train = parts["train"]
    repeats = count_repeats(pool.digests[train])
    if repeats:
        findings.append(Finding(f"{plural(repeats, 'picture')} of train repeated within train: left in."))
    if pool.labels.ndim == 1:
        findings += find_conflicts(
            pool.digests[train], pool.labels[train], lambda i: pool.name_of(int(train[i])), "picture"
        )
    return parts, findings


def _signature(
    task: str, class_names: tuple[str, ...], stats: PixelStats, form: PictureForm, target_name: str
) -> Signature:
    return Signature(
        task=task,
        inputs=(TensorSpec("image", "float32", form.shape),),
        output=label_output(task, class_names),
        class_names=class_names,
        preprocessing={
            "kind": "image",
            "mean": list(stats.mean),
            "std": list(stats.std),
            **form.to_dict(),
        },
        target={"name": target_name},
    )
