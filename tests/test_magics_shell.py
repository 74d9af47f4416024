"""`%lepton` in a real InteractiveShell: loading, names, mistakes, what is shown and what is returned."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import CompletionContext, provisionalcompleter
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

from lepton_nb.errors import ArgumentError, ModelError, NotFoundError
from lepton_nb.runs import RunStore

NET = """\
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)
    def forward(self, x):
        return self.fc(x.flatten(1))
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    found = InteractiveShell.instance(config=config)
    found.run_line_magic("load_ext", "lepton_nb")
    yield found
    found.run_line_magic("unload_ext", "lepton_nb")
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, text: str) -> ExecutionResult:
    return shell.run_cell(text, store_history=True)


def value(shell: InteractiveShell, text: str) -> Any:
    result = run(shell, text)
    result.raise_error()
    return result.result


def error(shell: InteractiveShell, text: str) -> Any:
    result = run(shell, text)
    assert not result.success
    return result.error_in_exec


def complete(shell: InteractiveShell, text: str) -> list[str]:
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(text, len(text))]


def make_run(name: str) -> None:
    RunStore().create_run(
        name,
        task="image-classification",
        model="Net",
        data="digits",
        params={},
        monitor="val_accuracy",
        mode="max",
        epochs=2,
    )


# ---- loading


def test_loading_and_completing_import_no_torch() -> None:
    script = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'lepton_nb')\n"
        "shell.user_ns['network'] = 1\n"
        "for text in ('%lepton tr', '%lepton train ', '%lepton train x --schedule ', '%lepton evaluate '):\n"
        "    assert shell.complete(None, line=text, cursor_pos=len(text))[1], text\n"
        "print({'torch', 'torchvision', 'ipywidgets', 'matplotlib'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_loading_twice_and_unloading_twice_does_nothing_more(shell: InteractiveShell) -> None:
    from lepton_nb.magics import load, unload

    before = len(shell.Completer.custom_matchers)
    load(shell)
    assert len(shell.Completer.custom_matchers) == before
    unload(shell)
    unload(shell)
    assert "lepton" not in shell.magics_manager.magics["line"]
    assert "lepton" not in shell.magics_manager.magics["cell"]
    assert len(shell.Completer.custom_matchers) == before - 1
    load(shell)
    assert complete(shell, "%lepton tr") == ["train"]


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "kind", "message", "hint"),
    [
        ("%lepton trian net", ArgumentError, "no command 'trian'", "Did you mean %lepton train?"),
        ("%lepton train net --epoch 3", ArgumentError, "no option --epoch", "Did you mean --epochs?"),
        ("%lepton train modle --data digits", NotFoundError, "no variable 'modle'", "Did you mean 'model'?"),
        ("%lepton train numbers --data digits", ArgumentError, "'numbers' is a list", "There is 'model'."),
        ("%lepton train model --data digts", NotFoundError, "no data 'digts'", "Did you mean 'digits'?"),
        ("%lepton train model --data numb", NotFoundError, "no data 'numb'", "There is 'digits'."),
        ("%lepton train model --train lodr", NotFoundError, "no variable 'lodr'", "Did you mean 'loader'?"),
        ("%lepton train model --train numbers", ArgumentError, "expected a DataLoader or Dataset", "loader"),
        ("%lepton train model --data digits --optimizer admaw", NotFoundError, "no optimizer", "'adamw'"),
        (
            "%lepton train model --data digits --loss numbers",
            ArgumentError,
            "expected a callable loss",
            "loss",
        ),
        ("%lepton train model --data digits --epochs 0", ArgumentError, "epochs is 0", "--epochs 1"),
        ("%lepton evaluate cn", NotFoundError, "no run 'cn'", "Did you mean 'cnn'?"),
        ("%lepton resume cn", NotFoundError, "no run 'cn'", "Did you mean 'cnn'?"),
        ("%lepton data petz", NotFoundError, "no built-in data 'petz'", "--from PATH"),
        ("%lepton data my-data --from digits", ArgumentError, "cannot be a variable's name", "letters"),
        ("%lepton data d --val loader", ArgumentError, "--val needs --train", "--train LOADER"),
        ("%lepton data d --train loader --seed 3", ArgumentError, "--seed has no effect", "Leave it out"),
        ("%lepton model SmallCNN", ArgumentError, "needs --data", "%lepton model SmallCNN --data D"),
        ("%lepton stop", ArgumentError, "takes a name, or --all", "%lepton deployments"),
        ("%%lepton train model\nx = 1", ArgumentError, "takes no cell body", "%lepton train"),
        ("%%lepton\nx = 1", ArgumentError, "needs a command", "%%lepton model NAME"),
        ("%%lepton model Other\nx = 1", ModelError, "defines no 'Other'", "class Other(nn.Module)"),
        ("%%lepton model x\nx = 1", ModelError, "defines 'x' as a int", None),
    ],
)
def test_a_mistake_fails_the_cell_with_a_remedy_and_without_a_traceback(
    shell: InteractiveShell,
    capsys: pytest.CaptureFixture[str],
    text: str,
    kind: type[Exception],
    message: str,
    hint: str | None,
) -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    make_run("cnn")
    shell.user_ns["model"] = torch.nn.Linear(2, 2)
    shell.user_ns["loader"] = DataLoader(TensorDataset(torch.zeros(2, 2), torch.zeros(2)))
    shell.user_ns["numbers"] = [1, 2]
    found = error(shell, text)
    assert type(found) is kind, found
    assert message in found.message
    assert hint is None or hint in found.hint
    shown = "".join(capsys.readouterr())
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) <= 2


