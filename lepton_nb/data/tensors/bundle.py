"""From encoded inputs and targets to a bundle: scaled targets, signature, splits in memory, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from lepton_nb.data.assemble import class_counts, class_findings, fingerprint
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.label_bundle import label_counts, label_output
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.report import DataReport, Finding, Preview
from lepton_nb.data.splitting import Parts, repeats_are_cases
from lepton_nb.data.targets import Scale, Targets
from lepton_nb.signature import Signature, TensorSpec


def tensor_bundle(
    inputs: np.ndarray,
    digests: np.ndarray,
    targets: Targets,
    parts: Parts,
    *,
    name: str,
    source: str,
    task: str,
    input_name: str,
    target_name: str,
    preprocessing: dict[str, Any],
    raw: Callable[[int], Any],
    findings: list[Finding],
    preview: Preview | None = None,
    contents: np.ndarray | None = None,
    origin: Sequence[str | int] | np.ndarray | None = None,
    split_type: Callable[..., MemorySplit] = MemorySplit,
) -> DataBundle:
    """The bundle of inputs that lie in memory as the model takes them.

    Args:
        inputs: ``(N, ...)``, of all splits.
        digests: Content of the items before they were encoded, uint64 ``(N,)``.
        parts: Rows of the inputs by split.
        raw: Gives row ``i`` as a person sees it.
        findings: What reading the data found; what is found about classes is added.
        contents: By what items are known again in other data; the digests where None.
        origin: The name or row of each in what was read; its number where None.
        split_type: Makes a split of its name, inputs, targets and `raw`.

    Raises:
        DataError: If a quantity is the same in every training row.
    """
    output, values, target = _wanted(targets, task, target_name, parts["train"])
    signature = Signature(
        task=task,
        inputs=(TensorSpec(input_name, inputs.dtype.name, inputs.shape[1:]),),
        output=output,
        class_names=targets.class_names,
        preprocessing=preprocessing,
        target=target,
    )
    answers = {split: values[rows] for split, rows in parts.items()}
    together = torch.from_numpy(inputs)
    counts, said = _counted(answers, targets, task)
    known_by = digests if contents is None else contents

    def split(part: str, rows: np.ndarray) -> MemorySplit:
        targets = torch.from_numpy(answers[part])
        return split_type(
            part,
            together,
            targets,
            lambda i: raw(int(rows[i])),
            rows=torch.from_numpy(rows),
            origin=lambda i: int(rows[i]) if origin is None else _plain(origin[int(rows[i])]),
        )

    return DataBundle(
        name=name,
        signature=signature,
        splits={part: split(part, rows) for part, rows in parts.items()},
        report=DataReport(name, source, counts, signature, said + findings, preview),
        fingerprint=fingerprint(
            {part: (digests[rows], targets.values[rows]) for part, rows in parts.items()}
        ),
        # Where equal rows are the rule, an equal one is no sign of a case that was seen before.
        contents={}
        if repeats_are_cases(known_by)
        else {part: known_by[rows] for part, rows in parts.items()},
    )


def _plain(origin: Any) -> str | int:
    return origin if isinstance(origin, str) else int(origin)


def _wanted(
    targets: Targets, task: str, name: str, train: np.ndarray
) -> tuple[TensorSpec, np.ndarray, dict[str, Any]]:
    """What the model gives, the targets as it is trained on them, and what the signature says of these."""
    if targets.kind == "labels":
        return label_output(task, targets.class_names), targets.values, {"name": name}
    if targets.kind == "classification":
        output = TensorSpec("logits", "float32", (len(targets.class_names),))
        return output, targets.values, {"name": name}
    scale = Scale.measure(targets.values[train], name)
    output = TensorSpec("values", "float32", (targets.values.shape[1],))
    return output, scale.apply(targets.values), {"name": name, **scale.to_dict()}


def _counted(
    answers: dict[str, np.ndarray], targets: Targets, task: str
) -> tuple[dict[str, dict[str, int]], list[Finding]]:
    """How often each class is in each split, and what is worth saying of that."""
    if targets.kind == "labels":
        return label_counts({split: held > 0 for split, held in answers.items()}, task, targets.class_names)
    counts = class_counts(answers, targets.class_names)
    return counts, class_findings(counts) if targets.class_names else []
