"""Tags and notes, finding runs by them, and the table for a spreadsheet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import lepton_nb
from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.runs.notes import parse_tags
from tests.runs_helpers import make_run
from tests.training_helpers import TinyNet, blobs


def test_runs_are_tagged_found_and_untagged() -> None:
    lepton_nb.train(
        TinyNet, blobs(), epochs=1, name="a", tags={"team": "vision", "baseline": ""}, notes="first"
    )
    make_run("b").annotate(tags={"team": "audio"})
    make_run("c")
    assert [run.name for run in lepton_nb.list_runs(tags={"team": ""})] == ["b", "a"]
    assert [run.name for run in lepton_nb.list_runs(tags=parse_tags(["team=vision", "baseline"]))] == ["a"]
    assert [run.name for run in lepton_nb.list_runs(tags={"team": ""}, limit=1)] == ["b"]
    run = lepton_nb.note("a", "second <line>", tags={"team": None})
    assert lepton_nb.get_run("a").notes == "first\nsecond <line>"
    assert lepton_nb.get_run("a").tags == {"baseline": ""}
    assert "second &lt;line&gt;" in run._repr_html_()
    assert "baseline" in run._repr_html_()


def test_a_note_on_no_run_and_a_tag_without_a_name_are_refused() -> None:
    with pytest.raises(NotFoundError):
        lepton_nb.note("nothing", "text")
    with pytest.raises(ArgumentError, match="has no name"):
        parse_tags(["=3"])


def test_the_export_has_settings_tags_and_metrics(tmp_path: Path) -> None:
    first = lepton_nb.train(TinyNet, blobs(), epochs=2, lr=0.5, name="a", tags={"team": "vision"})
    lepton_nb.train(TinyNet, blobs(), epochs=1, name="b")
    path = lepton_nb.list_runs().export(tmp_path / "runs.csv")
    frame = pd.read_csv(path).set_index("ref")
    assert list(frame.index) == ["b@1", "a@1"]
    assert frame.loc["a@1", "param.lr"] == 0.5
    assert frame.loc["a@1", "tag.team"] == "vision"
    assert frame.loc["a@1", "last.val_loss"] == pytest.approx(first.history().last("val_loss"))
    assert frame.loc["a@1", "best_value"] == pytest.approx(first.best_value)
    assert len(pd.read_json(lepton_nb.list_runs().export(tmp_path / "runs.json"))) == 2


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no runs to export"):
        lepton_nb.list_runs().export(tmp_path / "runs.csv")
    make_run("a")
    with pytest.raises(ArgumentError, match=r"ends in \.xlsx; expected \.csv"):
        lepton_nb.list_runs().export(tmp_path / "runs.xlsx")
