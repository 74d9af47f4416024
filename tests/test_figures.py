"""The tasks give what they gave before they were rebuilt: losses, metrics, weights and evaluations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.figures import make

STORED = Path(make.__file__).with_name("stored.json")


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested figures by their path."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    else:
        return {name: value}
    return {key: leaf for part, inner in parts for key, leaf in flat(inner, f"{name}/{part}").items()}


@pytest.mark.slow
def test_every_task_gives_the_figures_it_gave(tmp_path: Path) -> None:
    # On the processor they were stored on they are equal bit by bit; others add in another order.
    stored, now = flat(json.loads(STORED.read_text())), flat(make.measure(tmp_path))
    assert now.keys() == stored.keys()
    for name, value in stored.items():
        assert now[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-3)), name
