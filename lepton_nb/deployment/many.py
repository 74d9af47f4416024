"""Real inputs of a whole table, folder or list of files: which they are, and their answers as a DataFrame."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_nb.data.class_folders import IMAGE_SUFFIXES, TEXT_SUFFIXES
from lepton_nb.data.containers import is_container, opened
from lepton_nb.data.sources import is_a
from lepton_nb.errors import ArgumentError, DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.base import Arrays, Prediction
from lepton_nb.tasks.padding import joined

if TYPE_CHECKING:
    import pandas as pd

Ask = Callable[[Arrays], list[Prediction]]
_FRAME = "pandas:DataFrame"
_NAMED = 5  # files or columns that a note names


@dataclass
class Many:
    """Real inputs, ready for the model.

    Attributes:
        name: What the items are called by: ``file``, ``row``, or a column of the table.
        ids: What each is called, ``N`` of them.
        arrays: The inputs of those that can be read.
        good: Which can be read, bool ``(N,)``.
        notes: What was left out, and why.
    """

    name: str
    ids: Sequence[Any]
    arrays: Arrays
    good: np.ndarray
    notes: list[str] = field(default_factory=list)


def is_many(value: Any) -> bool:
    """Whether a value is a DataFrame or what becomes one, a table's file, or a folder."""
    if isinstance(value, str | os.PathLike):
        from lepton_nb.data.tables.files import is_table_file

        path = Path(value).expanduser()
        return not isinstance(value, str) and (path.is_dir() or (path.is_file() and is_table_file(path)))
    return is_a(value, _FRAME) or (is_container(value) and not isinstance(value, dict | list | tuple))


def read_many(value: Any, codec: Codec) -> Many:
    """The inputs that a table, a folder or a file of rows holds.

    Raises:
        ArgumentError: If the model takes nothing of the kind, or a column is missing.
    """
    signature = codec.signature
    kind = signature.preprocessing["kind"]
    if isinstance(value, str | os.PathLike) and Path(value).expanduser().is_dir():
        return _of_folder(Path(value).expanduser(), codec)
    table, notes = _table_of(value)
    if kind == "table":
        many = _of_rows(table, signature)
    elif kind == "text":
        many = _of_texts(table, codec)
    else:
        raise ArgumentError(
            f"The model takes {kind} inputs, not the rows of a table.", "Give a folder of them."
        )
    many.notes = notes + many.notes
    return many


def answer_table(many: Many, ask: Ask, signature: Signature) -> pd.DataFrame:
    """One row an item: what it is called, and its answer; a class has a column with its probability.

    Items that cannot be read have a row without an answer. ``attrs["notes"]`` says what was left out.
    """
    import pandas as pd

    answers = ask(many.arrays) if many.good.any() else []
    columns = _columns(answers, signature)
    empty = {name: [None] * len(many.ids) for name in columns}
    place = np.flatnonzero(many.good)
    for name, values in columns.items():
        for i, value in zip(place, values, strict=True):
            empty[name][int(i)] = value
    ids = many.name if many.name not in columns else f"{many.name} (item)"
    frame = pd.DataFrame({ids: list(many.ids), **empty}).infer_objects()
    frame.attrs["notes"] = many.notes
    return frame


def _columns(answers: Sequence[Prediction], signature: Signature) -> dict[str, list[Any]]:
    """Answers by column: of classes the most likely one and every probability."""
    if not all(isinstance(answer, dict) for answer in answers):
        raise ArgumentError("The model answers with files, which are no table.", "Ask for one at a time.")
    found: list[dict[str, Any]] = [answer for answer in answers if isinstance(answer, dict)]
    if signature.class_names and all("scores" in answer for answer in found):
        said = "label" if "label" in (found or [{}])[0] else "labels"
        scores = {name: [answer["scores"].get(name) for answer in found] for name in signature.class_names}
        title = "prediction" if "prediction" not in scores else "prediction (label)"
        return {title: [_joined(answer.get(said)) for answer in found], **scores}
    if all({"name", "value"} <= answer.keys() for answer in found):
        return {str(signature.target.get("name", "value")): [answer["value"] for answer in found]}
    names = dict.fromkeys(name for answer in found for name in answer)
    return {name: [answer.get(name) for answer in found] for name in names}


