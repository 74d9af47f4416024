"""Captured routes on disk: readable Python, where each statement stood in the notebook, and arrays.

Nothing is pickled. ``handlers.py`` is what runs; ``handlers.json`` maps its lines to cells, so that
tracebacks show the notebook's lines; ``handlers.safetensors`` holds the arrays and tensors that it uses.
"""

from __future__ import annotations

import ast
import json
import linecache
import sys
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lepton_nb.errors import RouteError

SOURCE, INDEX, ARRAYS = "handlers.py", "handlers.json", "handlers.safetensors"
MODULE = "lepton_routes"


@dataclass(frozen=True)
class CellPlace:
    """Where a statement of ``handlers.py`` comes from.

    Attributes:
        start: Its first line there.
        file: What a traceback calls the cell or file, such as ``Cell In[5]``.
        line: Its first line in that cell or file.
    """

    start: int
    file: str
    line: int


@dataclass(frozen=True)
class RouteSource:
    """The captured routes of a service.

    Attributes:
        source: The Python that defines them.
        service: Name of the class whose methods are the routes; empty for functions.
        functions: Names of the functions that are routes.
        places: Where the statements of `source` stood.
        arrays: Values that are shipped as they are.
        tensors: Names of the `arrays` that were tensors.
    """

    source: str
    service: str = ""
    functions: tuple[str, ...] = ()
    places: tuple[CellPlace, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    tensors: tuple[str, ...] = ()

    def files(self) -> dict[str, bytes]:
        """The files of a package that hold them."""
        from safetensors.numpy import save

        index = {
            "service": self.service,
            "functions": self.functions,
            "places": [asdict(place) for place in self.places],
            "tensors": self.tensors,
        }
        files = {SOURCE: self.source.encode(), INDEX: json.dumps(index, indent=2).encode() + b"\n"}
        if self.arrays:
            arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
            files[ARRAYS] = save(arrays)
        return files

    @classmethod
    def read(cls, folder: Path) -> RouteSource:
        """The routes of a package whose files have been verified."""
        from safetensors.numpy import load_file

        index = json.loads((folder / INDEX).read_text("utf-8"))
        arrays = load_file(folder / ARRAYS) if (folder / ARRAYS).exists() else {}
        return cls(
            (folder / SOURCE).read_text("utf-8"),
            index["service"],
            tuple(index["functions"]),
            tuple(CellPlace(**place) for place in index["places"]),
            arrays,
            tuple(index["tensors"]),
        )

    def load(self) -> types.ModuleType:
        """Run the source as a module.

        Raises:
            RouteError: If it imports what is not installed here, or fails.
        """
        module = types.ModuleType(MODULE)
        module.__dict__.update(self._values())
        sys.modules[MODULE] = module  # dataclasses and pydantic look their annotations up there
        try:
            for code in self._compiled():
                exec(code, module.__dict__)
        except ModuleNotFoundError as error:
            name = (error.name or "").partition(".")[0]
            raise RouteError(
                f"the routes import {error.name}, which is not installed here: pip install {name}"
            ) from None
        return module

    def targets(self, module: types.ModuleType) -> Any:
        """The class, or the functions, whose signatures are the routes."""
        if self.service:
            return getattr(module, self.service)
        return [getattr(module, name) for name in self.functions]

    @property
    def own_files(self) -> set[str]:
        """The file names of the user's code in tracebacks."""
        return {SOURCE, *(place.file for place in self.places)}

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = dict(self.arrays)
        if self.tensors:
            import torch

            values.update({name: torch.from_numpy(self.arrays[name]) for name in self.tensors})
        return values

    def _compiled(self) -> list[types.CodeType]:
        """Each statement, compiled as if it stood where the user wrote it."""
        tree = ast.parse(self.source)
        lines = self.source.splitlines(keepends=True)
        shown: dict[str, dict[int, str]] = {}
        codes = []
        flags = annotations.compiler_flag if _postpones(tree) else 0
        for node in tree.body:
            start = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
            end = node.end_lineno or start
            place = next(
                (item for item in self.places if item.start == start), CellPlace(start, SOURCE, start)
            )
            texts = shown.setdefault(place.file, {})
            texts.update({place.line + i: text for i, text in enumerate(lines[start - 1 : end])})
            ast.increment_lineno(node, place.line - start)
            single = ast.Module([node], [])
            codes.append(compile(single, place.file, "exec", flags=flags, dont_inherit=True))
        for file, texts in shown.items():
            whole = [texts.get(number, "\n") for number in range(1, max(texts) + 1)]
            linecache.cache[file] = (sum(map(len, whole)), None, whole, file)
        return codes


def _postpones(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
