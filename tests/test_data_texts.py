"""Labelled texts: files, folders and frames; the tokenizer; cleaning; and everything that can be wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lepton_nb.data import DataBundle, from_spec, load, text
from lepton_nb.errors import DataError
from lepton_nb.tasks.texts import load_tokenizer

WORDS = [
    "good",
    "bad",
    "phone",
    "screen",
    "battery",
    "love",
    "hate",
    "case",
    "price",
    "sound",
    "fine",
    "poor",
    "works",
    "breaks",
    "great",
    "cheap",
    "noisy",
]


def sentences(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sentences of 3 to 12 words that differ, and labels."""
    rng = np.random.default_rng(seed)
    texts = [f"item {i}: {' '.join(rng.choice(WORDS, rng.integers(3, 12)))}." for i in range(count)]
    return texts, ["pos" if i % 2 else "neg" for i in range(count)]


@pytest.fixture
def reviews() -> pd.DataFrame:
    texts, labels = sentences(100)
    return pd.DataFrame({"id": range(100), "review": texts, "sentiment": labels})


def report(bundle: DataBundle) -> str:
    return str(bundle.report)


def test_the_text_and_label_columns_are_found_and_named(reviews: pd.DataFrame) -> None:
    bundle = text(reviews)
    assert bundle.signature.task == "text-classification"
    assert bundle.signature.class_names == ("neg", "pos")
    assert bundle.signature.target == {"name": "sentiment"}
    assert bundle.report.sizes == {"train": 66, "val": 9, "test": 25}
    assert "The texts are the column 'review'" in report(bundle)
    assert "The labels are the column 'sentiment'" in report(bundle)
    assert "The texts are" not in report(text(reviews, text="review", label="sentiment"))


def test_token_ids_are_what_the_service_makes_of_the_texts(reviews: pd.DataFrame) -> None:
    bundle = text(reviews)
    inputs, target = bundle.example(8, "test")
    assert isinstance(inputs, torch.Tensor)
    assert inputs.dtype == torch.int64
    assert inputs.shape == (8, bundle.signature.preprocessing["max_length"])
    raws = [bundle.split("test").raw(i) for i in range(8)]
    (prepared,) = bundle.task.codec(bundle.signature).prepare(raws)
    np.testing.assert_array_equal(inputs, prepared)
    names = [bundle.signature.class_names[i] for i in target]
    assert names == [reviews.set_index("review")["sentiment"][raw] for raw in raws]


def test_the_tokenizer_knows_the_training_texts_alone(reviews: pd.DataFrame) -> None:
    reviews["review"] += " Ω"
    strange = reviews.assign(review=reviews["review"] + " ж")
    bundle = text(strange)
    test_rows = {bundle.split("test").raw(i) for i in range(len(bundle.split("test")))}
    reviews.loc[strange["review"].isin(test_rows), "review"] += " ж"
    again = text(reviews)
    tokenizer = load_tokenizer(again.signature.preprocessing["tokenizer"])
    assert tokenizer.token_to_id("ω") is not None  # lower-cased
    assert tokenizer.token_to_id("ж") is None
    assert tokenizer.token_to_id("[PAD]") == again.signature.preprocessing["pad_id"] == 0
    assert tokenizer.encode("ж").tokens[-1] == "[UNK]"
    assert tokenizer.encode("GOOD").ids == tokenizer.encode("good").ids


def test_ninety_five_percent_of_the_training_texts_fit(reviews: pd.DataFrame) -> None:
    reviews.loc[0, "review"] = "long " * 400
    bundle = text(reviews, val_fraction=0, test_fraction=0)
    length = bundle.signature.preprocessing["max_length"]
    tokenizer = load_tokenizer(bundle.signature.preprocessing["tokenizer"])
    counts = [len(tokenizer.encode(value).ids) for value in reviews["review"]]
    assert np.mean([count <= length for count in counts]) >= 0.95
    assert length < 40
    assert "cut at" in report(bundle)
    assert text(reviews, max_length=7).example()[0].shape == (2, 7)  # type: ignore[union-attr]


def test_the_vocabulary_has_the_size_asked_for(reviews: pd.DataFrame) -> None:
    small = text(reviews, vocab_size=100).signature.preprocessing["tokenizer"]
    assert load_tokenizer(small).get_vocab_size() == 100


@pytest.mark.slow
def test_another_process_learns_the_same_tokens(tmp_path: Path) -> None:
    texts, labels = sentences(60)
    path = tmp_path / "r.tsv"
    path.write_text("".join(f"{t}\t{y}\n" for t, y in zip(texts, labels, strict=True)))
    code = f"from lepton_nb.data import text; print(text({str(path)!r}).fingerprint)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == text(path).fingerprint


def test_lines_of_a_text_and_a_label_need_no_header(tmp_path: Path) -> None:
    texts, labels = sentences(40)
    path = tmp_path / "amazon_labelled.txt"
    lines = [f'{t} "quoted\x85 {i}\t{y}  ' for i, (t, y) in enumerate(zip(texts, labels, strict=True))]
    path.write_text("\n".join([*lines, "no label here", "", "nor here\t "]))
    bundle = load(path)
    assert bundle.name == "amazon_labelled"
    assert sum(bundle.report.sizes.values()) == 40
    assert bundle.signature.class_names == ("neg", "pos")
    assert "2 lines without a TAB and a label skipped" in report(bundle)
    assert "amazon_labelled.txt:41" in report(bundle)


