"""Every number and word that people see has one spelling."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import lepton_nb
from lepton_nb.show.numbers import duration, figure, limit, size
from lepton_nb.show.words import metric_title

SPELLING = Path(lepton_nb.__file__).parents[1] / "labextension/test/spelling.json"


def test_the_browser_is_held_to_the_same_spelling() -> None:
    """`format.spec.ts` reads the file: what it says of both sides must be what Python gives."""
    spelled = json.loads(SPELLING.read_text("utf-8"))
    assert [[value, duration(value)] for value, _ in spelled["durations"]] == spelled["durations"]
    assert [[value, size(value)] for value, _ in spelled["sizes"]] == spelled["sizes"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98765, "0.9877"), (0.0, "0.0000"), (12.345, "12.35"), (1234567.0, "1,234,567"), (1.2e-5, "1.20e-05")],
)
def test_metrics(value: float, text: str) -> None:
    assert figure(value) == text
    assert figure(math.nan) == "nan"


def test_sizes_and_titles() -> None:
    assert [limit(n) for n in (64 << 10, 32 << 20, 3 << 29)] == ["64 KiB", "32 MiB", "1.5 GiB"]
    assert metric_title("val_f1_macro") == "validation f1 macro"
    assert metric_title("train_loss") == "training loss"
