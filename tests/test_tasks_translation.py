"""Sequences to sequences: pairs split by their source, written token by token, served as a stream."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import lepton_nb
from lepton_nb import data
from lepton_nb.batch import cut
from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.data import DataBundle
from lepton_nb.errors import ArgumentError, DataError
from lepton_nb.runs import Run
from lepton_nb.tasks import InputError, get_task
from lepton_nb.tasks.translation.decoding import Search, agreed
from lepton_nb.tasks.translation.learning import TokenLoss, modules_of, torch_graphs
from lepton_nb.tasks.translation.nets import Transformer
from lepton_nb.tasks.translation.task import Translation
from lepton_nb.tasks.translation.tokens import END, PAD, START, ids_of, text_of, train_tokens, vocabulary
from lepton_nb.widgets.observed import Observed
from lepton_nb.widgets.panel_callback import measure

pytest.importorskip("tokenizers")
pytest.importorskip("sacrebleu")

WORDS = ["sun", "moon", "star", "tree", "rain", "snow"]


def toy_pairs(count: int = 1000) -> list[tuple[str, str]]:
    """A language in which every word is said with its letters turned round."""
    draw = random.Random(0)
    sources = sorted({" ".join(draw.choices(WORDS, k=draw.randint(1, 5))) for _ in range(count)})
    return [(source, " ".join(word[::-1] for word in source.split())) for source in sources]


def write(path: Path, pairs: list[tuple[str, ...]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join("\t".join(pair) + "\n" for pair in pairs), "utf-8")
    return path


def tiny(bundle: DataBundle) -> Transformer:
    settings = bundle.signature.preprocessing
    torch.manual_seed(0)
    return Transformer(
        vocabulary(settings["tokenizer"]), settings["max_length"], width=32, heads=2, depth=1, dropout=0.0
    )


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    file = write(tmp_path_factory.mktemp("toy") / "turned.tsv", toy_pairs())
    return data.load(str(file), task="translation", vocab_size=300, beams=3)


@pytest.fixture(scope="module")
def turned(toy: DataBundle, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny model that has learned the toy language."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(tmp_path_factory.mktemp("home")))
        return lepton_nb.train(
            tiny(toy), toy, epochs=12, lr=5e-3, batch_size=32, schedule="one-cycle", name="turned"
        )


# -- data: what is read, what is left out, and where it goes


def read(path: Path, **options: object) -> DataBundle:
    return data.load(str(path), task="translation", vocab_size=300, **options)


def test_a_source_is_in_one_split_whatever_its_case_and_spaces(tmp_path: Path) -> None:
    pairs = [(f"{word} {n}", f"{word}{n}") for n in range(40) for word in WORDS]
    pairs += [(f"{word.upper()}  {n}", f"other {word}{n}") for n in range(40) for word in WORDS]
    bundle = read(write(tmp_path / "pairs.tsv", pairs))
    seen = {
        name: {" ".join(split.raw(i).casefold().split()) for i in range(len(split))}
        for name, split in bundle.splits.items()
    }
    assert set(seen) == {"train", "val", "test"}
    assert not seen["train"] & seen["val"]
    assert not (seen["train"] | seen["val"]) & seen["test"]
    assert len(bundle.split("test")) == len(seen["test"])  # an item is a source there, with all its targets
    _, target = bundle.example(4, "test")
    assert target.shape[:2] == (4, 2)
    assert (target[:, 1, 0] != PAD).all()
    assert bundle.example(4).target.shape[1] == 1


def test_lines_that_cannot_be_used_are_named_counted_and_left_out(tmp_path: Path) -> None:
    good = b"".join(f"{s}\t{t}\tby somebody\n".encode() for s, t in toy_pairs())
    bad = b"\tnothing to translate\nno other side\nan empty one\t \n\xff\xfe\tbroken\n"
    file = tmp_path / "pairs.tsv"
    file.write_bytes(
        b"en\tfr\n" + good + bad + b"x" * 10_000_000 + b"\tlong\n" + good[:40].split(b"\n")[0] + b"\n"
    )
    bundle = read(file)
    report, line = str(bundle.report), good.count(b"\n") + 2
    assert "'en' and 'fr', names the columns" in report
    assert "more than two columns: only the first two are read" in report
    assert f"2 lines with an empty side left out.\n      pairs.tsv, line {line:,}\n" in report
    assert f"without a tab, so with one side only, left out.\n      pairs.tsv, line {line + 1:,}" in report
    assert f"not UTF-8 left out.\n      pairs.tsv, line {line + 3:,}: b'\\xff'" in report
    assert f"line {line + 4:,}: 10,000,000 bytes" in report
    assert "1 pair there twice: taken once" in report
    assert sum(bundle.report.sizes.values()) == good.count(b"\n")


def test_two_files_line_by_line(tmp_path: Path) -> None:
    pairs = toy_pairs()
    left = write(tmp_path / "words.en", [(source,) for source, _ in pairs])
    right = write(tmp_path / "words.ne", [(target,) for _, target in pairs])
    whole = read(write(tmp_path / "words.tsv", pairs))
    bundle = read(left, targets=str(right))
    assert [len(s) for s in bundle.splits.values()] == [len(s) for s in whole.splits.values()]
    assert torch.equal(bundle.example(5).target, whole.example(5).target)
    write(right, [("only one",)])
    with pytest.raises(DataError, match=rf"words.en has {len(pairs)} lines and words.ne 1: which belong"):
        read(left, targets=str(right))


def test_a_folder_of_files_has_the_splits_that_their_names_say(tmp_path: Path) -> None:
    pairs = toy_pairs()
    parts = {"train": pairs[:300], "valid": pairs[300:350], "test": [*pairs[350:400], pairs[0]]}
    for name, rows in parts.items():
        write(tmp_path / f"{name}.tsv", rows)
        write(tmp_path / "two" / f"{name}.en", [(source,) for source, _ in rows])
        write(tmp_path / "two" / f"{name}.ne", [(target,) for _, target in rows])
    bundle = data.load(str(tmp_path), vocab_size=300)
    assert bundle.signature.task == "translation"
    assert bundle.report.sizes == {"train": 299, "val": 50, "test": 51}
    assert "1 source of train also in test: removed from train" in str(bundle.report)
    assert "train.tsv, line 1 = test.tsv, line 51" in str(bundle.report)
    two = data.load(str(tmp_path / "two"), targets="ne", vocab_size=300)
    assert two.fingerprint == bundle.fingerprint
    assert data.from_spec(two.spec).fingerprint == bundle.fingerprint
    with pytest.raises(DataError, match=r"train.en and train.ne is translated into which") as caught:
        data.load(str(tmp_path / "two"), task="translation")
    assert "targets='ne'" in str(caught.value.hint)
    (tmp_path / "valid.tsv").unlink()
    assert data.load(str(tmp_path), vocab_size=300).report.sizes["test"] == 51
    with pytest.raises(DataError, match=r"has no train\.tsv"):
        data.pairs(str(tmp_path.parent))


def test_two_files_are_found_again_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = write(tmp_path / "words.en", [(source,) for source, _ in toy_pairs()])
    write(tmp_path / "words.ne", [(target,) for _, target in toy_pairs()])
    monkeypatch.chdir(tmp_path)
    bundle = data.pairs("words.en", targets="words.ne", vocab_size=300)
    assert data.load((left, "words.ne"), vocab_size=300).fingerprint == bundle.fingerprint
    monkeypatch.chdir("/")
    assert data.from_spec(bundle.spec).fingerprint == bundle.fingerprint


def test_pairs_are_told_from_labelled_texts(tmp_path: Path) -> None:
    pairs = data.load(str(write(tmp_path / "pairs.tsv", toy_pairs())))
    assert pairs.signature.task == "translation"
    shared = data.load(
        str(write(tmp_path / "noted.tsv", [(*pair, f"line {n}") for n, pair in enumerate(toy_pairs())]))
    )
    assert shared.signature.task == "translation"
    labelled = [(source, "long" if len(source) > 12 else "short") for source, _ in toy_pairs()]
    texts = data.load(str(write(tmp_path / "texts.tsv", labelled)))
    assert texts.signature.task == "text-classification"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "holds no pairs"), (b"one side\nanother\n", "holds no pairs of sentences. 2 lines without a tab")],
)
def test_a_file_without_pairs(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "pairs.tsv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "pairs.tsv")


def test_longer_pairs_are_left_out_and_named(tmp_path: Path) -> None:
    bundle = read(write(tmp_path / "pairs.tsv", toy_pairs()), max_length=4)
    assert "pairs of train longer than that left out" in str(bundle.report)
    assert max(t.shape[2] for _, t in bundle.loader("train", batch_size=64).batches(0)) <= 4
    with pytest.raises(DataError, match="max_length is 1; it is a whole number from 2"):
        read(tmp_path / "pairs.tsv", max_length=1)


def test_data_comes_back_from_its_spec_the_same(toy: DataBundle) -> None:
    assert toy.spec is not None
    again = data.from_spec(toy.spec)
    assert again.fingerprint == toy.fingerprint
    assert again.signature == toy.signature


def test_batches_are_of_like_lengths_and_follow_from_seed_and_epoch(toy: DataBundle) -> None:
    def batches(epoch: int, seed: int = 0, start: int = 0) -> list[Tensor]:
        loader = toy.loader("train", batch_size=16, seed=seed)
        return [inputs["source"] for inputs, _ in loader.batches(epoch, start)]

    def same(some: list[Tensor], others: list[Tensor]) -> bool:
        return len(some) == len(others) and all(map(torch.equal, some, others))

    first = batches(0)
    assert same(first, batches(0))
    assert same(first[3:], batches(0, start=3))
    assert not same(first, batches(1))
    assert not same(first, batches(0, seed=1))
    padding = sum(int((ids == PAD).sum()) for ids in first) / sum(ids.numel() for ids in first)
    shuffled = [toy.train.sources[i] for i in range(len(toy.train))]
    width = max(map(len, shuffled))
    assert padding < (1 - np.mean([len(ids) for ids in shuffled]) / width) / 2
    assert sum(map(len, first)) == len(toy.train)


def test_every_text_comes_back_from_its_ids() -> None:
    tokenizer = train_tokens(["some words", "a few more words"], 300)
    for text in ("<s> </s> <pad>", "Ça va ? 😀 日本", "a  b\nc", "\x00"):
        (ids,) = ids_of([text], tokenizer)
        assert ids[-1] == END
        assert min(ids[:-1]) > END
        assert text_of(ids, tokenizer) == text.strip()
    assert max(ids_of(["Ça va 😀 words"], tokenizer)[0]) < vocabulary(tokenizer)


# -- learning


def test_the_loss_of_a_batch_is_that_of_its_pieces(toy: DataBundle) -> None:
    model, loss = tiny(toy), TokenLoss(0.1)
    batch = toy.example(7)
    whole = loss(model(**batch.inputs), batch.target)
    pieces = [(loss(model(**p.inputs), p.target), p.items) for p in cut(batch, 3)]
    assert torch.allclose(whole, sum(value * items for value, items in pieces) / 7)
    longer = torch.nn.functional.pad(batch.target, (0, 3))
    assert torch.equal(loss(model(**batch.inputs), longer), whole)  # padding says nothing


def test_the_starter_can_be_made_again_in_another_process(toy: DataBundle) -> None:
    starters = toy.task.starters()
    definition = lepton_nb.model("Transformer", signature=toy.signature, starters=starters)
    assert definition.spec.kind != "live"
    again = definition.spec.build()
    assert [p.shape for p in again.parameters()] == [p.shape for p in definition.build().parameters()]


def test_it_learns_the_toy_language_and_says_how(turned: Run, toy: DataBundle) -> None:
    found = lepton_nb.evaluate((turned.live["model"], toy))
    assert found.metrics["exact"] > 0.9
    assert found.metrics["chrf"] > 95
    assert set(turned.history()) >= {"val_chrf", "val_token_accuracy", "val_loss"}
    log = (turned.path / "log.txt").read_text()
    source = toy.split("val").raw(0)
    assert f"{source} → " in log
    assert f"({' '.join(w[::-1] for w in source.split())})" in log


class Spoiled(Callback):
    """Takes the weights away that training goes on from, once the average of the last step is made."""

    def on_epoch_end(self, state: TrainState) -> None:
        self.shown = measure(state)["samples"]

    def on_step_end(self, state: TrainState) -> None:
        if state.step == state.steps_per_epoch:
            with torch.no_grad():
                for parameter in state.model.parameters():
                    parameter.zero_()


def test_samples_are_of_the_weights_that_are_measured(
    turned: Run, toy: DataBundle, lepton_home: Path
) -> None:
    model, watch = copy.deepcopy(turned.live["model"]), Spoiled()
    settings = {"epochs": 1, "lr": 1e-9, "batch_size": 32, "ema": 0.9, "restore_best": False}
    run = lepton_nb.train(model, toy, callbacks=[watch], **settings)
    source = toy.split("val").raw(0)
    said = " ".join(word[::-1] for word in source.split())
    assert watch.shown[0] == f"{source} → {said}   ({said})"
    assert f"  {watch.shown[0]}\n" in (run.path / "log.txt").read_text()
    assert Observed(run).samples == watch.shown


def test_other_pairs_are_read_in_the_tokens_of_the_run(turned: Run, toy: DataBundle, tmp_path: Path) -> None:
    few = [pair for pair in toy_pairs() if pair[0].startswith("snow")][:9]
    file = write(tmp_path / "few.tsv", [*few, ("sun " * 40, "nus " * 40)])
    found = lepton_nb.evaluate(turned, str(file))
    assert len(found.target) == 9
    assert found.metrics["exact"] > 0.7
    assert any("1 pair of test longer than that left out" in note for note in found.notes)
    sources, targets = (list(sides) for sides in zip(*few, strict=True))
    files = (
        write(tmp_path / "few.en", [(s,) for s in sources]),
        write(tmp_path / "few.ne", [(t,) for t in targets]),
    )
    for given in (files, (sources, targets)):
        assert lepton_nb.evaluate(turned, given).metrics == pytest.approx(found.metrics)
    write(tmp_path / "parts" / "train.tsv", toy_pairs()[:20])
    write(tmp_path / "parts" / "test.tsv", few)
    assert lepton_nb.evaluate(turned, tmp_path / "parts").metrics == pytest.approx(found.metrics)
    with pytest.raises(DataError, match="has no split 'val'; it has 'train', 'test'"):
        lepton_nb.evaluate(turned, tmp_path / "parts", split="val")
    with pytest.raises(DataError, match="There are 9 sources and 8 targets"):
        lepton_nb.evaluate(turned, (sources, targets[1:]))
    with pytest.raises(DataError, match="prepared otherwise") as raised:
        lepton_nb.evaluate(
            turned, data.load(str(write(tmp_path / "other.tsv", toy_pairs(300))), vocab_size=310)
        )
    assert "Give the file itself" in str(raised.value.hint)


def test_an_evaluation_shows_mistakes_with_all_references_and_attention(
    tmp_path: Path, toy: DataBundle
) -> None:
    torch.manual_seed(0)
    found = lepton_nb.evaluate((tiny(toy), toy))
    worst = found.worst(1)[0]
    assert worst.input
    assert worst.truth == " ".join(word[::-1] for word in worst.input.split())
    assert found.figure_names == ["attention", "worst"]
    found.save(tmp_path)
    assert (tmp_path / "attention.png").stat().st_size > 1000
    assert "source" not in found.predictions().columns
    assert len(found.predictions()) == len(toy.split("test"))


def test_scores_are_against_every_reference_there_is() -> None:
    from lepton_nb.tasks.translation.measures import corpus_scores, sentence_errors

    references = [["Va !", "Marche."], ["Salut.", "Bonjour.", "Bonsoir à tous."]]
    assert corpus_scores(["Marche.", "Bonsoir à tous."], references)["chrf"] == pytest.approx(100)
    assert corpus_scores(["Va !", "Bonne nuit"], references)["chrf"] < 80
    assert sentence_errors(["Marche.", "Bonne nuit"], references)[0] == 0
    assert 0 < sentence_errors(["Va!", "x"], references)[0] < sentence_errors(["Va!", "x"], references)[1]


class Recurrent(nn.Module):
    """A model of somebody's own: it has nothing but forward."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(size, 48)
        self.reader = nn.GRU(48, 48, batch_first=True)
        self.writer = nn.GRU(48, 48, batch_first=True)
        self.head = nn.Linear(48, size)

    def forward(self, source: Tensor, before: Tensor) -> Tensor:
        _, state = self.reader(self.tokens(source))
        return self.head(self.writer(self.tokens(before), state)[0])


