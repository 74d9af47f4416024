"""What a source may be told stands in one place: the magic's line, specs and a run's cells follow from it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pandas as pd
import pytest

from lepton_nb import data
from lepton_nb.data.loading import choose
from lepton_nb.data.options import Options
from lepton_nb.data.sources import sources
from lepton_nb.data.tables.source import CsvSource
from lepton_nb.errors import ArgumentError, DataError
from lepton_nb.lab.reproduce import reproduce
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.data import line_options
from lepton_nb.magics.fields import add_field
from lepton_nb.magics.parser import find_subparsers, split_line
from tests.lab.test_lab_runs import trained
from tests.test_data_folder import make_folder
from tests.test_data_sources import mnist, write_table

__all__ = ["mnist"]

EVERY = sorted(sources())
ON_THE_LINE = {"command", "run", "name", "source", "train", "val", "test", "help"}


def other_value(field: Any, hint: Any, folder: Path) -> Any:
    """A value of an option that is not its default; `folder` where it names one."""
    if field.name == "image_size":
        return (8, 6)
    kinds = get_args(hint) or (hint,)
    if get_origin(hint) is Literal:
        return next(value for value in kinds if value != field.default)
    if hint is bool:
        return not field.default
    if str in kinds:
        return str(folder) if field.metadata["completes"] == "files" else "some words"
    if int in kinds:
        return 7 if field.default is None else field.default + 1
    return 0.25 if float in kinds else ("no, yes" if str in kinds else ("left", "right"))


def others(options: type[Options], folder: Path) -> dict[str, Any]:
    hints = get_type_hints(options)
    return {field.name: other_value(field, hints[field.name], folder) for _, field in options.on_line()}


def parsed(line: str) -> dict[str, Any]:
    """The options of a `%lepton data` line, by the magic's own parser."""
    words, _ = split_line(line.removeprefix("%lepton "))
    args = vars(build_parser().parse_line(words))
    return {name: value for name, value in args.items() if name not in ON_THE_LINE}


def line_of(bundle: data.DataBundle) -> str:
    """The cell that a run on the data is reproduced by."""
    run = trained("net", [0.5], data=bundle.name)
    run.write_json("data.json", bundle.spec)
    return reproduce(run)[0]


def test_the_magic_has_the_options_of_all_sources_and_no_others() -> None:
    known = {field.name for s in sources().values() for _, field in s.options.on_line()}
    actions = find_subparsers(build_parser())["data"]._actions
    assert {action.dest for action in actions} - ON_THE_LINE == known


@pytest.mark.parametrize("name", EVERY)
def test_an_option_is_read_alike_whichever_source_takes_it(name: str) -> None:
    def read(field: Any, hint: Any) -> Any:
        action = add_field(argparse.ArgumentParser().add_argument_group(), field, hint)
        return field.name, action.type, action.nargs, action.choices

    first = {field.name: read(field, hint) for _, field, hint in reversed(list(line_options()))}
    hints = get_type_hints(sources()[name].options)
    for _, field in sources()[name].options.on_line():
        assert read(field, hints[field.name]) == first[field.name]


@pytest.mark.parametrize("name", EVERY)
def test_every_option_of_every_source_goes_by_spec_and_line_and_comes_back(name: str, tmp_path: Path) -> None:
    source, folder = sources()[name], tmp_path / "some where"
    folder.mkdir()
    chosen = source.checked(others(source.options, folder))
    spec = json.loads(json.dumps(chosen.to_spec()))
    assert set(spec) == set(source.options.names()) - {"more"}
    words = source.options.words(spec)
    assert words is not None
    quoted = " ".join(word if " " not in word else f'"{word}"' for word in words)
    assert source.checked(parsed(f"%lepton data x {quoted}")) == source.checked(spec) == chosen
    assert source.options.words(source.options().to_spec()) == []


def test_the_functions_of_the_package_are_the_sources() -> None:
    own = {name for name, source in sources().items() if type(source).__module__.startswith("lepton_nb.data")}
    assert own <= set(data.__all__)
    assert all(getattr(data, name) is source for name, source in sources().items())


def cases(tmp_path: Path, mnist: Path) -> dict[str, tuple[Any, dict[str, Any]]]:
    """For every source that is found again: what it is given, and a value of every option."""
    split = {"val_fraction": 0.3, "test_fraction": 0.25, "seed": 2, "limit": 11}
    pictures = make_folder(tmp_path / "pics", {"cat": 20, "dog": 20})
    table = write_table(tmp_path / "t.csv", "k,m,words", "{k},{i},some long words of line {i}")
    look = {"image_size": "8x6", "augment": "standard"}
    return {
        "digits": ("digits", split | {"augment": "strong"}),
        "folder": (
            pictures,
            split | look | {"cache": False, "stream": True, "group": "^(.+)$", "resize": "fit"},
        ),
        "torchvision": ("MNIST", split | look | {"root": str(mnist), "download": False}),
        "csv": (
            table,
            split
            | {
                "target": "m",
                "task": "regression",
                "drop": ("words",),
                "columns": ("k", "words"),
                "dates": False,
            }
            | {"group": "words"},
        ),
        "text": (
            table,
            split
            | {
                "text": "words",
                "label": "k",
                "max_length": 5,
                "vocab_size": 300,
                "task": "text-classification",
                "group": "m",
            },
        ),
    }


