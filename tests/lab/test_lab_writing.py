"""Cells, templates and help that the lab gets from here."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lepton_nb.errors import ArgumentError
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.parser import split_line
from lepton_nb.runs import DeploymentRecord, RunStore
from tests.lab.test_lab_runs import trained
from tests.serving_support import IMAGES

pytestmark = pytest.mark.slow

parser = cache(build_parser)


def parsed(cell: str) -> Any:
    """A cell's magic line, read by the magic's own parser."""
    line = cell.split("\n")[0].lstrip("%").removeprefix("lepton ")
    return parser().parse_line(split_line(line)[0])


async def test_cells_name_the_run_as_briefly_as_can_be(ask: Any) -> None:
    trained("cnn", [0.5])
    trained("cnn", [0.6])
    assert await ask("cells", action="evaluate", run="cnn@2") == {"cells": ["%lepton evaluate cnn"]}
    assert await ask("cells", action="deploy", run="cnn@1") == {"cells": ["%lepton deploy cnn@1"]}
    assert await ask("cells", action="compare", runs="cnn@1,cnn@2") == {
        "cells": ["%lepton compare cnn@1 cnn"]
    }
    (cell,) = (await ask("cells", action="get", run="cnn@2"))["cells"]
    assert 'run = lepton_nb.get_run("cnn")' in cell


async def test_cells_are_lines_the_magic_takes(ask: Any) -> None:
    trained("cnn", [0.5])
    actions = ("data", "train", "evaluate", "deploy", "predict", "resume", "attach", "logs", "stop")
    for action, about in product(actions, ({"run": "cnn"}, {}, {"model": "Net", "data": "digits"})):
        (cell,) = (await ask("cells", action=action, **about))["cells"]
        assert parsed(cell).command == action


async def test_cells_for_a_service_and_from_the_toolbar(ask: Any) -> None:
    run, store = trained("cnn", [0.5]), RunStore()
    run.write_json("signature.json", IMAGES.to_dict())
    store.add_package("cnn", run_id=run.id, path=run.path, sha256="0", task=run.task, formats=["onnx"])
    store.save_deployment(DeploymentRecord("web", "http://h:1", "h", 1, None, None, "cnn", 1))
    assert (await ask("cells", action="predict", deployment="web"))["cells"] == [
        "%lepton predict web picture.png"
    ]
    assert (await ask("cells", action="rollback", deployment="web"))["cells"] == ["%lepton rollback web"]
    assert (await ask("cells", action="train"))["cells"] == ["%lepton train MyModel --data mydata"]
    (cell,) = (await ask("cells", action="train", model="Net", data="digits"))["cells"]
    assert cell == "%lepton train Net --data digits"
    status, said = await ask("cells", action="evalute")
    assert (status, said["hint"]) == (400, "Did you mean 'evaluate'?")
    assert (await ask("cells", action="reproduce"))[0] == 400


async def test_what_is_not_on_disk_is_asked_for(ask: Any) -> None:
    run = trained("cnn", [0.5], params={"epochs": 1, "lr": 0.01})
    run.write_json("model.json", {"kind": "live", "name": "Net", "missing": ["it reads a socket"]})
    cells = (await ask("cells", action="reproduce", run="cnn"))["cells"]
    assert cells[0] == "%load_ext lepton_nb"
    assert "was only in the memory" in cells[1]
    assert "it reads a socket" in cells[2]
    assert parsed(cells[3]).lr == 0.01


async def test_an_older_run_gets_the_split_it_had(ask: Any) -> None:
    from lepton_nb.data import digits
    from lepton_nb.data.splitting import split_as

    with split_as(None):
        bundle = digits(limit=60)
    run = trained("old", [0.5], data="digits")
    spec = {key: value for key, value in (bundle.spec or {}).items() if key != "split"}
    run.write_json("data.json", spec)
    cells = (await ask("cells", action="reproduce", run="old"))["cells"]
    made: dict[str, Any] = {}
    exec(cells[1].rpartition("\n")[0], made)
    assert made["digits"].fingerprint == bundle.fingerprint


async def test_options_come_from_the_magics_parsers(ask: Any) -> None:
    commands = {command["name"]: command for command in (await ask("commands"))["commands"]}
    (epochs,) = [o for o in commands["train"]["options"] if "--epochs" in o["flags"]]
    assert (epochs["default"], epochs["metavar"]) == ("10", "N")
    assert "passes over the training data" in epochs["help"]
    (schedule,) = [o for o in commands["train"]["options"] if "--schedule" in o["flags"]]
    assert "cosine" in schedule["choices"]


async def test_templates_are_copied_under_a_free_name(ask: Any, jp_root_dir: Path) -> None:
    (jp_root_dir / "work").mkdir()
    known = {one["id"]: one for one in (await ask("templates"))["templates"]}
    assert known["01_quickstart"]["title"] == "From a notebook cell to a running service"
    assert known["01_quickstart"]["kind"] == "tutorial"
    for name in ("work/train_table.ipynb", "work/train_table1.ipynb"):
        assert await ask("templates/train_table", {"path": "work"}) == {"path": name}
    for template in known:
        made = await ask(f"templates/{template}", {})
        notebook = nbformat.read(jp_root_dir / made["path"], as_version=4)
        nbformat.validate(notebook)
        assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert (await ask("templates/nothing", {}))[0] == 404
    assert (await ask("templates/train_table", {"path": "../outside"}))[0] in (400, 404)
    assert not (jp_root_dir.parent / "outside").exists()


async def test_every_line_of_a_template_is_one_the_magic_takes(ask: Any) -> None:
    from lepton_nb.lab.templates import templates

    for template in templates().values():
        for cell in template.content["cells"]:
            lines = "".join(cell["source"]).split("\n") if cell["cell_type"] == "code" else []
            for line in lines:
                if template.kind == "template" and line.startswith("%lepton "):
                    try:
                        parsed(line)
                    except ArgumentError as error:
                        pytest.fail(f"{template.id}: {line}: {error}")


async def test_the_cells_of_a_run_train_it_again(ask: Any, tmp_path: Path) -> None:
    """A run made from cells in a notebook, and once more from what the store knows of it."""
    from IPython.core.interactiveshell import InteractiveShell

    def execute(cells: list[str]) -> None:
        shell = InteractiveShell()
        try:
            for cell in cells:
                shell.run_cell(cell).raise_error()
        finally:
            shell.run_line_magic("unload_ext", "lepton_nb")

    net = (
        "%%lepton model Net --data digits\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(64, 10)\n\n"
        "    def forward(self, x):\n        return self.fc(x.flatten(1))"
    )
    train = "%lepton train Net --data digits --epochs 2 --lr 0.02 --seed 3 --schedule constant --name net"
    execute(["%load_ext lepton_nb", "%lepton data digits --limit 200 --seed 5", net, train])
    cells = (await ask("cells", action="reproduce", run="net"))["cells"]
    assert "--limit 200" in cells[1]
    execute(cells)
    store = RunStore()
    first, second = store.get_run("net@1"), store.get_run("net@2")
    assert second.params == first.params
    assert second.history()["loss"] == first.history()["loss"], "the very same numbers"
    assert json.dumps(second.read_json("data.json")) == json.dumps(first.read_json("data.json"))
