"""What rebuilds a bundle in another process, and whether it came out the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import split_method
from lepton_nb.errors import DataError


def describe(bundle: DataBundle, source: str, where: str, options: dict[str, Any]) -> DataBundle:
    """The bundle with a spec.

    Args:
        source: Name of the `Source` that read it.
        where: What it was given: an absolute path or a name.
        options: Its options, as JSON.
    """
    spec = {
        "source": source,
        "where": where,
        "options": {"name": bundle.name, **options},
        "fingerprint": bundle.fingerprint,
        "sizes": bundle.report.sizes,
        "split": split_method(bundle.signature.task),
        "task": bundle.signature.task,
    }
    return replace(bundle, spec=spec)


def check_same(bundle: DataBundle, spec: dict[str, Any], *, strict: bool) -> None:
    """Compare a rebuilt bundle with the one its spec was written for.

    Raises:
        DataError: If the content has changed and `strict` is set; else the report gets a warning.
    """
    if bundle.fingerprint == spec["fingerprint"]:
        return
    then, now = (_sizes(sizes) for sizes in (spec["sizes"], bundle.report.sizes))
    what = f"it had {then}, now it has {now}" if then != now else f"still {now}, with other content"
    message = f"The data {bundle.name!r} ({spec['where']}) has changed since: {what}."
    if strict:
        raise DataError(message, "Restore the data, or pass strict=False to go on with what is there now.")
    bundle.report.findings.append(Finding(message, warning=True))


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in sizes.items())