def _joined(label: Any) -> Any:
    return "|".join(label) if isinstance(label, list) else label


def _table_of(value: Any) -> tuple[pd.DataFrame, list[str]]:
    from lepton_nb.data.tables.files import read_table

    if isinstance(value, str | os.PathLike):
        table, findings = read_table(Path(value).expanduser())
        return table, [finding.text for finding in findings if finding.warning]
    table = opened(value)
    if not is_a(table, _FRAME):
        raise ArgumentError(f"A {type(value).__name__} is no table.", "Give a DataFrame.")
    return table, []


def _of_rows(table: pd.DataFrame, signature: Signature) -> Many:
    from lepton_nb.data.fitted.tables import read_features

    try:
        inputs, rest, findings = read_features(table, signature)
    except DataError as error:
        raise ArgumentError(error.message, error.hint) from None
    name, ids = _ids(rest, str(signature.target.get("name", "y")))
    left = [str(column) for column in rest if column not in (name, signature.target.get("name"))]
    notes = [finding.text for finding in findings if finding.warning]
    if left:
        shown = ", ".join(left[:_NAMED]) + (" …" if len(left) > _NAMED else "")
        notes.append(f"{plural(len(left), 'column')} that the model does not take left out: {shown}.")
    return Many(name, ids, (inputs,), np.ones(len(inputs), dtype=bool), notes)


def _ids(rest: pd.DataFrame, target: str) -> tuple[str, Sequence[Any]]:
    """The first column that the model does not take and that tells all rows apart, else their numbers."""
    for name in rest.columns.drop(target, errors="ignore"):
        if rest[name].notna().all() and rest[name].is_unique:
            return str(name), rest[name].tolist()
    return "row", range(len(rest))


def _of_texts(table: pd.DataFrame, codec: Codec) -> Many:
    from lepton_nb.data.tables.dtypes import plain_table
    from lepton_nb.data.texts.files import guess_text_column

    table, _ = plain_table(table)
    target = str(codec.signature.target.get("name", "label"))
    others = table.drop(columns=[target], errors="ignore")
    text = others.columns[0] if others.shape[1] == 1 else guess_text_column(others)
    if text is None:
        raise ArgumentError(
            f"Which of {', '.join(map(repr, others.columns))} is the text?", "Give that column alone."
        )
    cells = table[text].astype(object).where(table[text].notna(), "").map(str).str.strip()
    name, ids = _ids(others.drop(columns=[text]), target)
    return _each(name, ids, cells.tolist(), codec)


def _of_folder(folder: Path, codec: Codec) -> Many:
    """Every picture or text below a folder, by its name there."""
    endings = {"image": IMAGE_SUFFIXES, "text": TEXT_SUFFIXES}.get(codec.signature.preprocessing["kind"])
    if endings is None:
        raise ArgumentError("The model takes rows, not the files of a folder.", "Give a table: a CSV file.")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in endings and f.is_file())
    if not files:
        known = did_you_mean(folder.name, [f.name for f in folder.iterdir()][:20])
        raise ArgumentError(f"There is no {endings[0]} file or the like in {str(folder)!r}.", known)
    return _each("file", [f.relative_to(folder).as_posix() for f in files], files, codec)


def _each(name: str, ids: Sequence[Any], items: Sequence[Any], codec: Codec) -> Many:
    """The inputs of items that are read one by one: a damaged one is named, and the rest answered."""
    arrays: list[Arrays] = []
    good, reasons = np.zeros(len(items), dtype=bool), []
    for i, item in enumerate(items):
        try:
            arrays.append(codec.prepare(item))
            good[i] = True
        except (InputError, OSError) as error:
            reasons.append(f"{ids[i]}: {error}")
    if not arrays:
        raise ArgumentError(f"None of {plural(len(items), 'item')} can be read: {reasons[0]}.")
    notes = (
        [f"{plural(len(reasons), 'item')} without an answer: {'; '.join(reasons[:_NAMED])}."]
        if reasons
        else []
    )
    return Many(name, ids, joined(arrays, codec.signature.inputs), good, notes)
