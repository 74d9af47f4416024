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

    Raises:
        DataError: If a quantity is the same in every training row.
    """
    if targets.kind == "labels":
        output = label_output(task, targets.class_names)
        values, target = targets.values, {"name": target_name}
    elif targets.kind == "classification":
        output = TensorSpec("logits", "float32", (len(targets.class_names),))
        values, target = targets.values, {"name": target_name}
    else:
        scale = Scale.measure(targets.values[parts["train"]], target_name)
        output = TensorSpec("values", "float32", (targets.values.shape[1],))
        values, target = scale.apply(targets.values), {"name": target_name, **scale.to_dict()}
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
    if targets.kind == "labels":
        counts, said = label_counts({s: a > 0 for s, a in answers.items()}, task, targets.class_names)
    else:
        counts = class_counts(answers, targets.class_names)
        said = class_findings(counts) if targets.class_names else []
    findings = said + findings

    known_by = digests if contents is None else contents

    def split(part: str, rows: np.ndarray) -> MemorySplit:
        targets = torch.from_numpy(answers[part])
        return MemorySplit(
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
        report=DataReport(name, source, counts, signature, findings, preview),
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
