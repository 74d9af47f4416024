"""What of an input is told to be unlike everything that the model was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton_nb import data
from lepton_nb.tasks import Codec, get_task
from lepton_nb.tasks.doubts import doubt, doubts
from lepton_nb.tasks.words import Words, sketch, words_of


def told_by(codec: Codec, value: Any) -> list[str]:
    with doubts() as found:
        codec.prepare(value)
    return found


@pytest.fixture(scope="module")
def rows() -> Codec:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, 300),
            "city": random.choice(["Bern", "Zürich"], 300),
            "day": pd.date_range("2020-01-01", periods=300).strftime("%d.%m.%Y"),
            "y": random.choice(["no", "yes"], 300),
        }
    )
    signature = data.load(frame, target="y").signature
    low, high = signature.preprocessing["columns"][0]["range"]
    assert (low, high) == (18, 79)
    return get_task(signature.task).codec(signature)


@pytest.fixture(scope="module")
def texts() -> Codec:
    random = np.random.default_rng(0)
    lines = [" ".join(random.choice(["good", "bad", "soup", "Straße"], 6)) for _ in range(200)]
    frame = pd.DataFrame({"text": lines, "label": ["yes" if "good" in line else "no" for line in lines]})
    signature = data.load(frame, task="text-classification").signature
    return get_task(signature.task).codec(signature)


def test_what_training_had_is_no_doubt(rows: Codec, texts: Codec) -> None:
    assert told_by(rows, {"row": {"age": 30, "city": "Bern", "day": None}}) == []
    assert told_by(rows, {"row": {"age": None, "city": None, "day": None}}) == []
    assert told_by(texts, {"text": "Good, stx"})[0].endswith("had: 'stx', ','")
    assert told_by(texts, {"texts": ["good bad", "STRAßE"]}) == []


@pytest.mark.parametrize("city", ["Paris", " Bern ", "Zu\u0308rich", 5, "bern"])
def test_an_unseen_category_is_told(rows: Codec, city: Any) -> None:
    (said,) = told_by(rows, {"row": {"age": 30, "city": city, "day": None}})
    assert said.startswith(f"'city' is {city!r}: ")
    assert "Bern" in said or "Zürich" in said


@pytest.mark.parametrize(("age", "count"), [(17, 1), (18, 0), (79, 0), (79.5, 1), (-1e9, 1)])
def test_a_value_outside_the_training_range_is_told(rows: Codec, age: float, count: int) -> None:
    said = told_by(rows, {"row": {"age": age, "city": "Bern", "day": None}})
    assert len(said) == count
    assert all(text == f"'age' is {age!r}: training had 18 to 79" for text in said)


@pytest.mark.parametrize(
    ("day", "told"), [("01.05.2020", False), ("2020-05-01", False), ("31.12.2019", True)]
)
def test_a_date_outside_the_training_range_is_told(rows: Codec, day: str, told: bool) -> None:
    said = told_by(rows, {"row": {"age": 30, "city": "Bern", "day": day}})
    assert bool(said) == told
    assert all(text.startswith("'day' is '31.12.2019': training had 2020-01-0") for text in said)


def test_the_row_is_named(rows: Codec) -> None:
    said = told_by(
        rows, {"rows": [{"age": 30, "city": "Bern", "day": None}, {"age": 99, "city": "Rome", "day": None}]}
    )
    assert [text.partition(" is ")[0] for text in said] == ["'age' in rows[1]", "'city' in rows[1]"]
    with doubts() as found:
        rows.decode_bytes(b"age,city,day\n99,Bern,\n", "text/csv")
    assert found == ["'age' is 99.0: training had 18 to 79"]


def test_unknown_words_are_told(texts: Codec) -> None:
    assert told_by(texts, {"text": "soup xyz"}) == ["'text' has what no training text had: 'xyz'"]
    assert "'texts[1]'" in told_by(texts, {"texts": ["good", "Suppe"]})[0]
    assert "\U0001f984" in told_by(texts, {"text": "good \U0001f984"})[0]


def test_what_is_cut_off_is_told(texts: Codec) -> None:
    (said,) = told_by(texts, {"text": "good " * 100})
    assert said == "'text' is longer than the 6 tokens that the model reads: the rest is left out"
    assert "'texts[1]'" in told_by(texts, {"texts": ["good", "good " * 7]})[0]


def test_words_are_never_unknown_that_were_seen() -> None:
    known = [f"word{i}".translate(str.maketrans("0123456789", "abcdefghij")) for i in range(5000)]
    words = Words(sketch(known))
    assert not [word for word in known if word not in words]
    others = [f"other{word}" for word in known]
    assert sum(word in words for word in others) < 50


def test_a_character_is_a_word_where_there_are_no_spaces() -> None:
    assert words_of("天気がいい Good_day2 ０１") == ["天", "気", "が", "い", "い", "good", "day"]


def test_only_who_asks_is_told_and_not_without_end() -> None:
    doubt(iter(["nobody asks"]))
    with doubts() as found:
        doubt(str(i) for i in range(30))
    assert len(found) == 21
    assert found[-1] == "and 10 more"
