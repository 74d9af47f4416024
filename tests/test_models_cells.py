"""Cells as Python statements."""

from __future__ import annotations

import pytest

from lepton_nb.models.capture.cells import python_of, statements


def texts(*cells: str) -> list[str]:
    return [statement.text for statement in statements(cells)]


def test_statements_are_as_they_were_written() -> None:
    assert texts("a = 1; b = (2,\n  3)  # two\n", "@f\n@g\ndef h():\n    pass\n") == [
        "a = 1",
        "b = (2,\n  3)",
        "@f\n@g\ndef h():\n    pass",
    ]


@pytest.mark.parametrize(
    "line", ["%matplotlib inline", "!pip install x", "?print", "print?", "files = !ls", "t = %time f()"]
)
def test_ipythons_own_lines_become_pass(line: str) -> None:
    assert texts(f"a = 1\n{line}\nif a:\n    {line}\n    b = 2") == [
        "a = 1",
        "pass",
        "if a:\n    pass\n    b = 2",
    ]


def test_python_is_left_alone() -> None:
    assert texts("a = 5\nb = a % 3\nc = a != b") == ["a = 5", "b = a % 3", "c = a != b"]


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%%time\na = 1", ["a = 1"]),
        ("%%lepton model Net --data d\nclass Net: pass", ["class Net: pass"]),
        ("%%bash\nls", []),
        ("%%writefile x.py\na = 1", []),
        ("get_ipython().run_cell_magic('time', '', 'a = 1\\n')", ["a = 1\n"]),
        ("get_ipython().run_cell_magic('bash', '', 'ls')", []),
        ("a = = 1", []),
        ("%ls\na = 1", ["pass\na = 1"]),
        ("", []),
    ],
)
def test_what_a_cell_runs(cell: str, python: list[str]) -> None:
    assert python_of(cell) == python
