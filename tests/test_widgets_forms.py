"""The table of runs and the form, on Python's side: what they send, and what a saved notebook keeps."""

from __future__ import annotations

import dataclasses
from typing import Any

from lepton_nb.magics.settings import setting_groups
from lepton_nb.runs import RunTable, get_run
from lepton_nb.training import TrainConfig
from lepton_nb.widgets.run_form import RunForm, describe_settings, plain_line, static_form
from lepton_nb.widgets.run_table import RunTableView, describe
from tests.runs_helpers import make_run

NAMES = {"models": ["Net"], "data": ["digits"]}


def form(**start: str) -> RunForm:
    return RunForm(start, lambda: NAMES, setting_groups())


def test_the_form_has_every_setting_once_with_its_range_and_documentation() -> None:
    fields = describe_settings(setting_groups())
    names = [field["name"] for field in fields]
    assert sorted(names) == sorted(field.name for field in dataclasses.fields(TrainConfig))
    by_name = {field["name"]: field for field in fields}
    assert names[:3] == ["epochs", "batch_size", "lr"]
    assert (by_name["epochs"]["low"], by_name["epochs"]["high"], by_name["epochs"]["whole"]) == (
        1,
        None,
        True,
    )
    assert by_name["optimizer"]["choices"] == ["adamw", "adam", "sgd", "rmsprop"]
    assert by_name["restore_best"]["kind"] == "switch"
    assert by_name["lr"]["usual"] == {"low": 1e-5, "high": 1.0, "log": True}
    assert by_name["freeze"]["kind"] == "text"
    for field in fields:
        assert field["doc"]
        if field["usual"]:
            assert field["low"] <= field["usual"]["low"] < field["usual"]["high"]
            assert field["high"] is None or field["usual"]["high"] <= field["high"]


def test_the_form_says_what_is_wrong_and_when_it_is_right_again() -> None:
    live = form(model="Net", data="digits")
    live.chosen = {"model": "Net", "data": "digits", "epochs": 0}
    assert live.problem.startswith("epochs is 0; expected 1 or more")
    live.chosen = {"model": "Net", "data": "digits", "ema": 0.9, "swa": 0.5}
    assert "Both ema and swa" in live.problem
    live.chosen = {"model": "Net", "data": "digits", "epochs": 3}
    assert live.problem == ""


def test_what_a_saved_notebook_keeps_of_the_form_is_plain_html() -> None:
    live = form(model="<Net>", data="digits")
    kept = static_form({"model": "<Net>", "data": "digits"}, live.fields)
    assert "%lepton train &lt;Net&gt; --data digits" in kept
    assert "--batch-size" in kept
    assert "<script" not in kept
    assert plain_line({}) == "%lepton train MODEL"


def test_the_table_follows_a_run_in_training_and_leaves_ended_ones_alone() -> None:
    ended, running = make_run("ended"), make_run("running")
    ended.set_status("finished")
    running.begin(total_steps=10)
    view = RunTableView([get_run("running"), get_run("ended")])
    assert [row["status"] for row in view.rows] == ["running", "finished"]
    running.log_many([(step, 0, {"val_accuracy": step / 10}) for step in range(5)])
    running.heartbeat(epoch=2, step=5)
    running.flush()
    view._answer(None, {"ask": "look"}, None)
    assert view.rows[0]["epoch"] == 2
    assert view.rows[0]["trend"] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert view.rows[1]["status"] == "finished"


def test_a_row_has_what_one_sorts_and_filters_by() -> None:
    run = make_run("a")
    run.annotate(notes="good", tags={"team": "vision"})
    row: dict[str, Any] = describe(run)
    assert (row["tags"], row["notes"], row["best"], row["model"]) == (
        "team=vision",
        "good",
        None,
        "LeptonCNN",
    )
    assert len(RunTable([run])) == 1