def test_a_folder_of_such_files_is_one_data_set(tmp_path: Path) -> None:
    for number in range(3):
        texts, labels = sentences(20, seed=number)
        lines = [f"{number} {t}\t{y}" for t, y in zip(texts, labels, strict=True)]
        (tmp_path / f"part{number}.txt").write_text("\n".join(lines))
    (tmp_path / "README.txt").write_text("About these files.")
    bundle = load(tmp_path)
    assert sum(bundle.report.sizes.values()) == 60
    assert "60 labelled lines from 3 files" in report(bundle)


def test_a_folder_per_class_keeps_its_test_part(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("test", 6)):
        for label in ("neg", "pos"):
            (tmp_path / split / label).mkdir(parents=True)
            for i, value in enumerate(sentences(count, seed=count + len(label))[0]):
                (tmp_path / split / label / f"{i}.txt").write_text(f"{split} {label} {value}")
    bundle = load(tmp_path)
    assert bundle.report.sizes == {"train": 35, "val": 5, "test": 12}
    assert bundle.split("test").raw(0).startswith("test neg")
    assert bundle.spec is not None
    assert from_spec(bundle.spec).fingerprint == bundle.fingerprint


def test_texts_of_the_test_are_removed_from_train_and_named(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("test", 6)):
        for label in ("neg", "pos"):
            (tmp_path / split / label).mkdir(parents=True)
            for i in range(count):
                (tmp_path / split / label / f"{i}.txt").write_text(f"{split} {label} {i}")
    (tmp_path / "train" / "neg" / "3.txt").write_text("  test neg 5 ")
    bundle = load(tmp_path, val_fraction=0)
    assert bundle.report.sizes == {"train": 39, "test": 12}
    assert any("1 text of train also in test: removed from train" in each for each in bundle.report.warnings)
    assert "train/neg/3.txt 'test neg 5'" in report(bundle)


def test_equal_texts_are_in_the_same_part(reviews: pd.DataFrame) -> None:
    bundle = text(reviews, val_fraction=0)
    leak = bundle.split("test").raw(0)
    where = int(np.flatnonzero(reviews["review"] == bundle.train.raw(0))[0])
    reviews.loc[where, "review"] = f"  {leak} "
    again = text(reviews, val_fraction=0)
    assert leak in [again.split("test").raw(i) for i in range(len(again.split("test")))]
    assert leak not in [again.train.raw(i) for i in range(len(again.train))]


def test_texts_and_labels_that_are_missing_are_left_out(reviews: pd.DataFrame) -> None:
    reviews.loc[0:2, "review"] = None
    reviews.loc[3, "review"] = "   "
    reviews.loc[4:5, "sentiment"] = ""
    bundle = text(reviews)
    assert sum(bundle.report.sizes.values()) == 94
    assert "4 items without a text left out" in report(bundle)
    assert "2 items without a label left out" in report(bundle)


def test_what_a_file_cannot_use_is_named_by_its_line(reviews: pd.DataFrame, tmp_path: Path) -> None:
    reviews.loc[3, "review"] = "two\nlines"
    reviews.loc[5, "review"] = " "
    reviews.loc[7, "review"] = "far too long " * 100_000
    file = tmp_path / "reviews.csv"
    reviews.to_csv(file, index=False)
    said = report(load(file, text="review", label="sentiment"))
    assert "1 item without a text left out" in said
    assert "reviews.csv, line 8\n" in said
    assert "1 item with a text of more than 1,000,000 characters left out" in said
    assert "reviews.csv, line 10" in said


def test_the_same_text_under_two_labels_is_a_warning(reviews: pd.DataFrame) -> None:
    reviews.loc[0:1, "review"] = "So so."
    bundle = text(reviews, val_fraction=0, test_fraction=0)
    assert any("with another label" in warning for warning in bundle.report.warnings)


def test_numbered_labels_are_in_numeric_order() -> None:
    texts, _ = sentences(120)
    frame = pd.DataFrame({"text": texts, "stars": [i % 12 for i in range(120)]})
    assert text(frame).signature.class_names == tuple(map(str, range(12)))


def test_real_reviews_load(shared_data: Path) -> None:
    bundle = load(shared_data / "sentiment")
    assert 2_980 <= sum(bundle.report.sizes.values()) <= 3_000
    assert bundle.signature.class_names == ("0", "1")
    seen = {bundle.train.raw(i) for i in range(len(bundle.train))}
    assert not seen & {bundle.test.raw(i) for i in range(len(bundle.test))}, "equal texts are on one side"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"text": "reviw"}, "Did you mean 'review'"),
        ({"label": "sentimnt"}, "Did you mean 'sentiment'"),
        ({"text": "review", "label": "review"}, "both are 'review'"),
        ({"max_length": 0}, "max_length is 0"),
        ({"vocab_size": 5}, "vocab_size is 5"),
        ({"vocab_size": "big"}, "vocab_size is 'big'"),
        ({"label": "id"}, "100 different values in 100 items: no classes"),
    ],
)
def test_wrong_options_say_what_is_right(
    reviews: pd.DataFrame, options: dict[str, object], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        text(reviews, **options)  # type: ignore[arg-type]
    assert expected in str(caught.value)


def test_a_frame_without_texts_or_with_many_candidates_for_the_label_asks(reviews: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="No column holds texts"):
        text(reviews[["id", "sentiment"]])
    with pytest.raises(DataError, match=r"Which of 'id', 'mood' is the label"):
        text(reviews.rename(columns={"sentiment": "mood"}))
    with pytest.raises(DataError, match="has both a text and a label"):
        text(reviews.assign(sentiment=None))
    with pytest.raises(DataError, match="one class only"):
        text(reviews.assign(sentiment="pos"))


def test_a_file_without_labels_says_how_to_write_them(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("\n".join(sentences(5)[0]))
    with pytest.raises(DataError, match="no lines of a text, a TAB and a label"):
        text(path)
