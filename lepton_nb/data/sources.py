"""The kinds of sources that data are read from, found rather than listed.

Adding a source
    Write a subclass of `Source` in ``source.py`` of a room of `lepton_nb.data`, or in ``data.py`` of a task's
    folder: ``lepton_nb/tasks/NAME/data.py``, or the folder of a task that another package brings by an entry
    point of the group ``lepton_nb.tasks``. It is found by being there. `lepton_nb.data.load`, the options,
    help and Tab of `%lepton data`, `DataBundle.spec`, `lepton_nb.data.from_spec` and the cells that train
    a run again all follow from it; ``lepton_nb.data.NAME(given, **options)`` calls it. This is a whole one::

        @dataclass(frozen=True, kw_only=True)
        class BoxOptions(PictureOptions):  # with --image-size, --augment, --val-fraction, --seed, --limit …
            title = "boxes"
            least_side: int = option(4, "smaller boxes are left out, in pixels")


        class BoxSource(Source[BoxOptions]):
            \"\"\"A folder of pictures with their boxes in annotations.json.\"\"\"

            name = "boxes"
            noun = "Folders of pictures with boxes"
            gives = "a folder of pictures with boxes"
            tasks = ("detection",)
            options = BoxOptions

            def recognises_path(self, path, options):
                return Match.SURELY if (path / "annotations.json").is_file() else Match.NO

            def read(self, given, options, *, name, progress):
                from my_package.boxes.reading import read_boxes  # torch, pandas: only here

                root = Path(given).expanduser().absolute()
                return read_boxes(root, options, name=name or root.name)

    The module must import without torch and pandas: Tab and ``--help`` read it.
"""

from __future__ import annotations

import inspect
import os
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from lepton_nb.data.options import Options, home
from lepton_nb.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle
    from lepton_nb.signature import Signature

Progress = Callable[[int, int], None]
"""Called with the number of items read and their total."""
O = TypeVar("O", bound=Options)  # noqa: E741


class Match(IntEnum):
    """How well a source and what is given fit; the best of all sources reads it."""

    NO = 0
    IF_ASKED = 1  # by an option or a task that is this source's own
    PERHAPS = 2
    LIKELY = 3
    SURELY = 4  # it can be nothing else


