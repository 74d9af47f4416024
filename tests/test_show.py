"""Every number and word that people see has one spelling."""

from __future__ import annotations

import math

import pytest

from lepton_nb.show.numbers import duration, figure, limit, size
from lepton_nb.show.words import metric_title


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.000_35, "350 µs"),
        (0.0352, "35.2 ms"),
        (0.4, "0.4 s"),
        (9.9, "9.9 s"),
        (9.97, "10 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (97200, "1 d 3 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98765, "0.9877"), (0.0, "0.0000"), (12.345, "12.35"), (1234567.0, "1,234,567"), (1.2e-5, "1.20e-05")],
)
def test_metrics(value: float, text: str) -> None:
    assert figure(value) == text
    assert figure(math.nan) == "nan"


def test_sizes_and_titles() -> None:
    assert [size(n) for n in (999, 512e6, 999.6e6, 1.44e9)] == ["999 B", "512 MB", "1 GB", "1.44 GB"]
    assert [limit(n) for n in (64 << 10, 32 << 20, 3 << 29)] == ["64 KiB", "32 MiB", "1.5 GiB"]
    assert metric_title("val_f1_macro") == "validation f1 macro"
    assert metric_title("train_loss") == "training loss"
