"""Whether what is live is still what the notebook has."""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import LeptonError, NotFoundError
from lepton_nb.packaging.build import fingerprint_of
from lepton_nb.packaging.manifest import Manifest
from lepton_nb.packaging.package import MANIFEST

if TYPE_CHECKING:
    from torch import nn

    from lepton_nb.runs import PackageRecord, Run, RunStore

ROUTES = "handlers.py"
_LONGEST = 3  # names shown of each kind


class Drift:
    """Compares a package with the notebook, the model in its memory, and the runs on disk. Cheap to ask.

    Attributes:
        namespace: The notebook's variables; those of ``__main__`` by default.
    """

    def __init__(self) -> None:
        self.namespace: Mapping[str, Any] | None = None
        self._model: weakref.ref[nn.Module] | None = None
        self._weights = ""

    def watch(self, model: nn.Module | None) -> None:
        """Remember the model, in this process, that was deployed, and its weights as they are now."""
        if model is None:
            self._model = None
            return
        from lepton_nb.models.drift import weights_fingerprint

        self._model = weakref.ref(model)
        self._weights = weights_fingerprint(model)

    def reasons(self, record: PackageRecord, store: RunStore) -> list[str]:
        """What has changed since the package was made, one sentence each; empty where nothing has."""
        try:
            manifest = Manifest.from_json((record.path / MANIFEST).read_text("utf-8"))
            return [*self._changed_source(record.path), *self._changed_weights(), *_newer(manifest, store)]
        except (LeptonError, OSError, SyntaxError, ValueError):
            return []  # a package that cannot be read is the doctor's business

    def _changed_source(self, package: Path) -> list[str]:
        if "torch" not in sys.modules:
            return []  # then this process has no model of its own
        from lepton_nb.models.drift import changed_names

        namespace = vars(sys.modules["__main__"]) if self.namespace is None else self.namespace
        source = str(json.loads((package / "model.json").read_text("utf-8")).get("source", ""))
        names = changed_names(source, namespace)
        if (package / ROUTES).is_file():
            routes = (package / ROUTES).read_text("utf-8")
            names += [name for name in changed_names(routes, namespace) if name not in names]
        if not names:
            return []
        more = f" and {len(names) - _LONGEST} more" if len(names) > _LONGEST else ""
        was = "was" if len(names) == 1 else "were"
        return [f"{', '.join(names[:_LONGEST])}{more} {was} changed in the notebook"]

    def _changed_weights(self) -> list[str]:
        model = self._model() if self._model is not None else None
        if model is None:
            return []
        from lepton_nb.models.drift import weights_fingerprint

        same = weights_fingerprint(model) == self._weights
        return [] if same else ["the model in this notebook has other weights by now"]


def _newer(manifest: Manifest, store: RunStore) -> list[str]:
    """Training since: the run itself went on, or a newer run of its name was never deployed."""
    try:
        run = store.get_run(manifest.run_id)
    except NotFoundError:
        return []
    if fingerprint_of(run) != manifest.fingerprint and run.status not in ("running", "paused"):
        return [f"run {run.ref} was trained further"]
    newest = store.get_run(run.name)
    deployed = {record.run_id for record in store.list_packages(run.name)}
    if newest.number > run.number and newest.id not in deployed and _has_model(newest):
        return [f"run {newest.ref} is newer"]
    return []


def _has_model(run: Run) -> bool:
    return run.status in ("finished", "stopped") and any(item.best for item in run.checkpoints())
