"""The source of arrays and tensors in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.data.options import Named, option
from lepton_nb.data.pictures.options import Augmenting
from lepton_nb.data.sources import Match, Progress, Source, is_a

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

_ARRAYS = ("numpy:ndarray", "torch:Tensor", "pandas:DataFrame")


@dataclass(frozen=True, kw_only=True)
class ArrayOptions(Named, Augmenting):
    """Inputs and targets.

    Attributes:
        task: ``classification`` or ``regression``, where the targets should not decide.
        class_names: Names of the classes 0, 1, ….
        augment: For pictures.
        target: The name of the targets in a file of arrays, where it does not tell.
    """

    title = "arrays"
    target: str | tuple[str, ...] | None = option(None, "name of the targets in an .npz file", "NAME")


class ArraySource(Source[ArrayOptions]):
    """Inputs and targets in memory: ``(x, y)``, also with those for validation and the test.

    x holds pictures ``(N, C, H, W)``, ``(N, H, W, C)`` or, as uint8, ``(N, H, W)``; or rows ``(N, F)``; or
    anything else a model takes as float32. Pictures are uint8, or floats that are 0..255 in whole numbers or
    0..1; other floats reach the model as they are. y holds targets ``(N,)``: class numbers, names, or
    quantities; or ``(N, T)`` quantities; or labels: zeros and ones ``(N, L)``, or a list of names an item.
    """

    name = "arrays"
    noun = "Arrays"
    gives = "arrays in an .npz file"
    variable = "(X, y)"
    classes = ("numpy:ndarray", "torch:Tensor", "builtins:tuple", "builtins:list")
    tasks = (
        "image-classification",
        "tabular-classification",
        "tabular-regression",
        "binary-classification",
        "multi-label-classification",
    )
    options = ArrayOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        return Match.SURELY if path.suffix.lower() == ".npz" else Match.NO

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        if isinstance(value, dict):  # by split
            value = value.get("train")
        if not _is_pair(value):
            return Match.NO
        first = value[0]
        return Match.LIKELY if is_a(first[0] if _are_pairs(value) else first, *_ARRAYS) else Match.NO

    def __call__(
        self, x: Any = None, y: Any = None, /, *, val: Any = None, test: Any = None, **options: Any
    ) -> DataBundle:
        """The data as a bundle.

        Args:
            x: Inputs; or both, as a pair, as a pair of pairs of which the second is the test, in a dict by
                split, or in an ``.npz`` file.
            y: Targets.
            val: Inputs and targets for validation; drawn from `x` where it is not given.
            test: Inputs and targets for the test; drawn from `x` where neither it nor `val` is given.
            options: Those of the source.
        """
        if isinstance(x, str | os.PathLike):
            return super().__call__(x, **options)
        if isinstance(x, dict):
            return super().__call__({"train": None, **x}, **options)
        if y is None and _is_pair(x):
            (x, y), test = x if _are_pairs(x) else (x, test)
        return super().__call__({"train": (x, y), "val": val, "test": test}, **options)

    def read(
        self,
        given: Any,
        options: ArrayOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.tensors.reading import open_archive, read_arrays

        if isinstance(given, str | os.PathLike):
            given, name = open_archive(Path(given), options.target), name or Path(given).stem
        return read_arrays(given, options, name=name or self.name)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2


def _are_pairs(value: Any) -> bool:
    return all(_is_pair(part) for part in value)
