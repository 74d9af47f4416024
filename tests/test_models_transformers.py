"""Models of transformers for texts: read by their own tokenizer, trained, packaged, served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.errors import ModelError
from lepton_nb.magics.catalogue import LIBRARIES
from lepton_nb.models import libraries, model
from lepton_nb.models.spec import ModelSpec
from lepton_nb.packaging import build_package, load_model
from lepton_nb.tasks.texts import load_tokenizer
from tests.pretrained_support import films, save_bert
from tests.training_helpers import same_weights

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("pretrained") / "tiny-bert")


@pytest.fixture
def reviews() -> DataBundle:
    return data.text(films())


def fail(name: str, bundle: DataBundle, **options: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        model(name, signature=bundle.signature, **options)
    return caught.value


def test_the_names_of_the_libraries_are_those_that_tab_and_lines_know() -> None:
    assert tuple(f"{prefix}:" for prefix in libraries.PREFIXES) == LIBRARIES


def test_texts_are_read_by_the_models_own_tokenizer(folder: Path, reviews: DataBundle) -> None:
    definition = model(f"hf:{folder}", signature=reviews.signature)
    bundle = reviews.read_by(definition.tokens)
    ids, mask = bundle.example(1).inputs.values()
    text = bundle.train.raw(0)
    known = load_tokenizer(bundle.signature.preprocessing["tokenizer"])
    assert ids[0, : int(mask.sum())].tolist() == known.encode(text).ids
    assert ids[0, 0] == 2
    assert ids[0, int(mask.sum()) - 1] == 3
    assert bundle.as_trained(bundle.signature) is not reviews
    assert "own tokenizer" in bundle.report.findings[-1].text


def test_a_long_text_keeps_its_end_token(folder: Path, reviews: DataBundle) -> None:
    definition = model(f"hf:{folder}", signature=reviews.signature)
    assert definition.tokens is not None
    assert definition.tokens.longest == 24
    bundle = data.text(films(), max_length=5).read_by(definition.tokens)
    assert bundle.signature.inputs[0].shape == (5,)
    assert bundle.example(1).inputs["input_ids"][0].tolist()[-1] == 3


def test_the_labels_are_the_datas_and_the_head_is_new(folder: Path, reviews: DataBundle) -> None:
    definition = model(f"hf:{folder}", signature=reviews.signature)
    net = definition.build()
    assert net.config.id2label == {0: "neg", 1: "pos"}
    assert definition.name == "tiny_bert"
    assert "classifier" in definition.notes[0]
    rebuilt = ModelSpec.from_dict(json.loads(json.dumps(definition.spec.to_dict()))).build()
    assert rebuilt.state_dict().keys() == net.state_dict().keys()


def test_a_run_trains_resumes_evaluates_and_serves(folder: Path, reviews: DataBundle) -> None:
    run = lepton_nb.train(f"hf:{folder}", reviews, epochs=3, lr=5e-3, name="bert", progress=False)
    trained = run.live["model"].state_dict()
    run.live.clear()
    assert all(torch.equal(trained[key], value) for key, value in load_model(run).state_dict().items())
    assert lepton_nb.evaluate(run, reviews).metrics["accuracy"] > 0.4
    manifest = build_package(run).manifest
    assert manifest.formats[0] == "onnx"
    service = lepton_nb.deploy(run)
    alone = load_model(run)
    bundle = reviews.read_by(model(f"hf:{folder}", signature=reviews.signature).tokens)
    with torch.no_grad():
        logits = alone(**bundle.example(2).inputs).logits
    answers = service.predict([bundle.train.raw(0), bundle.train.raw(1)])
    for answer, row in zip(answers, logits.softmax(1), strict=True):
        assert answer["scores"]["pos"] == pytest.approx(float(row[1]), abs=1e-4)


def test_a_run_goes_on_to_the_same_weights(folder: Path, reviews: DataBundle) -> None:
    whole = lepton_nb.train(f"hf:{folder}", reviews, epochs=2, schedule="constant", progress=False)
    half = lepton_nb.train(f"hf:{folder}", reviews, epochs=1, schedule="constant", progress=False)
    half.live.clear()
    lepton_nb.resume(half, data=reviews, epochs=2, progress=False)
    assert same_weights(load_model(whole, "last"), load_model(half, "last"))


def test_lora_trains_little_and_is_folded_in_for_the_service(folder: Path, reviews: DataBundle) -> None:
    run = lepton_nb.train(f"hf:{folder}", reviews, epochs=2, lora="r=2", name="lora", progress=False)
    net = run.live["model"]
    names = [name for name, parameter in net.named_parameters() if parameter.requires_grad]
    assert {name.split(".")[-3] for name in names if "lora" in name} == {"lora_A", "lora_B"}
    assert [name for name in names if "lora" not in name] == ["classifier.weight", "classifier.bias"]
    run.live.clear()
    assert same_weights(load_model(run, "best"), net)
    package = build_package(run)
    spec = ModelSpec.from_dict(json.loads(package.file("model.json").read_text()))
    assert spec.lora == {}
    assert "lora" not in "".join(spec.build().state_dict())
    assert lepton_nb.predict(run, "a good film")[0]["label"] in ("neg", "pos")


def test_lora_leaves_a_model_of_ones_own_as_it_is(folder: Path, reviews: DataBundle) -> None:
    from transformers import AutoModelForSequenceClassification

    mine = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=2, ignore_mismatched_sizes=True
    )
    before = {key: value.clone() for key, value in mine.state_dict().items()}
    for _ in range(2):
        run = lepton_nb.train(mine, reviews, epochs=1, lora="r=2", progress=False)
    assert all(torch.equal(before[key], value) for key, value in mine.state_dict().items())
    assert run.read_json("model.json")["kind"] == "transformers"
    assert run.read_json("signature.json")["by_name"]


def test_weights_from_a_file_are_its_own_or_refused(
    folder: Path, reviews: DataBundle, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    net = AutoModelForSequenceClassification.from_pretrained(folder)
    torch.save(net.bert.state_dict(), tmp_path / "body.pth")
    torch.save({"layer.weight": torch.ones(2)}, tmp_path / "other.pth")
    loaded = model(f"hf:{folder}", signature=reviews.signature, weights=str(tmp_path / "body.pth")).build()
    assert torch.equal(loaded.bert.pooler.dense.weight, net.bert.pooler.dense.weight)
    error = fail(f"hf:{folder}", reviews, weights=str(tmp_path / "other.pth"))
    assert "does not hold the weights of this BertForSequenceClassification" in error.message


def test_code_beside_weights_is_never_run(reviews: DataBundle, tmp_path: Path) -> None:
    auto = {"AutoConfig": "conf.C", "AutoModelForSequenceClassification": "conf.M"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": auto}))
    (tmp_path / "conf.py").write_text("raise SystemExit('it ran')")
    assert "code of its own, which is not run" in fail(f"hf:{tmp_path}", reviews).message


def test_a_folder_without_a_tokenizer_says_how_to_write_one(
    folder: Path, reviews: DataBundle, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(tmp_path)
    error = fail(f"hf:{tmp_path}", reviews)
    assert "no tokenizer" in error.message
    assert error.hint == f"Write it there: tokenizer.save_pretrained({str(tmp_path)!r})"


ASK = """\
import sys
from lepton_nb.data import text
from lepton_nb.errors import LeptonError
from lepton_nb.models import model
from tests.pretrained_support import films
try:
    print(model(sys.argv[1], signature=text(films()).signature).name)
