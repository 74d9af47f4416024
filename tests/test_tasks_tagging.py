"""Token classification: tagged words read, learned, measured by spans, and served as spans of the text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.errors import DataError
from lepton_nb.models import model
from lepton_nb.packaging import build_package, load_model
from lepton_nb.tasks.tagging.learning import measured
from lepton_nb.tasks.tagging.spans import Span, spans_of
from tests.pretrained_support import save_bert
from tests.tagging_support import conll, sentences

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def people(tmp_path: Path) -> DataBundle:
    return data.load(conll(tmp_path / "people.conll"))


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        (["B-PER", "I-PER", "O", "B-LOC"], [Span(0, 2, "PER"), Span(3, 4, "LOC")]),
        (["I-PER", "I-LOC", "B-LOC"], [Span(0, 1, "PER"), Span(1, 2, "LOC"), Span(2, 3, "LOC")]),
        (["NOUN", "O", "NOUN"], [Span(0, 1, "NOUN"), Span(2, 3, "NOUN")]),
    ],
)
def test_tags_make_spans(tags: list[str], spans: list[Span]) -> None:
    assert spans_of(tags) == spans


def test_files_and_tables_give_the_same_data(people: DataBundle, tmp_path: Path) -> None:
    rows = [{"tokens": words, "ner_tags": tags} for words, tags in sentences()]
    path = tmp_path / "people.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    datasets = pytest.importorskip("datasets")
    found = [data.load(path), data.load(pd.DataFrame(rows)), data.load(datasets.Dataset.from_list(rows))]
    assert {bundle.fingerprint for bundle in [people, *found]} == {people.fingerprint}
    assert people.signature.class_names == ("O", "B-LOC", "B-PER", "I-LOC", "I-PER")
    assert data.from_spec(people.spec).fingerprint == people.fingerprint


def test_tags_stand_at_the_first_token_of_each_word(people: DataBundle) -> None:
    inputs, target = people.example(4)
    for row in range(4):
        words = people.train.raw(row).split()
        assert int((target[row] >= 0).sum()) == len(words)
    assert int((inputs == 0).sum()) > 0
    assert (target[inputs == 0] == -100).all()


def test_what_is_wrong_in_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.conll").write_text("Ann B-PER\nlives\n")
    with pytest.raises(DataError, match=r"bad\.conll:2 holds 'lives'"):
        data.load(tmp_path / "bad.conll")
    (tmp_path / "bad.jsonl").write_text('{"tokens": ["a", "b"], "tags": ["O"]}')
    with pytest.raises(DataError, match="2 words and 1 tags"):
        data.load(tmp_path / "bad.jsonl")


def test_spans_are_measured_whole(people: DataBundle) -> None:
    import torch

    _, target = people.example(6)
    logits = torch.nn.functional.one_hot(target.clamp(min=0), 5).float()
    assert measured(logits, target, people.signature).scalars["f1"] == 1.0
    logits[..., 4] = 0  # no I-PER: "Ann Bo" is found as Ann, which is no right span
    found = measured(logits, target, people.signature).scalars
    assert found["accuracy"] <= 1
    assert found["f1"] <= 1


@pytest.mark.slow
def test_a_pretrained_model_learns_spans_and_serves_them(people: DataBundle, tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "tiny-bert")
    run = lepton_nb.train(
        f"hf:{folder}", people, epochs=25, lr=1e-2, batch_size=16, name="ner", progress=False
    )
    assert lepton_nb.evaluate(run, people).metrics["f1"] > 0.9
    assert lepton_nb.evaluate(run, conll(tmp_path / "more.conll", 30)).metrics["f1"] > 0.9
    run.live.clear()
    assert type(load_model(run)).__name__ == "BertForTokenClassification"
    assert build_package(run).manifest.formats[0] == "onnx"
    service = lepton_nb.deploy(run)
    text = "indeed Ann Bo  lives in Rome."
    [answer] = service.predict(text)
    spans = [(text[span["start"] : span["end"]], span["label"]) for span in answer["spans"]]
    assert spans == [("Ann Bo", "PER"), ("Rome", "LOC")]
    assert lepton_nb.predict(run, text)[0]["spans"][0]["label"] == "PER"


@pytest.mark.slow
def test_the_starter_learns_the_same(people: DataBundle) -> None:
    run = lepton_nb.train(None, people, epochs=15, lr=5e-3, batch_size=16, progress=False)
    assert run.model == "TokenTransformer"
    assert run.best_value is not None
    assert run.best_value > 0.9
    assert np.isfinite(lepton_nb.evaluate(run).metrics["f1"])


def test_the_models_own_tokenizer_moves_the_tags(people: DataBundle, tmp_path: Path) -> None:
    definition = model(f"hf:{save_bert(tmp_path)}", signature=people.signature)
    bundle = people.read_by(definition.tokens)
    inputs, target = bundle.example(2)
    assert target[0, 0] == -100  # [CLS]
    assert int((target[0] >= 0).sum()) == len(bundle.train.raw(0).split())
    assert int(inputs["attention_mask"][0].sum()) == len(bundle.train.raw(0).split()) + 2