@pytest.mark.parametrize("name", ["digits", "folder", "torchvision", "csv", "text"])
def test_data_are_read_again_by_their_spec_and_by_the_line(name: str, tmp_path: Path, mnist: Path) -> None:
    given, options = cases(tmp_path, mnist)[name]
    assert set(sources()[name].options.names()) - set(options) <= {"more", "task", "fold"}
    bundle = data.load(given, name="mine", **options)
    assert bundle.spec is not None
    assert bundle.spec["source"] == name
    assert data.from_spec(json.loads(json.dumps(bundle.spec))).fingerprint == bundle.fingerprint
    line = line_of(bundle)
    assert line.startswith("%lepton data mine --from " if name != "digits" else "%lepton data mine --val")
    again = data.load(given, name="mine", **parsed(line))
    assert (again.fingerprint, again.spec) == (bundle.fingerprint, bundle.spec)


def test_usual_options_are_not_repeated_on_the_line(tmp_path: Path) -> None:
    pictures = make_folder(tmp_path / "pics", {"cat": 8, "dog": 8})
    assert line_of(data.load(pictures)) == f"%lepton data pics --from {pictures}"
    assert line_of(data.digits()) == "%lepton data digits"


def test_a_source_that_had_to_be_named_is_named_on_the_line(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", "k,words,label", "{k},some long words of line {i},{k}")
    assert data.load(table).task.name == "tabular-classification"
    for bundle in (data.load(table, task="text-classification"), data.text(table)):
        line = line_of(bundle)
        assert line == f"%lepton data t --from {table} --task text-classification"
        assert data.load(table, **parsed(line)).fingerprint == bundle.fingerprint


def test_what_the_line_cannot_say_is_said_in_python(tmp_path: Path) -> None:
    fake = data.load("FakeData", name="fake", size=40, num_classes=4, image_size=8)
    made: dict[str, Any] = {}
    exec(line_of(fake).rpartition("\n")[0], made)
    assert made["fake"].fingerprint == fake.fingerprint
    pictures = data.load(make_folder(tmp_path / "my pics", {"cat": 8, "dog": 8}), seed=2)
    cell = line_of(pictures)
    assert f"my_pics = lepton_nb.data.folder({str(tmp_path / 'my pics')!r}, name='my pics', seed=2)\n" in cell
    exec(cell.rpartition("\n")[0], made)
    assert made["my_pics"].spec["options"] == pictures.spec["options"]  # type: ignore[index]
    assert sources()["arrays"].options.words({"class_names": ["a,b", "c"]}) is None


def test_an_option_that_does_not_fit_what_can_be_nothing_else_is_a_slip(tmp_path: Path) -> None:
    write_table(tmp_path / "train.csv", "n,m", "{i},{k}")
    with pytest.raises(ArgumentError, match="Table files take no option 'image_size'"):
        data.load(tmp_path, image_size=8)


def test_an_option_that_only_one_source_takes_decides(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", "k,m,words", "{k},{i},some long words of line {i}")
    chosen = {
        "csv": [{}, {"target": "m"}, {"task": "regression"}, {"seed": 1}],
        "text": [{"label": "k"}, {"max_length": 4}, {"task": "text-classification", "target": "k"}],
    }
    for name, several in chosen.items():
        assert [choose(table, options).name for options in several] == [name] * len(several)
    frame = pd.DataFrame({"k": [1, 2]})
    assert [choose(frame, o).name for o in ({}, {"label": "k"})] == ["frame", "text"]
    with pytest.raises(ArgumentError, match="Folders of pictures take no option 'labell'"):
        data.load(make_folder(tmp_path / "p", {"a": 3, "b": 3}), labell="k")


POINTS = '''
from dataclasses import dataclass
from pathlib import Path

from lepton_nb.data.options import Splitting, option
from lepton_nb.data.sources import Match, Source


@dataclass(frozen=True, kw_only=True)
class PointOptions(Splitting):
    title = "points"
    limit: int | None = option(None, "at most so many points")
    scale: float = option(1.0, "what numbers are multiplied by")


class PointSource(Source[PointOptions]):
    """Points in a file."""

    name = "points"
    noun = "Files of points"
    gives = "a file of points"
    tasks = ("my-points",)
    options = PointOptions

    def recognises_path(self, path, options):
        return Match.SURELY if path.suffix == ".points" else Match.NO

    def read(self, given, options, *, name, progress):
        import numpy as np
        from lepton_nb import data

        rows = np.loadtxt(given) * options.scale
        own = {key: getattr(options, key) for key in ("val_fraction", "test_fraction", "seed", "limit")}
        return data.arrays(rows[:, :-1], rows[:, -1], name=name or Path(given).stem, **own)
'''


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of points, which only the task of another package reads."""
    folder = tmp_path / "my_points_package" / "points"
    folder.mkdir(parents=True)
    for place in (folder.parent, folder):
        (place / "__init__.py").touch()
    (folder / "data.py").write_text(POINTS)
    info = tmp_path / "my_points_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-points\nVersion: 1.0\n")
    entries = "my-points = my_points_package.points:Points\nbroken = no_such_module.task:Task\n"
    (info / "entry_points.txt").write_text(f"[lepton_nb.tasks]\n{entries}")
    monkeypatch.syspath_prepend(tmp_path)
    sources.cache_clear()
    file = tmp_path / "some.points"
    file.write_text("".join(f"{i} {i * i} {i / 7}\n" for i in range(40)))
    yield file
    sources.cache_clear()


@pytest.mark.filterwarnings("ignore:The data of the task 'broken'")
def test_the_task_of_another_package_brings_its_source(points: Path) -> None:
    bundle = data.load(points, scale=2.0, seed=1)
    assert bundle.spec is not None
    assert bundle.spec["source"] == "points"
    assert data.from_spec(json.loads(json.dumps(bundle.spec))).fingerprint == bundle.fingerprint
    line = line_of(bundle)
    assert line == f"%lepton data some --from {points} --seed 1 --scale 2.0"
    assert data.load(points, **parsed(line)).fingerprint == bundle.fingerprint
    assert getattr(data, bundle.spec["source"])(points).name == "some"
    help_text = " ".join(find_subparsers(build_parser())["data"].format_help().split())
    assert "points: --scale X what numbers are multiplied by (default: 1)" in help_text
    assert "at most so many items of each split; points: at most so many points" in help_text
    assert "a file of points" in help_text
    with pytest.raises(ArgumentError, match="Files of points take no option 'scal'"):
        data.load(points, scal=3)


@pytest.mark.usefixtures("points")
def test_a_task_whose_data_cannot_be_read_is_named() -> None:
    sources.cache_clear()
    with pytest.warns(UserWarning, match="The data of the task 'broken' cannot be read"):
        assert "points" in sources()


def test_a_spec_of_an_older_version_is_read(tmp_path: Path) -> None:
    pictures = make_folder(tmp_path / "pics", {"cat": 8, "dog": 8})
    bundle = data.load(pictures, image_size=(6, 8), val_fraction=0.2)
    split = {"val_fraction": 0.2, "test_fraction": 0.2, "seed": 0, "limit": None}
    options = {
        "name": "pics",
        "image_size": [6, 8],
        "augment": "none",
        **split,
        "cache": True,
        "stream": False,
    }
    found = {"fingerprint": bundle.fingerprint, "sizes": bundle.report.sizes, "split": "content"}
    bundle.spec = {"source": "folder", "where": str(pictures), "options": options, **found}
    assert data.from_spec(bundle.spec).fingerprint == bundle.fingerprint
    assert line_of(bundle) == f"%lepton data pics --from {pictures} --image-size 6x8 --val-fraction 0.2"


def test_data_whose_source_is_not_here_any_more_say_so() -> None:
    bundle = data.digits(limit=20)
    bundle.spec = spec = {"source": "points", "where": "/x.points", "options": {}, "split": "content"}
    assert line_of(bundle) == "# 'digits' was read as 'points', which nothing here reads:\ndigits = ..."
    with pytest.raises(DataError, match="were read as 'points', which nothing here reads"):
        data.from_spec(spec)


def test_two_sources_that_fit_alike_are_told_apart_by_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = sources()["csv"]

    class Rival(CsvSource):
        noun = "Other tables"
        tasks = ("other-task",)

    rival = Rival()
    monkeypatch.setattr("lepton_nb.data.loading.sources", lambda: {**sources(), "rival": rival})
    table = write_table(tmp_path / "t.csv", "n,m", "{i},{k}")
    with pytest.raises(DataError, match="may be read as Table files and Other tables") as caught:
        data.load(table)
    assert "task='other-task'" in str(caught.value)
    assert choose(table, {"task": "other-task"}) is rival
    assert choose(table, {"task": "tabular-classification"}) is csv
