"""Writing a folder from a template: file names and texts with ``$name`` and its forms in them."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from lepton_nb.errors import ArgumentError, did_you_mean

TEMPLATES = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Written:
    """A folder that was written.

    Attributes:
        folder: Where.
        files: What is in it.
    """

    folder: Path
    files: tuple[Path, ...]

    def __str__(self) -> str:
        names = "\n".join(f"  {file.relative_to(self.folder)}" for file in self.files)
        return f"{self.folder}\n{names}\nNext: pip install -e {self.folder}, then pytest {self.folder}"

    __repr__ = __str__


def new(kind: str, name: str, folder: str | Path | None = None) -> Written:
    """Write a folder to begin with.

    Args:
        kind: ``task``: a kind of problem as a package of its own, with a test that passes.
        name: What users will type, in lower case with dashes, such as ``depth-estimation``.
        folder: Where to write it; a folder of that name where None.

    Raises:
        ArgumentError: If there is no such kind, the name cannot be one, or the folder is not empty.
    """
    kinds = sorted(path.name for path in TEMPLATES.iterdir() if (path / "pyproject.toml.txt").is_file())
    if kind not in kinds:
        raise ArgumentError(f"There is no template {kind!r}.", did_you_mean(kind, kinds))
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ArgumentError(
            f"The name is {name!r}; expected lower-case letters, digits and dashes.",
            "For example depth-estimation",
        )
    place = Path(name if folder is None else folder).expanduser().absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ArgumentError(f"{place} exists and is not an empty folder.", "Name another: --folder DIR")
    words = name.split("-")
    forms = {"name": name, "module": "_".join(words), "Class": "".join(map(str.capitalize, words))}
    forms["title"] = " ".join(words).capitalize()
    return Written(place, tuple(_write(TEMPLATES / kind, place, forms)))


def _write(template: Path, place: Path, forms: dict[str, str]) -> list[Path]:
    written = []
    for source in sorted(template.rglob("*.txt")):
        relative = (
            source.relative_to(template).as_posix().removesuffix(".txt").replace("MODULE", forms["module"])
        )
        target = place / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(source.read_text("utf-8")).substitute(forms), "utf-8")
        written.append(target)
    return written
