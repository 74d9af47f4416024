"""Every piece of advice in the source: what it names exists, and can be typed as it stands."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import lepton_nb
from lepton_nb import errors
from lepton_nb.errors import did_you_mean, nearest
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.parser import find_subparsers

ROOT = Path(lepton_nb.__file__).parent
KINDS = {
    name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)
}
BLANK = "\N{HORIZONTAL ELLIPSIS}"  # stands for what an f-string fills in


class Hint(NamedTuple):
    place: str
    text: str


def text_of(node: ast.expr) -> Iterator[str]:
    """The texts an expression may be, with a blank for each value; nothing of what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else BLANK for part in node.values]
        yield "".join(map(str, parts))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from text_of(value)
    elif isinstance(node, ast.IfExp):
        yield from text_of(node.body)
        yield from text_of(node.orelse)


def collected() -> list[Hint]:
    """The second argument of every error that is made, and whatever is called a hint."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KINDS:
                given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "hint")]
            elif isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "hint" for t in node.targets):
                given = [node.value]
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            found += [Hint(place, text) for part in given for text in text_of(part)]
    return found


HINTS = collected()
PARSER = build_parser()
COMMANDS = find_subparsers(PARSER)


def options_of(command: str) -> set[str]:
    return set(COMMANDS[command]._option_string_actions)


SERVER = set(re.findall(r'"(--[a-z-]+)"', (ROOT / "serve" / "__main__.py").read_text()))
EVERY_OPTION = set().union(*map(options_of, COMMANDS)) | {"--help"} | SERVER
# Options of other programs, on lines of theirs.
FOREIGN = {"pip", "make", "python", "jupyter", "git", "ulimit", "docker"}


def test_there_are_hints() -> None:
    assert len(HINTS) > 300


def test_every_command_and_option_of_a_line_exists() -> None:
    wrong = []
    for hint in HINTS:
        for line in re.findall(r"%%?lepton ([^\n,;]+)", hint.text):
            command, *words = line.split()
            command = command.strip(".:)'`")
            if command == BLANK:
                continue
            if command not in COMMANDS:
                wrong.append((hint, command))
                continue
            used = [word.strip(".:)'`").partition("=")[0] for word in words if word.startswith("--")]
            wrong += [(hint, word) for word in used if BLANK not in word and word not in options_of(command)]
    assert not wrong


def test_every_option_alone_is_one_of_some_command() -> None:
    wrong = []
    for hint in HINTS:
        if FOREIGN & set(re.findall(r"[a-z]+", hint.text)):
            continue
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]+", hint.text)
        wrong += [(hint, option) for option in named if option not in EVERY_OPTION]
    assert not wrong


NAMESPACES = {
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "pd": "pandas",
    "np": "numpy",
    "transforms": "torchvision.transforms",
    **{name: name for name in ("torch", "functools", "lepton_nb")},
}


@functools.cache
def resolves(dotted: str) -> bool:
    root, *names = dotted.split(".")
    value = importlib.import_module(NAMESPACES[root])
    for depth, name in enumerate(names):
        if not hasattr(value, name):
            try:
                value = importlib.import_module(".".join([NAMESPACES[root], *names[: depth + 1]]))
                continue
            except ImportError:
                return False
        value = getattr(value, name)
    return True


def test_every_name_of_a_library_exists() -> None:
    pattern = re.compile(rf"(?<![\w.])((?:{'|'.join(NAMESPACES)})(?:\.[A-Za-z_]\w*)+)(?!\w|{BLANK})")
    wrong = [(hint, name) for hint in HINTS for name in pattern.findall(hint.text) if not resolves(name)]
    assert not wrong


def test_every_argument_of_our_own_functions_exists() -> None:
    wrong = []
    for hint in HINTS:
        for name, inside in re.findall(r"lepton_nb\.(\w+)\(([^()]*)\)", hint.text):
            function = getattr(lepton_nb, name)
            parameters = inspect.signature(function).parameters
            open_end = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
            given = re.findall(r"(\w+)=", inside)
            wrong += [(hint, word) for word in given if word not in parameters and not open_end]
    assert not wrong


def test_every_extra_exists() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    wrong = [
        (hint, name)
        for hint in HINTS
        for name in re.findall(r"lepton-nb\[(\w+)\]", hint.text)
        if name not in extras
    ]
    assert not wrong


def test_no_blank_leaves_a_hole_in_a_line() -> None:
    """``model.….requires_grad_`` is two dots where the blank is empty."""
    wrong = [hint for hint in HINTS if re.search(rf"\w\.{BLANK}\.\w|,\s*,|\(\s*,", hint.text)]
    assert not wrong


def test_every_hint_is_a_sentence_or_a_line() -> None:
    wrong = [hint for hint in HINTS if hint.text.strip() != hint.text or "\n\n" in hint.text]
    assert not wrong


@pytest.mark.parametrize("name", ["none", "balanced", "adam"])
def test_nobody_is_asked_whether_they_meant_what_they_typed(name: str) -> None:
    hint = did_you_mean(name, ["none", "balanced", "adam"])
    assert hint is not None
    assert repr(name) not in hint
    assert nearest("Nonne", ["none"]) == "none"