except LeptonError as error:
    print(error.message, error.hint, sep="|")
"""


def asked(name: str, cache: Path) -> str:
    """What a process without a network says of a name."""
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", ASK, name], capture_output=True, text=True, env=env)
    return done.stdout.strip() or done.stderr


def test_offline_the_cache_is_enough_and_else_a_line_says_how(folder: Path, tmp_path: Path) -> None:
    stored = tmp_path / "models--people--tiny-bert"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text("0" * 40)
    (stored / "snapshots").mkdir()
    (stored / "snapshots" / ("0" * 40)).symlink_to(folder)
    assert asked("hf:people/tiny-bert", tmp_path) == "tiny_bert"
    said = asked("hf:people/other", tmp_path)
    assert said.startswith("people/other is not in the local cache and cannot be downloaded: HF_HUB_OFFLINE")
    assert "hf download people/other --local-dir FOLDER" in said


def test_pictures_are_sent_to_timm(folder: Path) -> None:
    error = fail(f"hf:{folder}", data.digits(limit=20))
    assert "is for texts with classes" in error.message
    assert "timm:NAME" in (error.hint or "")


def test_lines_name_them(folder: Path, reviews: DataBundle) -> None:
    shell = InteractiveShell()
    shell.run_cell("%load_ext lepton_nb")
    shell.user_ns.update(reviews=reviews, tiny_bert=1)
    taken = shell.run_cell(f"%lepton model hf:{folder} --data reviews").error_in_exec
    assert "'tiny_bert' is a variable of yours" in str(taken)
    shell.run_cell(f"%lepton model hf:{folder} --data reviews --name net;").raise_error()
    run = shell.run_cell("%lepton train net --data reviews --epochs 1 --lora r=2;").result
    assert run.read_json("config.json")["lora"] == "r=2"


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ("q=3", "no setting 'q'"),
        ("r=x", "'x', no number"),
        ("r=0", "1 or more"),
        ("r=2,targets=qery", "qery"),
    ],
)
def test_a_slip_in_lora_is_said(lora: str, said: str, folder: Path, reviews: DataBundle) -> None:
    with pytest.raises(lepton_nb.LeptonError, match=said):
        lepton_nb.train(f"hf:{folder}", reviews, epochs=1, lora=lora, progress=False)
