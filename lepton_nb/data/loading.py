"""One entry for every kind of source: which of them reads what is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.data.sources import Match, Progress, Source, sources
from lepton_nb.errors import DataError, did_you_mean, nearest

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

Asked = Callable[[Source[Any]], Match]


def load(source: Any, *, progress: Progress | None = None, **options: Any) -> DataBundle:
    """The data of any source as a bundle.

    Args:
        source: ``"digits"``; the path of a folder of pictures, texts or tables, or of a CSV or TSV file; the
            name of a torchvision data set; a DataFrame; ``(X, y)`` or ``((X, y), (X_test, y_test))``
            of arrays or tensors; a Dataset or DataLoader, or a tuple of those for train, val and test; or
            what the `Source` of a task recognises.
        progress: Called with the number of items read and their total, where reading takes long.
        options: Those of the source that reads it, as `%lepton data --help` lists them. ``task`` says which,
            where several could.

    Raises:
        DataError: If the source cannot be read.
        ArgumentError: If it takes no such option.
    """
    bundle = choose(source, options)(source, progress=progress, **options)
    if bundle.spec is not None:
        bundle.spec["task"] = options.get("task")  # nothing else has to be said to choose the source again
    return bundle


def from_spec(spec: dict[str, Any], *, strict: bool = True) -> DataBundle:
    """The bundle that `DataBundle.spec` describes, read again from its source.

    Args:
        spec: What a bundle's `spec` held, perhaps in another process.
        strict: False to go on with a warning in the report where the data has changed.

    Raises:
        DataError: If the source is gone, or has changed and `strict` is set.
    """
    from lepton_nb.data.specs import check_same
    from lepton_nb.data.splitting import split_as

    if spec["source"] not in sources():
        raise DataError(
            f"The data {spec['where']!r} were read as {spec['source']!r}, which nothing here reads.",
            "Install the package whose task they are for.",
        )
    with split_as(spec.get("split")):
        bundle = sources()[spec["source"]](spec["where"], **spec["options"])
    check_same(bundle, spec, strict=strict)
    return bundle


def choose(given: Any, options: Mapping[str, Any]) -> Source[Any]:
    """The source that reads what is given, for the task where one is asked for.

    Where one surely matches, an option that it does not take is a slip; else options tell which is meant.

    Raises:
        DataError: If none does, or two do for different tasks.
    """
    ask, refusal = _asked(given, options)
    ranks: dict[Source[Any], tuple[object, ...]] = {}
    for source in sources().values():
        match, asked = ask(source), source.is_asked(options)
        if match > Match.IF_ASKED or (match and asked):
            fits = source.fits(options.get("task"))
            ranks[source] = (fits, match is Match.SURELY, source.takes(options), asked, match)
    if not ranks:
        raise refusal()
    best = [source for source, rank in ranks.items() if rank == max(ranks.values())]
    if len(best) > 1:
        kinds = " and ".join(source.noun for source in best)
        hint = f"Say for which task: {' or '.join(f'task={t!r}' for source in best for t in source.tasks)}."
        raise DataError(f"{_shown(given)} may be read as {kinds}.", hint)
    return best[0]


def expected() -> str:
    """Everything that may be given, in words."""
    paths = [source.gives for source in sources().values() if source.gives]
    variables = [source.variable for source in sources().values() if source.variable]
    return f"{', '.join(paths)}, or a variable: {', '.join(variables)}"


def _asked(given: Any, options: Mapping[str, Any]) -> tuple[Asked, Callable[[], DataError]]:
    """What to ask every source, and what to say where none says yes."""
    if not isinstance(given, str | os.PathLike):
        refused = DataError(f"Cannot read data from {_shown(given)}.", f"Give {expected()}.")
        return lambda source: source.recognises_variable(given, options), lambda: refused
    name, path = os.fspath(given), Path(given).expanduser()
    if path.exists() and not any(source.comes_along and source.name == name for source in sources().values()):
        return lambda source: source.recognises_path(path, options), lambda: _unreadable(path)
    return lambda source: Match.SURELY if source.knows(name) else Match.NO, lambda: _unknown(name, path)


def _unreadable(path: Path) -> DataError:
    said = next((why for source in sources().values() if (why := source.why_not(path))), None)
    return DataError(*(said or (f"{str(path)!r} is no file this reads.", f"Give {expected()}.")))


def _unknown(name: str, path: Path) -> DataError:
    from lepton_nb.data.class_folders import suggest_path

    known = [each for source in sources().values() for each in source.known_names()]
    looks_like_path = os.sep in name or "/" in name or "." in name or nearest(name, known) is None
    hint = suggest_path(path.absolute()) if looks_like_path else did_you_mean(name, known)
    return DataError(f"There is no file or folder {name!r}, and no data set of that name.", hint)


def _shown(given: Any) -> str:
    if isinstance(given, str | os.PathLike):
        return repr(os.fspath(given))
    kind = type(given).__name__
    return f"a {kind} of {len(given)}" if isinstance(given, list | tuple | dict) else f"a {kind}"