def test_a_model_with_nothing_but_forward_is_trained_and_measured(toy: DataBundle, lepton_home: Path) -> None:
    size = vocabulary(toy.signature.preprocessing["tokenizer"])
    run = lepton_nb.train(Recurrent(size), toy, epochs=2, lr=1e-2, batch_size=32)
    assert list(modules_of(run.live["model"])) == ["model"]
    found = lepton_nb.evaluate((run.live["model"], toy))
    assert 0 < found.metrics["chrf"] <= 100
    assert found.figure_names == ["worst"]


# -- writing token by token


class Table:
    """Next tokens by a table of log-probabilities, to search by hand."""

    def __init__(self, table: dict[tuple[int, ...], dict[int, float]], size: int) -> None:
        self.table, self.size = table, size

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        found = np.full((len(tokens), self.size), -50.0)
        for row, sequence in zip(found, tokens.tolist(), strict=True):
            for token, chance in self.table.get(tuple(t for t in sequence[1:]), {END: 1.0}).items():
                row[token] = np.log(chance)
        return found

    def keep(self, rows: np.ndarray) -> None:
        pass


def searched(beams: int, begun: list[list[int]] | None = None) -> Search:
    table = {(): {3: 0.6, 4: 0.4}, (3,): {5: 0.5, END: 0.5}, (4,): {5: 0.99, 3: 0.01}, (4, 5): {END: 1.0}}
    return Search(Table(table, 6), np.array(begun or [[START]]), beams, 5).finished()


