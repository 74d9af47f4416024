"""``manifest.json``: what a package holds, where it came from, and the hash of every file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lepton_nb.errors import PackageError

SCHEMA = 1

Format = Literal["onnx", "pt2", "source"]
"""How a package can be run: onnxruntime, ``torch.export``, or the captured source."""


GRAPH_FILES: dict[Format, tuple[str, ...]] = {"onnx": (".onnx", ".onnx.data"), "pt2": (".pt2",)}
"""What the files of a graph are called after its name: the first is always there."""


@dataclass(frozen=True)
class Origin:
    """What a package is made from.

    Attributes:
        name: Name of the package.
        run_id: Id of the run.
        run: The run as people write it.
        fingerprint: sha256 over everything that shapes the package.
    """

    name: str
    run_id: str
    run: str
    fingerprint: str


@dataclass(frozen=True)
class FileEntry:
    """One file of a package: its sha256 in hex and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The contents of a package.

    Attributes:
        name: Name of the package: that of its run.
        run_id: Id of the run it was built from.
        run: The run as people write it, for example ``cnn@2``.
        model: Display name of the model.
        task: Name of the task.
        fingerprint: sha256 over what the package was made from; equal means nothing has changed since.
        formats: How it can be run, the preferred way first. Only formats whose answers matched the model.
        rejected: For each format that was tried and is not offered, why.
        parity: For each format, the largest difference from the model's own answers.
        batchable: Whether items can share a batch: the answer to one does not depend on the others.
        versions: Versions of Python and of the libraries that made it.
        files: Every other file of the package, by name.
        graphs: Names of what is exported, which the task's codec composes.
        handlers: sha256 over the routes of the user's own around the model; empty where there are none.
    """

    name: str
    run_id: str
    run: str
    model: str
    task: str
    fingerprint: str
    created_at: float
    formats: tuple[Format, ...]
    rejected: dict[str, str] = field(default_factory=dict)
    parity: dict[str, dict[str, float]] = field(default_factory=dict)
    batchable: bool = True
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)
    handlers: str = ""
    graphs: tuple[str, ...] = ("model",)

    @property
    def runs_source(self) -> bool:
        """Whether serving this package means running the captured Python source."""
        return self.formats[0] == "source"

    def graph_files(self, format_: Format) -> list[str]:
        """The files of every graph in that format, where the package has it and the format any."""
        if format_ not in self.formats or format_ not in GRAPH_FILES:
            return []
        needed, *beside = GRAPH_FILES[format_]
        further = [f"{graph}{ending}" for ending in beside for graph in self.graphs]
        return [f"{graph}{needed}" for graph in self.graphs] + [
            file for file in further if file in self.files
        ]

    @property
    def has_routes(self) -> bool:
        """Whether routes of the user's own come with the model."""
        return bool(self.handlers)

    def to_json(self) -> str:
        """As JSON; versions of this library that know one graph only can read where there is one."""
        content = asdict(self)
        if self.graphs == ("model",):
            del content["graphs"]
        return json.dumps({"schema": SCHEMA, **content}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest.

        Raises:
            PackageError: If it is not a manifest, or of a schema this version does not know.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            schema = data.pop("schema")
            if schema != SCHEMA:
                raise PackageError(
                    f"The package has schema {schema}; this version of lepton_nb reads {SCHEMA}.",
                    "Upgrade lepton-nb, or build the package again.",
                )
            data["files"] = {name: FileEntry(**entry) for name, entry in data["files"].items()}
            data["formats"] = tuple(data["formats"])
            data["graphs"] = tuple(data.get("graphs", ("model",)))
            manifest = cls(**data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackageError(f"manifest.json is not a package manifest: {error}") from None
        if not manifest.formats:
            raise PackageError("manifest.json names no format to run the package in.")
        return manifest
