"""One entry for every kind of source: which of them reads what is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.data.containers import how_to_convert, opened
from lepton_nb.data.sources import Match, Progress, Source, sources
from lepton_nb.errors import DataError, did_you_mean, nearest

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

Asked = Callable[[Source[Any]], Match]
_LINES = {
    ".npy": "X = np.load({0!r}), and give (X, y)",
    ".pkl": "data = pd.read_pickle({0!r})",
    ".pickle": "data = pd.read_pickle({0!r})",
    ".pt": "X, y = torch.load({0!r}), and give (X, y)",
    ".pth": "X, y = torch.load({0!r}), and give (X, y)",
    ".safetensors": "data = safetensors.torch.load_file({0!r})",
    ".mat": "data = scipy.io.loadmat({0!r}), and give (data['X'], data['y'])",
    ".h5": "data = pd.read_hdf({0!r})",
    ".hdf5": "data = h5py.File({0!r}), and give (data['X'][:], data['y'][:])",
    ".sas7bdat": "data = pd.read_sas({0!r})",
    ".sav": "data = pd.read_spss({0!r})",
    ".xml": "data = pd.read_xml({0!r})",
    ".html": "data = pd.read_html({0!r})[0]",
    ".orc": "data = pd.read_orc({0!r})",
    ".arrow": "data = datasets.Dataset.from_file({0!r})",
    ".arff": "data = pd.DataFrame(scipy.io.arff.loadarff({0!r})[0])",
    ".db": "data = pd.read_sql('select * from TABLE', 'sqlite:///{0}')",
    ".sqlite": "data = pd.read_sql('select * from TABLE', 'sqlite:///{0}')",
    ".zip": "!unzip {0!r}, and name what was in it",
    ".tar": "!tar xf {0!r}, and name what was in it",
    ".tgz": "!tar xf {0!r}, and name what was in it",
}
"""How files are opened that are not read here."""


def load(source: Any, *, progress: Progress | None = None, **options: Any) -> DataBundle:
    """The data of any source as a bundle.

    Args:
        source: ``"digits"``; the path of a folder of pictures, texts or tables, or of a table's file; the
            name of a torchvision data set; a DataFrame; ``(X, y)`` or ``((X, y), (X_test, y_test))``
            of arrays or tensors; a Dataset or DataLoader, or a tuple of those for train, val and test; what
            the `Source` of a task recognises; or what `containers.opened` makes one of these of.
        progress: Called with the number of items read and their total, where reading takes long.
        options: Those of the source that reads it, as `%lepton data --help` lists them. ``task`` says which,
            where several could.

    Raises:
        DataError: If the source cannot be read.
        ArgumentError: If it takes no such option.
    """
    given = opened(source, options.get("target"))
    if isinstance(source, Mapping) and isinstance(given, tuple):
        options.pop("target", None)  # which has told them apart
    bundle = choose(given, options)(given, progress=progress, **options)
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
    source = sources()[spec["source"]]
    with split_as(spec.get("split")):
        bundle = source(spec["where"], **{**source.options.before, **spec["options"]})
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
        line = how_to_convert(given)
        hint = f"Give {expected()}." if line is None else f"Convert it: {line.replace('V', 'data')}"
        refused = DataError(f"Cannot read data from {_shown(given)}.", hint)
        return lambda source: source.recognises_variable(given, options), lambda: refused
    name, path = os.fspath(given), Path(given).expanduser()
    if path.exists() and not any(source.comes_along and source.name == name for source in sources().values()):
        return lambda source: source.recognises_path(path, options), lambda: _unreadable(path)
    return lambda source: Match.SURELY if source.knows(name) else Match.NO, lambda: _unknown(name, path)


def _unreadable(path: Path) -> DataError:
    line = _LINES.get(path.suffix.lower())
    if line is not None:
        return DataError(f"{str(path)!r} is no file this reads.", f"Read it first: {line.format(path.name)}")
    said = next((why for source in sources().values() if (why := source.why_not(path))), None)
    return DataError(*(said or (f"{str(path)!r} is no file this reads.", f"Give {expected()}.")))


def _unknown(name: str, path: Path) -> DataError:
    if "://" in name:
        line = f"data = pd.read_csv({name!r})" if ".csv" in name.lower() else f"a file: !curl -LO {name}"
        return DataError(f"{name!r} is an address; data are read from here.", f"Fetch it first: {line}")
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
