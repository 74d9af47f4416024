"""Sentences as model inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.texts import encode_texts

WORDS = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "film": 4, "a": 5}


@pytest.fixture
def signature() -> Signature:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=9)  # must not leak into ours
    return Signature(
        "text-classification",
        (TensorSpec("input_ids", "int64", (4,)),),
        TensorSpec("logits", "float32", (2,)),
        ("negative", "positive"),
        {"kind": "text", "tokenizer": tokenizer.to_str(), "max_length": 4, "pad_id": 0},
    )


@pytest.fixture
def codec(signature: Signature) -> Codec:
    return get_task(signature.task).codec(signature)


def test_texts_are_cut_and_padded_to_the_length(signature: Signature) -> None:
    batch = encode_texts(["a good film", "bad", "a a a a bad", "", "strange"], signature.preprocessing)
    assert batch.dtype == np.int64
    assert batch.tolist() == [[5, 2, 4, 0], [3, 0, 0, 0], [5, 5, 5, 5], [0, 0, 0, 0], [1, 0, 0, 0]]


def test_every_form_of_a_text_gives_the_same_input(codec: Codec, tmp_path: Path) -> None:
    path = tmp_path / "review.txt"
    path.write_text("a good film", encoding="utf-8")
    batches = [codec.prepare(v)[0] for v in ("a good film", ["a good film"], path, {"text": "a good film"})]
    batches += [
        codec.decode_json({"texts": ["a good film"]})[0],
        codec.decode_json({"inputs": [5, 2, 4, 0]})[0],
        codec.decode_bytes(b"a good film", "text/plain")[0],
        codec.decode_bytes(b"\xef\xbb\xbfa good film", "text/plain")[0],
        codec.prepare(np.array([[5, 2, 4, 0]]))[0],
    ]
    assert all(batch.tolist() == [[5, 2, 4, 0]] for batch in batches)


@pytest.mark.parametrize(
    ("body", "message", "index"),
    [
        ({"text": 3}, "'text' must be a string, got a number", None),
        ({"text": ["a"]}, "'text' must be a string, got a list", None),
        ({"text": "  "}, "'text' is empty", None),
        ({"text": "a \ud800"}, "'text' holds half a surrogate pair at position 2", None),
        ({"texts": []}, "'texts' is empty", None),
        ({"texts": "a"}, "'texts' must be a list, got a string", None),
        ({"texts": ["a", None]}, r"'texts\[1\]' must be a string, got null", 1),
        ({"inputs": [[5, 2, 4, 6]]}, r"inputs\[0\]\[3\] is 6, expected a token id from 0 to 5", 0),
        ({"inputs": [[0, 0, 0, 0], [-1, 0, 0, 0]]}, r"inputs\[1\]\[0\] is -1", 1),
        ({"inputs": [[5, 2]]}, r"has the shape \(1, 2\), expected \(N, 4\)", None),
        ({"sentence": "a"}, "unknown key 'sentence'", None),
    ],
)
def test_a_wrong_request_says_what_and_where(
    codec: Codec, body: dict[str, Any], message: str, index: int | None
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        codec.decode_json(body)
    assert caught.value.index == index


def test_bytes_that_are_not_utf8_are_refused(codec: Codec) -> None:
    with pytest.raises(InputError, match="not UTF-8: byte 3 is 0xff"):
        codec.decode_bytes(b"a b\xff", "text/plain")


def test_the_example_fits_the_schema_and_decodes(codec: Codec) -> None:
    jsonschema.Draft202012Validator.check_schema(codec.request_schema())
    jsonschema.validate(codec.example(), codec.request_schema())
    assert codec.decode_json(codec.example())[0].shape == (1, 4)


def test_the_starters_fit_the_vocabulary(signature: Signature) -> None:
    import torch

    ids = torch.tensor([[5, 2, 4, 0], [3, 0, 0, 0]])
    for build in get_task("text-classification").starters().values():
        assert build(signature)(ids).shape == (2, 2)


def test_a_starter_without_a_tokenizer_explains_itself(signature: Signature) -> None:
    bare = Signature(signature.task, signature.inputs, signature.output, signature.class_names)
    with pytest.raises(ModelError, match="need the tokenizer"):
        get_task("text-classification").starters()["BagOfEmbeddings"](bare)