def test_beams_find_what_the_greedy_choice_misses() -> None:
    greedy, beam = searched(1), searched(3)
    assert greedy.answers[0].tolist()[:2] == [3, 5] or greedy.answers[0].tolist()[:2] == [3, END]
    assert beam.answers[0].tolist() == [4, 5, END, PAD, PAD]
    assert beam.scores[0] == pytest.approx((np.log(0.4) + np.log(0.99)) / 3, abs=1e-5)
    assert beam.scores[0] > greedy.scores[0]


def test_an_answer_can_be_begun() -> None:
    assert searched(1, [[START, 4], [START, PAD]]).answers[:, 0].tolist() == [4, 3]


def test_of_several_hypotheses_only_what_they_agree_on_is_sure() -> None:
    assert agreed(np.array([[START, 3, 4, 5], [START, 3, 5, 5]])).tolist() == [3]
    assert agreed(np.array([[START, 3, 4]])).tolist() == [3, 4]


def test_beams_score_at_least_as_well_and_batches_change_no_answer(toy: DataBundle) -> None:
    torch.manual_seed(0)
    model = tiny(toy).eval()
    codec = Translation().codec(toy.signature)
    inputs = codec.prepare([toy.split("test").raw(i) for i in range(20)])
    scores = {}
    for beams in (1, 4):
        search = codec.search(torch_graphs(model), inputs, beams).finished()
        scores[beams] = search.scores
        for item in (0, 7):
            alone = codec.prepare(toy.split("test").raw(item))
            one = codec.search(torch_graphs(model), alone, beams).finished()
            assert one.answers[0].tolist() == search.answers[item].tolist()
    assert scores[4].mean() > scores[1].mean()