def test_an_unexpected_error_keeps_its_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("lepton_nb.runs.list_runs", broken)
    assert isinstance(error(shell, "%lepton runs"), RuntimeError)
    assert "Traceback" in "".join(capsys.readouterr())


# ---- help


def test_help_in_all_its_forms(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("%lepton", "%lepton --help", "%lepton -h"):
        assert value(shell, text) is None
        assert "train a model, with a live panel" in capsys.readouterr().out
    assert value(shell, "%lepton train --help") is None
    assert "--epochs N" in capsys.readouterr().out
    run(shell, "%lepton?")
    docstring = shell.inspector.info(shell.magics_manager.magics["line"]["lepton"])["docstring"]
    assert "train a model, with a live panel" in docstring


# ---- what is shown and returned


def test_a_result_shows_once_wherever_the_magic_stands(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run("cnn")
    found = value(shell, "%lepton runs")
    assert [run.name for run in found] == ["cnn"]
    assert capsys.readouterr().out.count("cnn@1") == 1
    run(shell, "%lepton runs\nx = 1")
    assert capsys.readouterr().out.count("cnn@1") == 1
    run(shell, "%lepton runs\n%lepton runs --limit 1")
    assert capsys.readouterr().out.count("cnn@1") == 2
    run(shell, "table = %lepton runs")
    assert shell.user_ns["table"][0].name == "cnn"
    assert capsys.readouterr().out.count("cnn@1") == 1
    run(shell, "%lepton runs\n'other'")
    assert "'other'" in capsys.readouterr().out


def test_a_semicolon_shows_nothing_and_still_returns(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run("cnn")
    run(shell, "table = %lepton runs;")
    assert capsys.readouterr().out == ""
    assert len(shell.user_ns["table"]) == 1
    run(shell, "%lepton runs ;")
    assert capsys.readouterr().out == ""


def test_the_value_is_the_last_result_of_the_session(shell: InteractiveShell) -> None:
    make_run("cnn")
    value(shell, "%lepton runs")
    assert value(shell, "_")[0].name == "cnn"


def test_variables_expand_in_a_line(shell: InteractiveShell) -> None:
    make_run("cnn")
    make_run("cnn")
    shell.user_ns["n"] = 1
    assert len(value(shell, "%lepton runs --limit {n}")) == 1
    assert len(value(shell, "%lepton runs --limit $n")) == 1


# ---- commands that need data and models


def test_data_binds_a_variable_and_reports(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = value(shell, "%lepton data digits --limit 50 --seed 3")
    assert shell.user_ns["digits"] is bundle
    assert len(bundle.train) <= 50
    assert "image-classification" in capsys.readouterr().out
    same = value(shell, "%lepton data small --from digits --limit 40;")
    assert shell.user_ns["small"] is same
    assert same.name == "small"
    assert value(shell, "%lepton data digits;") is not bundle
    wrong = error(shell, "%lepton data more --from small")
    assert "'small' is a DataBundle; expected a DataFrame" in wrong.message


def test_data_takes_loaders_by_name(shell: InteractiveShell) -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    shell.user_ns["a"] = DataLoader(
        TensorDataset(torch.rand(12, 1, 8, 8), torch.arange(12) % 3), batch_size=4
    )
    shell.user_ns["b"] = TensorDataset(torch.rand(6, 1, 8, 8), torch.arange(6) % 3)
    bundle = value(shell, "%lepton data mine --train a --val b;")
    assert list(bundle.splits) == ["train", "val"]
    assert len(bundle.train) == 12


def test_a_model_cell_defines_the_class_and_keeps_it_a_class(shell: InteractiveShell) -> None:
    value(shell, "%lepton data digits --limit 50;")
    definition = value(shell, f"%%lepton model Net --data digits\n{NET}")
    assert definition.name == "Net"
    assert isinstance(shell.user_ns["Net"], type)
    assert type(definition.build()) is shell.user_ns["Net"]


def test_a_named_model_becomes_a_variable(shell: InteractiveShell) -> None:
    value(shell, "%lepton data digits --limit 50;")
    definition = value(shell, "%lepton model SmallCNN --data digits --name small;")
    assert shell.user_ns["small"] is definition
    assert value(shell, "%lepton model SmallCNN --data digits;") is shell.user_ns["SmallCNN"]


def test_an_error_in_a_model_cell_shows_the_cell_and_nothing_of_ours(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(error(shell, "%%lepton model Net\nx = 1\n1 / 0\n"), ZeroDivisionError)
    shown = "".join(capsys.readouterr())
    assert "----> 3 1 / 0" in shown
    assert "lepton_nb" not in shown
    assert "run_cell_magic" not in shown
    assert shell.user_ns["x"] == 1


def test_a_syntax_error_in_a_model_cell_shows_the_line(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    error(shell, "%%lepton model Net\nclass Net(:\n    pass\n")
    shown = "".join(capsys.readouterr())
    assert "line 2" in shown
    assert "class Net(:" in shown
    assert "lepton_nb" not in shown


def test_train_and_what_follows_by_name(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    value(shell, "%lepton data digits --limit 60;")
    value(shell, f"%%lepton model Net --data digits\n{NET}")
    capsys.readouterr()
    run(shell, "first = %lepton train Net --data digits --epochs 2 --name net --device cpu --seed 1")
    first = shell.user_ns["first"]
    assert (first.ref, first.status, first.epochs) == ("net@1", "finished", 2)
    assert isinstance(first.live["model"], shell.user_ns["Net"])
    shown = capsys.readouterr().out
    assert "epoch 1/2" in shown
    assert "epoch 2/2" in shown
    assert "%lepton evaluate net" in shown
    second = value(shell, "%lepton train Net --data digits --epochs 1 --name net;")
    assert capsys.readouterr().out == ""
    assert second.ref == "net@2"
    third = value(shell, "%lepton resume net --epochs 2;")
    assert (third.ref, third.status, third.epoch) == ("net@2", "finished", 2)


def test_resume_takes_the_loaders_again(shell: InteractiveShell) -> None:
    value(
        shell,
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "both = TensorDataset(torch.randn(40, 64), torch.arange(40) % 2)\n"
        "a, b = DataLoader(both, batch_size=8), DataLoader(both, batch_size=8)\n" + NET.replace("10)", "2)"),
    )
    value(shell, "run = %lepton train Net --train a --val b --epochs 1 --name own;")
    shell.user_ns["run"].live.clear()
    assert "--train" in str(error(shell, "%lepton resume own --epochs 2 --val b"))
    again = value(shell, "%lepton resume own --epochs 2 --train a --val b;")
    assert (again.epoch, again.history()["val_loss"][0]) == (2, [5, 10])


def test_packages_that_do_not_fit_are_one_sentence_with_the_remedy(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    value(shell, "%lepton data digits --limit 60;")
    broken = tmp_path / "torchvision"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = error(shell, "%lepton model resnet18 --data digits")
    assert "do not belong together: operator torchvision::nms" in found.message
    assert "pip install --force-reinstall torch torchvision" in found.hint
    monkeypatch.setattr("traitlets.__version__", "4.0")
    found = error(shell, "%lepton model resnet18 --data digits")
    assert found.message.startswith("traitlets 4.0 is in memory, but ")
    assert "Restart the kernel" in found.hint


@pytest.mark.slow
def test_a_run_is_evaluated_compared_asked_and_exported_by_name(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    value(shell, "%lepton data digits --limit 60;")
    run(shell, f"%%lepton model Net --data digits\n{NET}").raise_error()
    run(shell, "a = %lepton train Net --data digits --epochs 1 --name a;").raise_error()
    run(shell, "b = %lepton train Net --data digits --epochs 1 --name b;").raise_error()
    capsys.readouterr()
    result = value(shell, "%lepton evaluate a --split val")
    assert result.split == "val"
    assert "accuracy" in capsys.readouterr().out
    assert value(shell, "%lepton evaluate a --plotly;").backend == "plotly"
    value(shell, "model = a.live['model']")
    assert value(shell, "%lepton evaluate model --data digits;").metrics.keys() == result.metrics.keys()
    assert "not a run" in error(shell, "%lepton evaluate model").message
    assert "a@1" in repr(value(shell, "%lepton compare a b"))
    assert "a@1" in repr(value(shell, "%lepton compare a b@1;"))
    shell.user_ns["digits"].test.raw(0).save(tmp_path / "digit.png")
    capsys.readouterr()
    (answer,) = value(shell, f"%lepton predict a {tmp_path}/digit.png")
    assert f"{answer['label']} " in capsys.readouterr().out
    shell.user_ns["picture"] = shell.user_ns["digits"].test.raw(0)
    assert value(shell, "%lepton predict a picture;") == [answer]
    assert value(shell, "%lepton predict b " + str({"inputs": [[[0.5] * 8] * 8]}).replace("'", '"') + ";")
    assert "looks like JSON" in error(shell, "%lepton predict a {'x': 1").message
    assert "cannot be read" in error(shell, "%lepton predict a nothing.png").message
    folder = value(shell, f"%lepton export a {tmp_path}/out;")
    assert (Path(folder) / "Dockerfile").exists()
    assert "nothing to" in error(shell, "%lepton stop a").message
    assert "only a running one" in error(shell, "%lepton pause a").message


def test_train_takes_objects_by_name(shell: InteractiveShell) -> None:
    run(
        shell,
        NET + "import torch\n"
        "model = Net()\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.5)\n"
        "criterion = nn.CrossEntropyLoss()\n"
        "items = torch.utils.data.TensorDataset(torch.rand(20, 1, 8, 8), torch.arange(20) % 10)\n"
        "loader = torch.utils.data.DataLoader(items, batch_size=4)\n",
    ).raise_error()
    found = value(
        shell,
        "%lepton train model --train loader --val loader --optimizer optimizer --loss criterion --epochs 1;",
    )
    assert found.live["model"] is shell.user_ns["model"]
    assert found.status == "finished"


# ---- the user's variables


def pictures(root: Path) -> None:
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in "ab":
        (root / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


def test_the_same_data_cell_reads_the_same_again(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "cells")
    first = value(shell, "%lepton data cells --from cells;")
    again = value(shell, "%lepton data cells --from cells;")
    assert again is not first
    assert again.fingerprint == first.fingerprint
    assert shell.user_ns["cells"] is again
    fake = "%lepton data FakeData --from FakeData --image-size 8 --limit 20;"
    assert value(shell, fake).fingerprint == value(shell, fake).fingerprint


def test_a_data_set_takes_no_variable_of_the_user(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    import pandas as pd

    table = pd.DataFrame({"a": [i * 0.37 for i in range(60)], "y": ["p", "q"] * 30, "z": ["u", "v"] * 30})
    shell.user_ns["train"] = table
    for _ in range(2):
        bundle = value(shell, "%lepton data train --from train --target y;")
        assert shell.user_ns["train"] is table
        assert shell.user_ns["train_data"] is bundle
        assert bundle.name == "train"
        assert "'train' stays your DataFrame; the data set is 'train_data'" in capsys.readouterr().out
    found = value(shell, "%lepton train --data train --epochs 1 --name tab;")
    assert found.live["data"] is bundle
    shell.user_ns["train"] = table.copy()  # another one, which nobody has read
    assert value(shell, "%lepton train --data train --epochs 1;").live["data"] is not bundle
    shell.user_ns["train_data"] = 5
    assert value(shell, "%lepton data train --from train --target y;") is shell.user_ns["train_data_"]
    assert shell.user_ns["train_data"] == 5


def test_a_function_of_the_name_of_built_in_data_stays(shell: InteractiveShell) -> None:
    run(shell, "from lepton_nb.data import digits").raise_error()
    bundle = value(shell, "%lepton data digits --limit 50;")
    assert callable(shell.user_ns["digits"])
    assert value(shell, "%lepton train SmallCNN --data digits --epochs 1;").live["data"] is bundle


def test_a_named_model_takes_no_variable_of_the_user(shell: InteractiveShell) -> None:
    value(shell, "%lepton data digits --limit 50;")
    shell.user_ns["net"] = 3
    refused = error(shell, "%lepton model SmallCNN --data digits --name net")
    assert "'net' is a variable of yours" in refused.message
    assert refused.hint == "Try --name net_model"
    assert shell.user_ns["net"] == 3
    line = "%lepton model SmallCNN --data digits --name net_model;"
    assert value(shell, line) is not value(shell, line)


# ---- in a function

ITEMS = """\
import torch
items = torch.utils.data.TensorDataset(torch.rand(20, 1, 8, 8), torch.arange(20) % 10)
net = Net()
before = net.fc.weight.detach().clone()
"""


def test_a_line_in_a_function_means_the_functions_variables(shell: InteractiveShell) -> None:
    run(shell, NET + ITEMS).raise_error()
    body = """\
def experiment(lr, part):
    net = Net()
    run = %lepton train net --train part --epochs 1 --lr {lr};
    return net, run
inside, found = experiment(0.5, items)
"""
    run(shell, body).raise_error()
    found = shell.user_ns["found"]
    assert found.live["model"] is shell.user_ns["inside"]
    assert found.params["lr"] == 0.5
    assert shell.user_ns["net"].fc.weight.equal(shell.user_ns["before"])
    assert "part" not in shell.user_ns


def test_a_variable_that_has_no_value_yet_is_not_the_global(shell: InteractiveShell) -> None:
    run(shell, NET + ITEMS).raise_error()
    body = "def f():\n    %lepton train net --train items --epochs 1\n    net = Net()\nf()"
    assert "no variable 'net'" in error(shell, body).message
    assert RunStore().list_runs() == []


def test_functions_in_functions_and_calls_of_the_magic_see_them_too(shell: InteractiveShell) -> None:
    run(shell, NET + ITEMS).raise_error()
    value(shell, "%lepton data digits --limit 50;")
    body = """\
def outer():
    net = Net()
    def inner():
        run = %lepton train net --train items --epochs 1 --name nested;
        return run
    called = get_ipython().run_line_magic("lepton", "train net --train items --epochs 1;")
    return net, inner(), called
inside, nested, called = outer()
def cell(source, mine):
    return get_ipython().run_cell_magic("lepton", "model Made --data mine", source)
"""
    run(shell, body).raise_error()
    for name in ("nested", "called"):
        assert shell.user_ns[name].live["model"] is shell.user_ns["inside"]
    shell.user_ns["source"] = NET.replace("Net", "Made")
    assert value(shell, "cell(source, digits)").name == "Made"
    assert isinstance(shell.user_ns["Made"], type)


def test_what_a_line_makes_in_a_function_stays_there(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns["mine"] = 7
    body = """\
def read(path):
    %lepton data mine --from {path} --limit 50
    made = %lepton data made --from digits --limit 50
    %lepton model SmallCNN --data mine
    run = %lepton train SmallCNN --data mine --epochs 1;
    return made, run
made, found = read("digits")
"""
    run(shell, body).raise_error()
    assert shell.user_ns["mine"] == 7
    assert "SmallCNN" not in shell.user_ns
    assert shell.user_ns["found"].data == "mine"
    assert shell.user_ns["made"].name == "made"
    shown = capsys.readouterr().out
    assert "only %lepton lines see 'mine'; for Python: mine = %lepton" in shown
    assert "see 'made'" not in shown


# ---- Tab


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%lepton tr", ["train"]),
        ("%lepton depl", ["deploy", "deployments"]),
        ("%lepton train netw", ["network"]),
        ("%lepton train resnet5", ["resnet50"]),
        ("%lepton train SmallC", ["SmallCNN"]),
        ("%lepton model tim", ["timm:"]),
        ("%lepton model hf:/hom", ["hf:/home/"]),
        ("%lepton train network --lor", ["--lora"]),
        ("%lepton train network --batch", ["--batch-size"]),
        ("%lepton train network --epochs 3 --epo", []),
        ("%lepton train network --schedule c", ["cosine", "constant"]),
        ("%lepton train network --schedule=li", ["linear"]),
        ("%lepton train network --optimizer adam", ["adamw", "adam"]),
        ("%lepton train network --optimizer opt", ["opt"]),
        ("%lepton train network --data ", ["digits"]),
        ("%lepton train network --data=dig", ["digits"]),
        ("%lepton train network --train ", ["loader"]),
        ("%lepton train network --loss crit", ["criterion"]),
        ("%lepton evaluate c", ["cnn"]),
        ("%lepton evaluate cnn --split t", ["train", "test"]),
        ("%lepton compare cnn d", ["deep"]),
        ("%lepton resume ", ["deep", "cnn"]),
        ("r = %lepton evaluate cn", ["cnn"]),
        ("%%lepton model N --da", ["--data"]),
        ("lepton tr", ["train"]),
    ],
)
def test_tab_offers_what_fits(shell: InteractiveShell, text: str, expected: list[str]) -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    make_run("cnn")
    make_run("deep")
    network = torch.nn.Linear(2, 2)
    shell.user_ns.update(
        network=network,
        opt=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=torch.nn.CrossEntropyLoss(),
        loader=DataLoader(TensorDataset(torch.zeros(2, 2), torch.zeros(2))),
        number=3,
    )
    assert complete(shell, text)[: len(expected) + 1] == expected


def test_tab_completes_paths_after_from(shell: InteractiveShell, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "prices.csv").touch()
    (tmp_path / ".hidden").touch()
    found = complete(shell, f"%lepton data d --from {tmp_path}/p")
    assert found == [f"{tmp_path}/photos/", f"{tmp_path}/prices.csv"]
    assert f"{tmp_path}/.hidden" not in complete(shell, f"%lepton data d --from={tmp_path}/")


def test_tab_leaves_the_body_of_a_cell_alone(shell: InteractiveShell) -> None:
    matcher = shell.Completer.custom_matchers[-1]
    context = CompletionContext(
        token="tr",
        full_text="%%lepton model N\n%lepton tr",
        cursor_position=10,
        cursor_line=1,
        limit=None,
    )
    assert [found.text for found in matcher(context)["completions"]] == ["train"]
    body = CompletionContext(
        token="x", full_text="%%lepton model N\nx = tr", cursor_position=6, cursor_line=1, limit=None
    )
    assert matcher(body)["completions"] == []


def test_notes_tags_callbacks_and_exports_go_through_the_line(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    run(shell, "from sklearn.datasets import load_digits\n%lepton data digits --limit 200")
    run(shell, NET)
    run(shell, "epochs = []\ndef seen(state):\n    epochs.append(state.epoch)")
    value(shell, "%lepton train Net --data digits --epochs 2 --name a --tag baseline --callback seen;")
    assert shell.user_ns["epochs"] == [0, 1]
    noted = value(shell, '%lepton note a "looks good" --tag team=vision')
    assert (noted.notes, noted.tags) == ("looks good", {"baseline": "", "team": "vision"})
    file = tmp_path / "runs.csv"
    assert len(value(shell, f"%lepton runs --tag team --export {file}")) == 1
    assert "looks good" in file.read_text()
    assert "--callback" in complete(shell, "%lepton train Net --call")
    found = value(shell, "%lepton lr-find Net --data digits --steps 20")
    assert found.command.startswith("%lepton train Net --data digits --lr ") or found.suggestion is None
    plan = value(shell, "%lepton schedule step cosine --epochs 4 --data digits")
    assert list(plan.rates) == ["step", "cosine"]
    assert "'Net' is the class" in error(shell, "%lepton train Net --data digits --callback Net").message


@pytest.mark.slow
def test_profile_and_autotune_show_what_they_found(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "%lepton data digits --limit 200").raise_error()
    run(shell, NET).raise_error()
    line = (
        "%lepton train Net --data digits --epochs 2 --batch-size 16 --profile --autotune speed --name shown"
    )
    found = value(shell, f"run = {line}\nrun")
    shown = capsys.readouterr().out
    assert "A step takes" in shown
    assert "Bottleneck:" in shown
    assert "autotune chose" in found.log_path.read_text()


def test_a_variable_that_holds_a_path_is_read_and_its_answers_are_written(
    shell: InteractiveShell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"C{i},{i % 17},{'pq'[i % 17 > 8]}\n" for i in range(120))
    Path("train.csv").write_text("who,a,y\n" + rows)
    for where in (Path("train.csv"), str(tmp_path / "train.csv")):
        shell.user_ns["where"] = where
        value(shell, "%lepton data rows --from where --target y")
        assert shell.user_ns["rows"].report.source.endswith("train.csv")
    value(shell, "%lepton train MLP --data rows --epochs 1 --name rows")
    capsys.readouterr()
    answers = value(shell, "%lepton predict rows train.csv --out out.csv")
    assert "120 answers in out.csv" in capsys.readouterr().out
    assert Path("out.csv").read_text().startswith("who,prediction,p,q\nC0,")
    assert len(answers) == 120
    folds = value(shell, "%lepton train MLP --data rows --folds 2 --epochs 1")
    assert [run.name for run in folds.runs] == ["rows-fold1", "rows-fold2"]
    result = value(shell, "%lepton evaluate rows --importance")
    assert list(result.importance.index) == ["a"]
