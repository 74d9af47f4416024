"""Options of sources: fields of a dataclass that carry their own documentation, as those of `TrainConfig` do.

A field made by `option` is an option of `%lepton data`, spelled with dashes; a plain field is not. Options of
the same name in several sources have the same type. Nothing here imports torch or pandas: Tab reads it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, ClassVar

from lepton_nb.errors import DataError


def option(default: Any, doc: str, metavar: str = "", *, completes: str = "") -> Any:
    """A field that is an option.

    Args:
        default: Its default, which the reader takes, too.
        doc: What `%lepton data --help` says.
        metavar: What stands for the value there; by its type where it is not given.
        completes: What Tab offers for it: ``files`` or ``tasks``.
    """
    return field(default=default, metadata={"doc": doc, "metavar": metavar, "completes": completes})


@dataclass(frozen=True)
class Options:
    """What a source may be told; a subclass refuses in ``__post_init__`` what it cannot use.

    Attributes:
        title: What `%lepton data --help` lists the options of this class under.
        before: What options were that a spec does not have since it is older than they.
    """

    title: ClassVar[str] = ""
    before: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, list):  # as JSON has them
                object.__setattr__(self, name, tuple(value))

    @classmethod
    def names(cls) -> list[str]:
        """The names of its fields."""
        return [f.name for f in fields(cls)]

    @classmethod
    def on_line(cls) -> list[tuple[str, Field[Any]]]:
        """The options of a line, each with the title of the class that brings it in."""
        return [(home(cls, f.name).title, f) for f in fields(cls) if "doc" in f.metadata]

    @classmethod
    def unusual(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the options of a spec that have to be said: not their defaults."""
        defaults = {f.name: f.default for _, f in cls.on_line()}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return {name: value for name, value in values.items() if value not in (None, defaults.get(name))}

    @classmethod
    def words(cls, given: Mapping[str, Any]) -> list[str] | None:
        """What says the same on a line of `%lepton data`; None where an option cannot be said there."""
        known = {f.name for _, f in cls.on_line()}
        words: list[str] = []
        for name, value in cls.unusual(given).items():
            said = _words(name, value) if name in known else None
            if said is None:
                return None
            words += said
        return words

    def to_spec(self) -> dict[str, Any]:
        """The options as `DataBundle.spec` keeps them."""
        return asdict(self)


def _words(name: str, value: Any) -> list[str] | None:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, tuple):
        if any("," in str(part) for part in value):
            return None
        return [flag, ("x" if all(isinstance(part, int) for part in value) else ",").join(map(str, value))]
    return [flag, str(value)] if isinstance(value, str | int | float) else None


def home(cls: type[Options], name: str) -> type[Options]:
    """The class that brings an option in, of a class and those it is made from."""
    """The class that brings a field in."""
    return next(c for c in cls.__mro__ if name in inspect.get_annotations(c))


@dataclass(frozen=True)
class Splitting(Options):
    """How items without splits of their own are split.

    Attributes:
        val_fraction: Share of the items for validation.
        test_fraction: Share of the items for the test.
        seed: Equal seeds give equal splits.
        limit: Largest number of items of each split, drawn with the same mix of classes; None for all.
        fold: ``(i, K)``: of K folds of the items the i-th, from 0, is the test split.

    Raises:
        DataError: If a share is not in 0..1, both together reach 1, or the limit is not a positive number.
    """

    title = "splitting"
    val_fraction: float = option(0.1, "share of the training data, 0 to 1")
    test_fraction: float = option(0.2, "share where the source has no test part")
    seed: int = option(0, "equal seeds give equal splits")
    limit: int | None = option(None, "at most so many items of each split")
    fold: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_share("val_fraction", self.val_fraction, 0.1)
        _check_share("test_fraction", self.test_fraction, 0.2)
        if self.val_fraction + self.test_fraction >= 1:
            raise DataError(
                f"val_fraction {self.val_fraction} and test_fraction {self.test_fraction} leave nothing to "
                "train on.",
                "Try val_fraction=0.1, test_fraction=0.2.",
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise DataError(f"seed is {self.seed!r}; it is a whole number of at least 0.", "Try seed=0.")
        limit = self.limit
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise DataError(f"limit is {limit!r}; it is a number of items of at least 1.", "Try limit=1000.")


@dataclass(frozen=True, kw_only=True)
class Grouped(Splitting):
    """Items of which some belong together.

    Attributes:
        group: What stays in one split together: a column of a table, or a pattern in the names of files.
    """

    title = "splitting"
    group: str | None = option(
        None, "keep together: a column, or a pattern in file names, as 'patient([0-9]+)'", "COLUMN"
    )


@dataclass(frozen=True, kw_only=True)
class Tasked(Options):
    """Where the kind of problem does not go without saying."""

    title = "reading"
    task: str | None = option(None, "kind of problem (default: from the source)", completes="tasks")


@dataclass(frozen=True, kw_only=True)
class Named(Tasked):
    """Where the classes may have no names of their own."""

    title = "reading"
    class_names: tuple[str, ...] | None = option(None, "names of the classes 0, 1, 2 …", "A,B,C")


def _check_share(name: str, value: Any, usual: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise DataError(
            f"{name} is {value!r}; it is a share from 0 up to, not including, 1.",
            f"Try {name}={usual}.",
        )
