"""Notebooks to begin with: the tutorials, and short ones for a kind of data of one's own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lepton_nb.errors import NotFoundError, did_you_mean

_SHIPPED = Path(__file__).parent / "notebooks"
_SOURCE_TREE = Path(__file__).parents[2] / "notebooks"


@dataclass(frozen=True)
class Template:
    """A notebook one can have a copy of.

    Attributes:
        id: Its name in addresses, and of the copy's file.
        content: The notebook, as nbformat 4 JSON.
    """

    id: str
    title: str
    description: str
    kind: Literal["tutorial", "template"]
    content: dict[str, Any]

    def view(self) -> dict[str, Any]:
        return {"id": self.id, "title": self.title, "description": self.description, "kind": self.kind}


@cache
def templates() -> dict[str, Template]:
    """Every template by its id: the short ones, then the tutorials."""
    folder = _SHIPPED if _SHIPPED.is_dir() else _SOURCE_TREE
    found = [*_short(), *(_read(path) for path in sorted(folder.glob("*.ipynb")))]
    return {template.id: template for template in found}


def get_template(template_id: str) -> Template:
    """One of them.

    Raises:
        NotFoundError: If there is none; says the nearest id.
    """
    known = templates()
    if template_id not in known:
        raise NotFoundError(f"There is no template {template_id!r}.", did_you_mean(template_id, known))
    return known[template_id]


def _read(path: Path) -> Template:
    """A tutorial, without the outputs it was saved with."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    first = "".join(content["cells"][0]["source"]).strip()
    title, _, rest = first.partition("\n")
    text = " ".join(rest.split("\n\n")[0].split() or rest.split())
    return Template(path.stem, title.lstrip("# ").strip(), text, "tutorial", content)


def _short() -> list[Template]:
    return [
        _own_data(
            "train_pictures",
            "Train on pictures",
            "A folder with one folder of pictures for each class.",
            "%lepton data pictures --from path/to/folder --image-size 64",
            "%lepton train ResNet9 --data pictures --epochs 10 --name pictures",
            "%lepton predict pictures path/to/picture.png",
        ),
        _own_data(
            "train_table",
            "Train on a table",
            "A CSV file, one row an item, one column to predict.",
            "%lepton data table --from path/to/table.csv --target column",
            "%lepton train --data table --epochs 20 --name table",
            '%lepton predict table {"column": 1}',
        ),
        _own_data(
            "train_sentences",
            "Train on sentences",
            "A CSV file, or lines, of texts with a label each.",
            "%lepton data sentences --from path/to/sentences.csv",
            "%lepton train --data sentences --epochs 10 --name sentences",
            '%lepton predict sentences "a new sentence"',
        ),
    ]


def _own_data(
    template_id: str, title: str, description: str, data: str, train: str, predict: str
) -> Template:
    name = data.split()[2]
    cells = [
        _markdown(f"# {title}\n\n{description} Put the path of your own data into the second cell."),
        _code("%load_ext lepton_nb"),
        _code(data),
        _code(train),
        _markdown("Metrics, figures and the worst mistakes on data it has not seen:"),
        _code(f"%lepton evaluate {name}"),
        _markdown("A service of its own, which outlives this notebook:"),
        _code(f"%lepton deploy {name}"),
        _code(predict),
    ]
    for place, cell in enumerate(cells):
        cell["id"] = f"{template_id.replace('_', '-')}-{place}"
    return Template(template_id, title, description, "template", _notebook(cells))


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    version = ".".join(map(str, sys.version_info[:2]))
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "version": version},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