class Source(ABC, Generic[O]):
    """One kind of source: what it recognises, how it is read, with which options, and how it is found again.

    Attributes:
        name: In specs; `lepton_nb.data` has it as a function of that name.
        noun: What it reads, in the plural, for messages.
        gives: What may be given, as in "a folder of pictures"; empty where only variables are.
        variable: The same of variables, as in "a DataFrame".
        classes: Of variables that may be meant, as ``module:name``; never imported to look.
        tasks: The kinds of problem it reads for; empty for any.
        options: What it may be told; its fields are the options of the source.
        aliases: Other words for options.
        takes_more: Whether options that are no fields are kept in the field ``more``.
        comes_along: Whether it needs no path: its name is enough.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    gives: ClassVar[str] = ""
    variable: ClassVar[str] = ""
    classes: ClassVar[tuple[str, ...]] = ()
    tasks: ClassVar[tuple[str, ...]] = ()
    options: type[O]
    aliases: ClassVar[Mapping[str, str]] = {}
    takes_more: ClassVar[bool] = False
    comes_along: ClassVar[bool] = False

    @abstractmethod
    def read(self, given: Any, options: O, *, name: str | None, progress: Progress | None) -> DataBundle:
        """The data as a bundle.

        Args:
            given: What `recognises` has said yes to.
            options: Validated.
            name: What to call the data; the source knows a name where None.
            progress: May be called where reading takes long.

        Raises:
            DataError: If there is nothing to learn from, or an option is wrong.
        """

    def fitted(self, given: Any, signature: Signature, split: str | None) -> DataBundle | None:  # noqa: ARG002
        """All items as a trained model of one of `tasks` takes them; see `lepton_nb.data.fitted`."""
        return None

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        """Whether this reads a file or folder that exists, given the options as they were written."""
        return Match.NO

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        """Whether this reads a value."""
        return Match.LIKELY if is_a(value, *self.classes) else Match.NO

    def known_names(self) -> list[str]:
        """What may be given by name, where no file is called so."""
        return [self.name] if self.comes_along else []

    def knows(self, name: str) -> bool:
        """Whether something may be given by this name, in any case."""
        return name.lower() in map(str.lower, self.known_names())

    def why_not(self, path: Path) -> tuple[str, str] | None:  # noqa: ARG002
        """What is wrong with a path that no source recognises, and the remedy, where this one knows it."""
        return None

    def where(self, given: Any) -> str | None:
        """By what another process finds it again; None for a variable."""
        if not isinstance(given, str | os.PathLike):
            return None
        path, text = Path(given).expanduser(), os.fspath(given)
        named = next((name for name in self.known_names() if name.lower() == text.lower()), None)
        return str(path.absolute()) if named is None or path.exists() else named

    def __call__(
        self,
        given: Any = None,
        /,
        *,
        name: str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> DataBundle:
        """Read the data, with the spec by which they are read again.

        Raises:
            ArgumentError: If the source takes no such option.
            DataError: If it cannot be read.
        """
        from lepton_nb.data.specs import describe

        chosen = self.checked(options)
        given = self.name if given is None and self.comes_along else given
        where = self.where(given)
        bundle = self.read(given, chosen, name=name, progress=progress)
        bundle.reread = lambda **changes: Source.__call__(
            self, given, name=bundle.name, **{**options, **changes}
        )
        return bundle if where is None else describe(bundle, self.name, where, chosen.to_spec())

    def checked(self, options: Mapping[str, Any]) -> O:
        """The options as this source's own.

        Raises:
            ArgumentError: If it takes no such option.
            DataError: If one is wrong.
        """
        known, given = self.options.names(), self._renamed(options)
        if "task" not in known and self.fits(given.get("task")):
            given.pop("task", None)
        unknown = [name for name in given if name not in known]
        if unknown and not self.takes_more:
            raise ArgumentError(
                f"{self.noun} take no option {unknown[0]!r}.", did_you_mean(unknown[0], known)
            )
        more = {"more": {name: given.pop(name) for name in unknown}} if self.takes_more else {}
        return self.options(**given, **more)

    def fits(self, task: str | None) -> bool:
        """Whether it reads for a task, which may be called by its last word: ``classification``."""
        return not self.tasks or task is None or any(t == task or t.endswith(f"-{task}") for t in self.tasks)

    def takes(self, options: Mapping[str, Any]) -> bool:
        """Whether all options are this source's."""
        known = {"name", "task", *self.options.names()}
        return self.fits(options.get("task")) and (self.takes_more or known >= self._renamed(options).keys())

    def is_asked(self, options: Mapping[str, Any]) -> bool:
        """Whether the task, or an option that a source of its own brings in, asks for it."""
        own = {
            field.name
            for _, field in self.options.on_line()
            if home(self.options, field.name) is self.options
        }
        given = {name for name, value in options.items() if value is not None}
        return options.get("task") in self.tasks or bool(own & given)

    def _renamed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        renamed = {name: value for name, value in options.items() if name not in self.aliases}
        for name, ours in self.aliases.items():
            if options.get(name) is not None and renamed.get(ours) is None:
                renamed[ours] = options[name]
        return renamed


@cache
def sources() -> dict[str, Source[Any]]:
    """Every source by name: those of this package, then those of other packages' tasks."""
    found: dict[str, Source[Any]] = {}
    for module in _modules():
        for value in vars(module).values():
            if not (inspect.isclass(value) and issubclass(value, Source)) or inspect.isabstract(value):
                continue
            if value.__module__ == module.__name__:
                found.setdefault(value.name, value())
    return found


def is_a(value: Any, *classes: str) -> bool:
    """Whether `value` is an instance of one of the classes, given as ``module:name``, of loaded modules."""
    for path in classes:
        module, name = path.split(":")
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(value, kind):
            return True
    return False


def _modules() -> Iterator[ModuleType]:
    for package, stem in (("lepton_nb.data", "source"), ("lepton_nb.tasks", "data")):
        for folder in import_module(package).__path__:
            for file in sorted(Path(folder).glob(f"*/{stem}.py")):
                yield import_module(f"{package}.{file.parent.name}.{stem}")
    for entry in entry_points(group=import_module("lepton_nb.tasks").ENTRY_POINTS):
        try:
            beside = _beside(entry.module)
            if beside is not None:
                yield import_module(beside)
        except Exception as error:
            warnings.warn(f"The data of the task {entry.name!r} cannot be read: {error}", stacklevel=2)


def _beside(module: str) -> str | None:
    """The name of the module ``data`` in the folder of a task's module."""
    spec = find_spec(module)
    folder = module if spec is not None and spec.submodule_search_locations else module.rpartition(".")[0]
    return f"{folder}.data" if folder and find_spec(f"{folder}.data") is not None else None
