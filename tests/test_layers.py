"""Who may look at whom: a module imports only lower rows, or its own package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import lepton_nb

ROOT = Path(lepton_nb.__file__).parent

PICTURE = (ROOT.parent / "CONTRIBUTING.md").read_text("utf-8").partition("```\n9 lab/")[2].partition("```")[0]


def drawn() -> dict[str, int]:
    """The rows of the rooms as CONTRIBUTING draws them."""
    rows, row = {}, 9
    for line in f"9 lab/{PICTURE}".splitlines():
        row = int(line[0]) if line[:1].isdigit() else row
        rows |= dict.fromkeys(re.findall(r"(?:^\d| ) ?([a-z]+)/(?= {2})", line), row)
    return rows


ROWS = drawn()
JUPYTER = {
    "IPython",
    "ipywidgets",
    "anywidget",
    "ipykernel",
    "jupyter_server",
    "tornado",
    "traitlets",
    "comm",
}


def imports(path: Path) -> set[str]:
    """Every module name imported anywhere in the file, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def rooms() -> list[tuple[str, Path]]:
    files = [path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"]
    return [(path.relative_to(ROOT).parts[0].removesuffix(".py"), path) for path in files]


def test_every_room_has_a_row() -> None:
    assert {room for room, _ in rooms()} == set(ROWS)


def row_of(*parts: str) -> float:
    """The row of a module by its path; a task's own folder reads and exports, known to nobody below."""
    own_folder = parts[0] == "tasks" and (ROOT / "/".join(parts[:2])).is_dir() and len(parts) > 1
    return ROWS["packaging"] + 0.5 if own_folder else ROWS[parts[0]]


def test_modules_import_only_lower_rows() -> None:
    wrong = []
    for room, path in rooms():
        row = row_of(*path.relative_to(ROOT).with_suffix("").parts)
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "lepton_nb" or len(parts) == 1 or parts[1] not in ROWS:
                continue
            other = parts[1]
            if other != room and row_of(*parts[1:]) >= row:
                wrong.append(f"{path.relative_to(ROOT)} ({room}) imports {name}")
    assert not wrong, "\n".join(sorted(wrong))


def loaded_first(path: Path) -> set[str]:
    """Our modules that the file needs to be imported: none inside functions, none for types alone."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & MODULES.keys() or {node.module}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found & MODULES.keys()


MODULES = {
    ".".join(("lepton_nb", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for _, path in rooms()
}


def test_no_module_needs_itself_to_be_imported() -> None:
    needs = {name: loaded_first(path) - {name} for name, path in MODULES.items()}
    while free := {name for name, others in needs.items() if not others & needs.keys()}:
        for name in free:
            del needs[name]
    assert not needs, sorted(needs)


def test_jupyter_is_imported_only_from_the_widgets_up() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for room, path in rooms()
        if ROWS[room] < ROWS["widgets"]
        for name in imports(path)
        if name.split(".")[0] in JUPYTER
    ]
    assert not wrong, wrong


def test_deployment_never_imports_the_server() -> None:
    assert not [
        path
        for room, path in rooms()
        if room == "deployment"
        for name in imports(path)
        if name.startswith("lepton_nb.serve")
    ]


def loaded_after(code: str) -> set[str]:
    """Names of the modules a fresh interpreter holds after running `code`."""
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_no_torch() -> None:
    assert not loaded_after("import lepton_nb") & {"torch", "IPython", "numpy", "matplotlib"}


def test_loading_the_extension_loads_no_torch() -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'lepton_nb')\n"
        "assert 'lepton' in shell.magics_manager.magics['cell']"
    )
    assert not loaded_after(code) & {"torch", "torchvision", "matplotlib.pyplot", "onnxruntime"}


def test_the_server_extension_loads_no_torch() -> None:
    assert not loaded_after("import lepton_nb.lab.routes") & {"torch", "matplotlib", "pandas", "IPython.core"}


def test_finding_tasks_loads_no_data_and_finding_sources_nothing_heavy() -> None:
    code = "from lepton_nb.tasks import get_task, task_names\nfor name in task_names(): get_task(name)"
    assert not [name for name in loaded_after(code) if name.startswith(("lepton_nb.data", "torch", "pandas"))]
    code = "from lepton_nb.data.sources import sources\nsources()"
    assert not loaded_after(code) & {"torch", "pandas"}