def test_a_step_with_what_is_remembered_gives_the_logits_of_the_whole(toy: DataBundle) -> None:
    model = tiny(toy).eval()
    inputs, _ = toy.example(3)
    modules = modules_of(model)
    whole = model(**inputs)
    memory = modules["encode"](inputs["source"])
    cache = memory[:, :, :, :0]
    for at, token in enumerate(inputs["before"].split(1, 1)):
        logits, cache = modules["step"](inputs["source"], memory, token, cache)
        assert torch.allclose(logits, whole[:, at], atol=1e-5)


# -- the service


def test_requests_and_what_is_wrong_with_them(toy: DataBundle) -> None:
    codec = get_task("translation").codec(toy.signature)
    source, begun = codec.decode_json({"texts": ["sun moon", "tree"]})
    assert source.shape[0] == 2
    assert source.dtype == np.int64
    assert begun.tolist() == [[START], [START]]
    assert codec.decode_bytes(b"tree", "text/plain")[0][0, 0] == source[1, 0]
    for body, message in (
        ({"text": ""}, "'text' is empty"),
        ({"text": 3}, "must be a string, got a number"),
        ({"words": "sun"}, "unknown key 'words'"),
        ({"text": "sun " * 50}, "tokens long, this model reads up to"),
        ({"text": "sun " * 90_000}, "the text is 360,000 characters long"),
        ({"text": "sun " * 2_500_000}, "'text' is 10,000,000 characters long"),
        (
            {"inputs": {"source": [[5, 999]], "before": [[START]]}},
            r"inputs\[0\]\[1\] is 999, expected a token id",
        ),
        ({"inputs": {"source": [[5, 2]], "before": [[7]]}}, r"before\[0\] is to have 1, the start, first"),
        ({"inputs": {"source": [[0, 0]], "before": [[START]]}}, r"source\[0\] is to have a token"),
        ({"inputs": {"source": [[5] * 50], "before": [[START]]}}, "are 50 and 1 tokens long, expected up to"),
    ):
        with pytest.raises(InputError, match=message):
            codec.decode_json(body)
    with pytest.raises(InputError) as raised:
        codec.decode_json({"texts": ["sun", "sun " * 50]})
    assert raised.value.index == 1


