"""Runs side by side."""

from __future__ import annotations

import pytest

from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.evaluation import compare
from lepton_nb.runs import Run, RunStore


def make_run(name: str, losses: list[float], **params: object) -> Run:
    """A run as training leaves it, without the training."""
    settings = {"lr": 0.001, "epochs": len(losses), "optimizer": {"name": "adam", "beta": 0.9}, **params}
    run = RunStore().create_run(
        name, task="image-classification", model="SmallCNN", data="digits", params=settings,
        monitor="val_loss", mode="min", epochs=len(losses),
    )  # fmt: skip
    run.begin(total_steps=10 * len(losses))
    for epoch, loss in enumerate(losses):
        step = 10 * (epoch + 1)
        run.log(step, {"train_loss": loss - 0.1, "val_loss": loss, "epoch_seconds": 1.0}, epoch)
        run.heartbeat(epoch=epoch + 1, step=step)
    run.set_status("finished")
    return run


def test_only_the_settings_that_differ_are_listed() -> None:
    a = make_run("a", [1.0, 0.5])
    make_run("b", [0.9, 0.4, 0.3], lr=0.01, optimizer={"name": "sgd", "beta": 0.9})
    table = compare([a, "b"]).config()
    assert table.to_dict("index") == {
        "lr": {"a@1": 0.001, "b@1": 0.01},
        "epochs": {"a@1": 2, "b@1": 3},
        "optimizer.name": {"a@1": "adam", "b@1": "sgd"},
    }


def test_each_run_has_a_row_with_how_it_ended() -> None:
    a, b = make_run("a", [1.0, 0.5]), make_run("b", [0.9, 0.4, 0.3])
    b.write_json("evaluation.json", {"test": {"metrics": {"accuracy": 0.9}}})
    table = compare([a, b]).frame()
    assert list(table.index) == ["a@1", "b@1"]
    assert table.loc["a@1", "last val_loss"] == 0.5
    assert table.loc["b@1", "last train_loss"] == pytest.approx(0.2)
    assert table.loc["b@1", "test accuracy"] == 0.9
    assert list(table["status"]) == ["finished", "finished"]


def test_the_curves_of_all_runs_are_in_one_figure() -> None:
    comparison = compare([make_run("a", [1.0, 0.5]), make_run("b", [0.9, 0.4, 0.3])])
    lines = comparison.figure().axes[0].lines
    assert [list(line.get_ydata()) for line in lines] == [
        [0.9, 0.4],
        [1.0, 0.5],
        [0.8, 0.4 - 0.1, 0.3 - 0.1],
        [0.9, 0.4, 0.3],
    ]
    assert list(lines[1].get_xdata()) == [1, 2]
    bundle = comparison._repr_mimebundle_()
    assert "data:image/png;base64," in bundle["text/html"]
    assert "Settings that differ" in bundle["text/html"]
    assert "a@1" in bundle["text/plain"]
    assert comparison.figure("plotly").to_json()


def test_runs_without_history_still_compare() -> None:
    a, b = make_run("a", []), make_run("b", [0.5])
    assert "b@1" in compare([a, b])._repr_html_()
    assert compare([a, make_run("c", [])])._repr_html_()


def test_one_run_alone_cannot_be_compared() -> None:
    run = make_run("a", [1.0])
    with pytest.raises(ArgumentError, match="there is only a@1"):
        compare([run, "a"])
    with pytest.raises(ArgumentError, match="takes a list"):
        compare("a")
    with pytest.raises(NotFoundError):
        compare([run, "zzz"])
