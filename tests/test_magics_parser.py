"""Reading a `%lepton` line: words, options, mistakes and help."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lepton_nb import magics
from lepton_nb.errors import ArgumentError
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.parser import HelpShown, find_subparsers, split_line
from lepton_nb.magics.settings import given_settings
from lepton_nb.training import TrainConfig


@pytest.mark.parametrize(
    ("line", "words", "quiet"),
    [
        ("train net --lr 0.1", ["train", "net", "--lr", "0.1"], False),
        ("runs;", ["runs"], True),
        ("  runs ;  ", ["runs"], True),
        ("predict a 'two words'", ["predict", "a", "two words"], False),
        ('predict a "it\'s \\"good\\""', ["predict", "a", 'it\'s "good"'], False),
        ('predict a {"x": [1, 2], "y": "a b"}', ["predict", "a", '{"x": [1, 2], "y": "a b"}'], False),
        (r"data d --from C:\photos\cats", ["data", "d", "--from", r"C:\photos\cats"], False),
        ("", [], False),
    ],
)
def test_a_line_splits_into_words(line: str, words: list[str], quiet: bool) -> None:
    assert split_line(line) == (words, quiet)


@pytest.mark.parametrize("line", ["predict a it's good", 'data d --from "a b'])
def test_an_open_quote_is_named(line: str) -> None:
    with pytest.raises(ArgumentError, match="quote is not closed"):
        split_line(line)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("trian net", "%lepton has no command 'trian'.", "Did you mean %lepton train?"),
        ("xyzzy", "%lepton has no command 'xyzzy'.", "There is data, model, train"),
        ("train net --epoch 3", "%lepton train has no option --epoch.", "Did you mean --epochs?"),
        ("train net --batchsize=3", "%lepton train has no option --batchsize.", "Did you mean --batch-size?"),
        (
            "train net --schedule cosin",
            "--schedule is 'cosin'; expected one of cosine,",
            "Did you mean cosine?",
        ),
        ("train net --epochs ten", "--epochs: 'ten' is not a whole number.", "Usage: %lepton train MODEL"),
        ("train net --epochs 2.5", "'2.5' is not a whole number.", "Usage"),
        ("train net --lr fast", "--lr: 'fast' is not a number.", "Usage"),
        ("train net --epochs", "--epochs: expected one argument.", "Usage"),
        ("evaluate", "%lepton evaluate: RUN is missing.", "Usage: %lepton evaluate RUN"),
        ("evaluate a b", "takes no further argument; got 'b'.", "Usage: %lepton evaluate RUN"),
        (
            "evaluate a --split tset",
            "--split is 'tset'; expected one of train, val, test.",
            "Did you mean test?",
        ),
    ],
)
def test_a_mistake_is_explained_in_two_lines(line: str, message: str, hint: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        build_parser().parse_line(split_line(line)[0])
    assert message in caught.value.message
    assert caught.value.hint is not None
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


def test_every_setting_of_training_is_an_option() -> None:
    given = {
        "epochs": ("3", 3),
        "batch_size": ("1e3", 1000),
        "lr": ("1e-2", 0.01),
        "optimizer": ("sgd", "sgd"),
        "schedule": ("one-cycle", "one-cycle"),
        "warmup": ("0.1", 0.1),
        "drop": ("0.5", 0.5),
        "drop_after": ("2", 2),
        "weight_decay": ("0", 0.0),
        "momentum": ("0.8", 0.8),
        "clip": ("1", 1.0),
        "accumulation": ("2", 2),
        "freeze": ("layer1,layer2", "layer1,layer2"),
        "unfreeze_at": ("2", 2),
        "lr_decay": ("0.8", 0.8),
        "mixup": ("0.2", 0.2),
        "cutmix": ("1", 1.0),
        "ema": ("0.99", 0.99),
        "swa": ("0.25", 0.25),
        "label_smoothing": ("0.1", 0.1),
        "class_weights": ("balanced", "balanced"),
        "precision": ("bf16", "bf16"),
        "on_nan": ("skip", "skip"),
        "profile": (None, True),
        "channels_last": (None, True),
        "autotune": ("speed", "speed"),
        "compile": (None, True),
        "device": ("cpu", "cpu"),
        "seed": ("7", 7),
        "scheduler_by": ("step", "step"),
        "monitor": ("auroc", "auroc"),
        "patience": ("4", 4),
        "sink": ("tensorboard:logs", "tensorboard:logs"),
        "checkpoint_every": ("5", 5.0),
        "keep": ("3", 3),
        "keep_best": ("2", 2),
        "disk_budget": ("0.5", 0.5),
        "restore_best": (False, False),
    }
    assert set(given) == {field.name for field in dataclasses.fields(TrainConfig)}
    words = ["train", "net"]
    for name, (text, _) in given.items():
        flag = name.replace("_", "-")
        words += (
            [f"--{flag}"] if text is None else [f"--no-{flag}"] if text is False else [f"--{flag}", str(text)]
        )
    settings = given_settings(build_parser().parse_line(words))
    assert settings == {name: value for name, (_, value) in given.items()}
    del settings["swa"]  # it excludes ema
    assert TrainConfig.from_options(settings).batch_size == 1000


def test_settings_that_are_not_given_are_left_to_the_config() -> None:
    assert given_settings(build_parser().parse_line(["train", "net"])) == {}


def test_help_shows_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HelpShown):
        build_parser().parse_line(["train", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: %lepton train MODEL --data D")
    for field in dataclasses.fields(TrainConfig):
        assert f"--{field.name.replace('_', '-')}" in text
        assert str(field.metadata["doc"]).split()[0] in text
    assert "(default: 64)" in text
    assert "(default: cosine)" in text
    assert max(map(len, text.splitlines())) <= 96


def test_every_command_has_help_with_an_example_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    parser = build_parser()
    overview = parser.format_help()
    for name in find_subparsers(parser):
        with pytest.raises(HelpShown):
            parser.parse_line([name, "-h"])
        text = capsys.readouterr().out
        assert f"%lepton {name}" in text.splitlines()[0]
        assert f"  {name} " in overview


def test_every_file_with_a_parser_is_a_command() -> None:
    folder = Path(magics.__file__).parent
    written = {path.stem for path in folder.glob("*.py") if "\ndef add_parser(" in path.read_text()}
    assert {name.replace("-", "_") for name in find_subparsers(build_parser())} == written
