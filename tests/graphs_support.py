"""What tests of graphs share: tasks as another package brings them, a model that takes and gives names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.signature import Signature, TensorSpec

TASKS = '''
import io
import time
import wave

import numpy as np

from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.answers import RawAnswers
from lepton_nb.tasks.base import Form, GraphSpec, InputError, Media
from lepton_nb.tasks.bodies import media_schema, request_schema
from lepton_nb.tasks.generic import Generic
from lepton_nb.tasks.tensors import NPY, TensorCodec


class Letters(TensorCodec):
    """Takes {"text": "abc"} and lists of them, of any length."""

    kind = "letters"
    form = Form("text", "text", ("text/plain", NPY), answer="text")

    def __init__(self, signature):
        super().__init__(signature, RawAnswers(signature))
        self.forms = {"text": lambda text: self.read([text]), "texts": self.read, **self.forms}

    @property
    def answer_kind(self):
        return self.form.answer

    def prepare(self, value):
        if isinstance(value, str):
            return self.read([value])
        return super().prepare(value)

    def read(self, texts):
        if not all(isinstance(text, str) and text for text in texts):
            raise InputError("'text' must be letters")
        ids = np.zeros((len(texts), max(map(len, texts))), np.int64)
        for row, text in zip(ids, texts):
            row[: len(text)] = [ord(letter) % 8 + 1 for letter in text]
        return (ids,)

    def decode_bytes(self, body, media_type):
        if media_type == "text/plain":
            return self.read([body.decode()])
        return super().decode_bytes(body, media_type)

    def request_schema(self):
        text = {"type": "string"}
        texts = {"type": "array", "items": text}
        return request_schema({"text": text, "texts": texts, "inputs": self.inputs_schema()})

    def example(self):
        return {"text": "abc"}


class SpellingCodec(Letters):
    """Greedy decoding: one letter a step, until all have ended."""

    def steps(self, graphs, ids):
        (memory,) = graphs["encode"]((ids,))
        said = np.ones((len(ids), 1), np.int64)
        for step in range(self.signature.preprocessing["steps"]):
            (logits,) = graphs["step"]((memory, said))
            said = np.concatenate([said, logits[:, -1].argmax(-1)[:, None]], axis=1)
            yield said

    def run(self, graphs, inputs):
        *_, said = self.steps(graphs, inputs[0])
        return (said,)

    def stream(self, graphs, inputs):
        for said in self.steps(graphs, inputs[0]):
            time.sleep(self.signature.preprocessing["pause"])
            yield chr(96 + said[0, -1])
        return (said,)

    def encode(self, outputs):
        return [{"text": "".join(chr(96 + i) for i in row[1:])} for row in outputs[0].tolist()]

    def answer_schema(self):
        return {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


class Spelling(Generic):
    name = "spelling"

    def codec(self, signature):
        return SpellingCodec(signature)

    def graphs(self, model, signature, example):
        import torch

        with torch.no_grad():
            memory = model.encoder(example[0])
        said = torch.ones(len(memory), 3, dtype=torch.int64)
        of_memory = TensorSpec("memory", "float32", tuple(memory.shape[1:]))
        return {
            "encode": GraphSpec(model.encoder, signature.inputs, (of_memory,), example),
            "step": GraphSpec(
                model.decoder,
                (of_memory, TensorSpec("said", "int64", (None,))),
                (TensorSpec("logits", "float32", (None, 9)),),
                (memory, said),
            ),
        }


class ToneCodec(Letters):
    form = Form("text", "text", ("text/plain", NPY), answer="media")

    def encode(self, outputs):
        return [Media(wav(row), "audio/wav") for row in outputs[0]]

    def answer_schema(self):
        return media_schema("audio/wav")


class Tone(Generic):
    name = "tone"

    def codec(self, signature):
        return ToneCodec(signature)


def wav(samples):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()
'''

SPELLER = """\
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding(9, 8, padding_idx=0)

    def forward(self, ids):
        return self.letters(ids).sum(1)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters, self.out = nn.Embedding(9, 8), nn.Linear(8, 9)

    def forward(self, memory, said):
        return self.out(torch.tanh(self.letters(said).cumsum(1) + memory[:, None]))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, ids, said):
        return self.decoder(self.encoder(ids), said)
"""
BRANCHING_SPELLER = SPELLER.replace(
    "return self.letters(ids).sum(1)",
    "return self.letters(ids).sum(1) if int(ids.sum()) > 0 else self.letters(ids).mean(1)",
)

SINGER = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters, self.out = nn.Embedding(9, 8, padding_idx=0), nn.Linear(8, 40)

    def forward(self, ids):
        return torch.tanh(self.out(self.letters(ids).sum(1)))
"""

TWINS = """\
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Output:
    logits: Tensor
    ids: Tensor
    loss: Tensor | None = None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, mask, x):
        logits = self.fc(x) * mask
        return Output(logits, logits.argmax(-1))
"""

MASKED = """\
from collections import OrderedDict

import torch
from torch import nn


class ModelOutput(OrderedDict):
    pass


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Embedding(9, 8), nn.Linear(8, 2)

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        seen = self.words(input_ids) * attention_mask[..., None]
        logits = self.out(seen.sum(1) / attention_mask.sum(1, keepdim=True))
        loss = {} if labels is None else {"loss": nn.functional.cross_entropy(logits, labels)}
        return ModelOutput(**loss, logits=logits, hidden_states=(seen,))
"""

IDS = TensorSpec("ids", "int64", (None,), pad=0)
SPELLING = Signature(
    "spelling",
    (IDS,),
    TensorSpec("said", "int64", (None,), pad=0),
    preprocessing={"kind": "letters", "steps": 5, "pause": 0.0},
)
TONE = Signature("tone", (IDS,), TensorSpec("samples", "float32", (40,)), preprocessing={"kind": "letters"})
NAMED = Signature(
    "generic",
    (TensorSpec("mask", "float32", (3,)), TensorSpec("x", "float32", (4,))),
    TensorSpec("logits", "float32", (3,)),
    further_outputs=(TensorSpec("ids", "int64", ()),),
    by_name=True,
)
MASKING = Signature(
    "text-classification",
    tuple(TensorSpec(name, "int64", (None,), pad=0) for name in ("input_ids", "attention_mask")),
    TensorSpec("logits", "float32", (2,)),
    ("bad", "good"),
    by_name=True,
)
SOME_IDS = (torch.tensor([[1, 2, 3, 0], [4, 5, 0, 0], [6, 7, 8, 1], [2, 2, 2, 2]]),)
SOME_MASKED = (*SOME_IDS, (SOME_IDS[0] > 0).long())
SOME_NAMED = (torch.ones(4, 3), torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))


@contextmanager
def tasks_installed(folder: Path) -> Iterator[None]:
    """The tasks on the path of this process and of every server that it starts meanwhile."""
    _install(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        yield
    sys.modules.pop("our_tasks", None)


def _install(folder: Path) -> None:
    """A distribution in a folder that brings the tasks."""
    (folder / "our_tasks.py").write_text(TASKS)
    info = folder / "our_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: our-tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lepton_nb.tasks]\nspelling = our_tasks:Spelling\ntone = our_tasks:Tone\n"
    )


def package_of(
    path: Path, source: str, signature: Signature, inputs: tuple[torch.Tensor, ...], seed: int = 0
) -> Package:
    path.mkdir(parents=True)
    spec = ModelSpec(kind="source", name="Net", expression="Net()", source=source)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = spec.build().eval()
    write_package(path, model, inputs, signature, spec, Origin("net", "0" * 16, "net@1", "0"))
    return Package.load(path)