def test_what_is_streamed_is_the_answer_word_by_word(turned: Run, toy: DataBundle) -> None:
    graphs = torch_graphs(turned.live["model"])
    for beams, least in ((1, 4), (3, 2)):
        codec = get_task("translation").codec(
            replace(toy.signature, target={"name": "target", "beams": beams})
        )
        inputs = codec.prepare("sun moon tree rain")
        (answer,) = codec.encode(codec.run(graphs, inputs))
        pieces = list(codec.stream(graphs, inputs))
        assert answer["text"] == "nus noom eert niar"
        assert 0.5 < answer["score"] <= 1
        assert "".join(pieces) == answer["text"]
        assert len(pieces) >= least


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_deployed_model_answers_and_streams_from_two_graphs(
    turned: Run, toy: DataBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPTON_HOME", str(turned.store.root))
    service = lepton_nb.deploy(turned, name="turned")
    try:
        text = "sun moon tree rain"
        (said,) = service.predict(text)
        (here,) = lepton_nb.predict(turned, text)
        assert said["text"] == here["text"] == "nus noom eert niar"
        assert said["score"] == pytest.approx(here["score"], abs=1e-4)
        held_out = toy.split("test")
        texts = [held_out.raw(i) for i in range(len(held_out))]
        answers = [answer["text"] for answer in service.predict(texts)]
        task = get_task("translation")
        expected = task.answer(turned.live["model"], toy.example(len(texts), "test"), toy.signature)
        assert answers == task.describe(expected.numpy(), toy.signature)
        headers = {"Authorization": f"Bearer {service.token}", "Accept": "application/x-ndjson"}
        lines = httpx.post(f"{service.url}/predict", json={"text": text}, headers=headers).text.splitlines()
        *pieces, whole = map(json.loads, lines)
        assert "".join(piece["piece"] for piece in pieces) == said["text"]
        assert len(pieces) > 1
        assert whole["predictions"] == [said]
        assert list(service.stream(text)) == [piece["piece"] for piece in pieces]
        for wrong, message in (
            (["sun", "moon"], "2 inputs are given"),
            ("sun " * 50, "This is not an input of the model"),
        ):
            with pytest.raises(ArgumentError, match=message):
                service.stream(wrong)
    finally:
        service.stop()


@pytest.mark.slow
def test_a_slice_of_english_and_french(shared_data: Path, lepton_home: Path) -> None:
    bundle = data.load(str(shared_data / "eng-fra.tsv"), task="translation", limit=800)
    assert "5,000 lines with more than two columns" in str(bundle.report)
    run = lepton_nb.train("Transformer", bundle, epochs=4, batch_size=32, recipe="translation")
    found = lepton_nb.evaluate(run)
    assert 5 < found.metrics["chrf"] < 60
    assert any(" | " in mistake.truth for mistake in found.worst(20))
