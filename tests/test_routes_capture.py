"""What a service takes from the notebook: captured by value, reported, and refused where it cannot be."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from lepton_nb.deployment.capture_report import CaptureReport
from lepton_nb.deployment.capturing import capture_routes
from lepton_nb.deployment.routes import defined_targets, route_names
from lepton_nb.errors import RouteError
from lepton_nb.models.capture import Scope
from lepton_nb.routes import Audio
from lepton_nb.routes.source import RouteSource
from tests.models_support import Notebook


def captured(notebook: Notebook, *roots: str, is_class: bool = False) -> tuple[RouteSource, CaptureReport]:
    cells = ("", *notebook.cells)  # IPython counts from one
    return capture_routes(roots, Scope(notebook.namespace, cells), is_class=is_class)


def loaded(source: RouteSource, folder: Path) -> Any:
    """The module of routes that were written to disk and read again."""
    for name, content in source.files().items():
        (folder / name).write_bytes(content)
    return RouteSource.read(folder).load()


def test_everything_a_function_uses_goes_along_by_value(tmp_path: Path) -> None:
    notebook = Notebook(
        "import math\nTABLE = torch.arange(1000.0)\nMEANS = __import__('numpy').arange(300)\nSCALE = 2.5",
        "def helper(x):\n    return math.floor(x * SCALE)",
        """
        from pydantic import BaseModel

        class Query(BaseModel):
            index: int

        def look(query: Query) -> float:
            return helper(query.index) + float(TABLE[query.index]) + int(MEANS[1])
        """,
    )
    source, report = captured(notebook, "look")
    module = loaded(source, tmp_path)
    notebook.namespace["SCALE"] = 0.0  # a service is a snapshot
    assert module.look(module.Query(index=2)) == 5 + 2.0 + 1
    assert isinstance(module.TABLE, torch.Tensor)
    assert isinstance(module.MEANS, np.ndarray)
    entries = {item.name: item for item in report.entries}
    assert set(entries) == {"TABLE", "MEANS", "SCALE", "helper", "Query"}
    assert entries["TABLE"].size == 4000
    assert entries["TABLE"].kind == "tensor 1000 float32"
    assert entries["TABLE"].where == "Cell In[2], line 2"
    assert entries["SCALE"].used_by == ("helper, line 2",)
    assert entries["Query"].used_by == ("look, line 6",)
    assert "math" in report.imports
    assert any(line.startswith("pydantic==") for line in report.requirements)
    assert not (tmp_path / "handlers.pkl").exists()
    for text in (repr(report), report._repr_html_()):
        assert "TABLE" in text
        assert "4 kB" in text


def test_a_traceback_shows_the_lines_of_the_notebook(tmp_path: Path) -> None:
    notebook = Notebook(
        "def low(n):\n    # a comment\n    return 1 / n",
        "# routes\n\n\nclass Service:\n    def divide(self, n: int) -> float:\n        return low(n)",
    )
    source, _ = captured(notebook, "Service", is_class=True)
    for file in [name for name in linecache.cache if name.startswith("Cell ")]:
        del linecache.cache[file]
    service = loaded(source, tmp_path).Service()
    with pytest.raises(ZeroDivisionError) as caught:
        service.divide(0)
    frames = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert [(item.filename, item.lineno, item.line) for item in frames] == [
        ("Cell In[3]", 6, "return low(n)"),
        ("Cell In[2]", 3, "return 1 / n"),
    ]


def test_async_functions_and_decorated_ones_are_captured(tmp_path: Path) -> None:
    notebook = Notebook(
        """
        from functools import lru_cache

        @lru_cache(maxsize=8)
        def square(n: int) -> int:
            return n * n

        async def ask(n: int) -> int:
            return square(n)
        """
    )
    module = loaded(captured(notebook, "ask")[0], tmp_path)
    with pytest.raises(StopIteration) as done:
        module.ask(3).send(None)
    assert done.value.value == 9


@pytest.mark.parametrize(
    ("cell", "name", "words"),
    [
        ("log = open('/dev/null')", "log", "an open file"),
        ("import sqlite3\ndb = sqlite3.connect(':memory:')", "db", "an open connection"),
        ("net = nn.Linear(2, 2)", "net", "a model of the notebook.*--model RUN"),
        ("steps = (n for n in range(3))", "steps", "a generator"),
        (
            "import json, io\nidf = json.load(io.StringIO('{}'))\nidf = {object()}",
            "idf",
            "more than one step",
        ),
    ],
)
def test_what_cannot_be_shipped_is_named_with_the_line_that_uses_it(cell: str, name: str, words: str) -> None:
    notebook = Notebook(cell, f"def read(n: int) -> str:\n    x = n\n    return str({name})")
    with pytest.raises(RouteError, match=words) as caught:
        captured(notebook, "read")
    assert f"`{name}`" in caught.value.message
    assert "used in read, line 3" in caught.value.message


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("API_KEY = 'abc'", "API_KEY looks like a secret"),
        ("where = 'postgres://me:hunter2@db/x'", "where looks like a secret"),
        ("auth = 'ghp_0123456789abcdef'", "auth looks like a secret"),
        ("big = torch.zeros(3_000_000)", "big adds 12 MB"),
        ("tokens = 128", ""),
        ("tokenizer = 'words'", ""),
    ],
)
def test_large_and_dangerous_captures_warn(cell: str, words: str) -> None:
    name = cell.partition(" ")[0]
    notebook = Notebook(cell, f"def read(n: int) -> str:\n    return str({name})")
    report = captured(notebook, "read")[1]
    assert bool(report.warnings) == bool(words)
    assert words in " ".join(report.warnings)
    assert (f"! {words}" in repr(report)) or not words


def test_the_service_class_is_told_from_data_classes_and_helpers() -> None:
    notebook = Notebook(
        """
        import dataclasses, enum
        from pydantic import BaseModel

        class Query(BaseModel):
            text: str

        class Kind(enum.Enum):
            A = 1

        @dataclasses.dataclass
        class Point:
            x: int

        def helper(x):
            return x

        class Triage:
            def read(self, query: Query) -> str:
                return query.text
        """
    )
    every = ["Query", "Kind", "Point", "helper", "Triage"]
    assert defined_targets(notebook.namespace, every) is notebook["Triage"]
    assert defined_targets(notebook.namespace, ["Query", "helper", "_hidden"]) == [notebook["helper"]]
    notebook.run("class Other:\n    pass\nclass Net(nn.Module):\n    pass")
    with pytest.raises(RouteError, match="the classes Triage and Other"):
        defined_targets(notebook.namespace, [*every, "Other"])
    with pytest.raises(RouteError, match="Net is a model"):
        defined_targets(notebook.namespace, ["Net"])
    with pytest.raises(RouteError, match="no class and no function"):
        defined_targets(notebook.namespace, ["Query"])


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("def use(n: int) -> int:\n    return n + nowhere", "`nowhere` (used in use, line 2)"),
        ("import json\ndef use(n: int) -> str:\n    return jsn.dumps(n)", "`jsn`"),
        ("def use(n: int) -> int:\n    return [later(i) for i in range(n)]", "`later`"),
        (
            "def helper(n):\n    return gone(n)\ndef use(n: int) -> int:\n    return helper(n)",
            "`gone` (used in helper",
        ),
        (
            "def use(n: int) -> int:\n    try:\n        return n\n    finally:\n        close_it()",
            "`close_it`",
        ),
    ],
)
def test_an_undefined_name_is_named_with_its_line(cell: str, words: str) -> None:
    with pytest.raises(RouteError, match="uses what is not defined") as caught:
        captured(Notebook(cell), "use")
    assert words in caught.value.message
    assert (caught.value.hint == "Did you mean 'json'?") == ("jsn" in cell)


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        return tqdm(n)\n    except NameError:\n        return n",
        "global count\n    count = n\n    return count",
        "return len([x for x in range(n)]) + (y := n)",
        "import math\n    return math.ceil(n)",
        "def inner(k):\n        return k and inner(k - 1)\n    return inner(n)",
        "return __name__ and __import__('math').ceil(n)",
    ],
)
def test_a_name_that_is_there_when_it_counts_is_no_fault(body: str) -> None:
    captured(Notebook(f"def use(n: int) -> int:\n    {body}"), "use")


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("open('labels.txt').read()", "write '{folder}/labels.txt'"),
        ("open('gone.txt').read()", "write its absolute path"),
        ("Path('data/gone').read_text()", "write its absolute path"),
        ("open(FILE).read()", "write '{folder}/labels.txt'"),
        ("str(np.load('w.npy'))", "write its absolute path"),
        ("any_reader('labels.txt')", "write '{folder}/labels.txt'"),
        ("open('log.txt', 'w').name", ""),
        ("open('log.txt', mode='a').name", ""),
        ("open('/etc/hostname').read()", ""),
        ("'a.b' + 'Mr. Smith'", ""),
        ("any_reader('https://example.org/labels.txt')", ""),
    ],
)
def test_a_file_beside_the_notebook_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.txt").write_text("a")
    given = (
        "from pathlib import Path\nimport numpy as np\nFILE = 'labels.txt'\ndef any_reader(x):\n    return x"
    )
    report = captured(Notebook(given, f"def use(n: int) -> str:\n    return {use}"), "use")[1]
    expected = told.format(folder=tmp_path)
    assert len(report.warnings) == bool(told)
    assert expected in "".join(report.warnings)
    assert not told or "! use names the file" in repr(report) or "FILE names the file" in repr(report)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("def timed(f):\n    return f\n@timed\ndef use(n: int): ...", ["use"]),
        ("def retry(n):\n    return lambda f: f\n@retry(3)\nasync def use(n: int): ...", ["use"]),
        (
            "def clean(t: str): ...\ndef use(t: str):\n    return clean(t)\ndef other(n: int): ...",
            ["use", "other"],
        ),
        ("def use(n: int):\n    return use(n - 1)\nprint(use)", ["use"]),
        ("def a(n: int):\n    return b(n)\ndef b(n: int):\n    return a(n)", ["a", "b"]),
        ("def _a():\n    b()\ndef b(n: int): ...", ["_a", "b"]),
        ("class Query: ...\ndef use(q: Query): ...", ["Query", "use"]),
    ],
)
def test_decorators_and_helpers_are_no_routes(cell: str, names: list[str]) -> None:
    assert route_names(cell) == names


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with what IPython puts into a notebook."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def in_shell(shell: InteractiveShell, *cells: str) -> tuple[RouteSource, CaptureReport]:
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()
    with shell.builtin_trap:  # as while a cell runs
        return capture_routes(["use"], Scope(shell.user_ns, tuple(shell.user_ns["In"])), is_class=False)


@pytest.mark.parametrize(
    ("body", "result"),
    [("open('/dev/null').read()", ""), ("callable(exit) and callable(quit)", True)],
)
def test_a_builtin_of_ipython_is_pythons_in_the_service(
    shell: InteractiveShell, tmp_path: Path, body: str, result: Any
) -> None:
    source, report = in_shell(shell, f"def use():\n    return {body}")
    assert not report.entries
    assert loaded(source, tmp_path).use() == result


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("display(1)", "`display` .*only a notebook"),
        ("get_ipython()", "`get_ipython` .*only a notebook"),
        ("In[1]", "`In` .*history"),
        ("Out[1]", "`Out` .*history"),
        ("_", "`_` .*history"),
        ("_1", "`_1` .*history"),
        ("_i", "`_i` .*history"),
        ("_dh", "`_dh` .*history"),
    ],
)
def test_what_only_a_notebook_has_is_named(shell: InteractiveShell, use: str, words: str) -> None:
    with pytest.raises(RouteError, match=rf"{words}.*used in use, line 2"):
        in_shell(shell, "40 + 2", f"def use():\n    return {use}")


def test_what_a_cell_defines_under_such_a_name_goes_along(shell: InteractiveShell, tmp_path: Path) -> None:
    cells = (
        "def open(n):\n    return n + 1",
        "from operator import neg as _\nOut = 7",
        "from IPython.display import display",
        "def use():\n    return open(1), _(2), Out, display.__name__",
    )
    source, _ = in_shell(shell, *cells)
    assert loaded(source, tmp_path).use() == (2, -2, 7, "display")


def test_the_source_in_packages_of_before_still_loads() -> None:
    before = (
        "from lepton_nb.handlers import Audio, Model\n"
        "from lepton_nb.handlers.inputs import Audio as Sound\n"
        "from lepton_nb.handlers.model import ModelCallError\n\n"
        "def hear(sound: Audio) -> int:\n    return 1\n"
    )
    module = RouteSource(before, functions=("hear",)).load()
    assert module.Audio is module.Sound is Audio
