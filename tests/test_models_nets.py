"""The starter networks: they learn, take any batch size, and can be exported."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton_nb.models import (
    MLP,
    BagOfEmbeddings,
    LeptonCNN,
    QuickResNet,
    ResNet9,
    SmallCNN,
    TextTransformer,
)

pytestmark = pytest.mark.slow


def ids(batch: int = 3, length: int = 9) -> Tensor:
    tokens = torch.randint(1, 50, (batch, length))
    tokens[0, 4:] = 0
    return tokens


CASES = {
    "LeptonCNN": lambda: (LeptonCNN(3, 10, height=12, width=16), torch.randn(3, 3, 12, 16)),
    "SmallCNN": lambda: (SmallCNN(1, 10, width=8), torch.randn(3, 1, 8, 8)),
    "QuickResNet": lambda: (QuickResNet(3, 10, widths=(8, 8, 16)), torch.randn(3, 3, 16, 16)),
    "ResNet9": lambda: (ResNet9(3, 10, width=8), torch.randn(3, 3, 16, 16)),
    "MLP": lambda: (MLP(7, 3, hidden=16), torch.randn(3, 7)),
    "BagOfEmbeddings": lambda: (BagOfEmbeddings(50, 10, width=8), ids()),
    "TextTransformer": lambda: (TextTransformer(50, 10, max_length=9, width=16, heads=2), ids()),
}


@pytest.mark.parametrize("name", CASES)
def test_exports_with_a_batch_of_any_size(name: str) -> None:
    net, x = CASES[name]()
    net.eval()
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    for batch in (x[:1], torch.cat([x, x])):
        torch.testing.assert_close(program.module()(batch), net(batch), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_exports_to_onnx_with_a_batch_of_any_size(name: str, tmp_path: Path) -> None:
    import onnxruntime

    net, x = CASES[name]()
    net.eval()
    path = tmp_path / "net.onnx"
    batch = torch.export.Dim("batch")
    torch.onnx.export(net, (x,), path, dynamo=True, dynamic_shapes=({0: batch},), verbose=False)
    session = onnxruntime.InferenceSession(path)
    for rows in (x[:1], torch.cat([x, x])):
        (given,) = session.run(None, {session.get_inputs()[0].name: rows.numpy()})
        np.testing.assert_allclose(given, net(rows).detach().numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_every_weight_gets_a_gradient(name: str) -> None:
    net, x = CASES[name]()
    F.cross_entropy(net(x), torch.tensor([0, 1, 2])).backward()
    assert [key for key, weight in net.named_parameters() if weight.grad is None] == []


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Two threads that wait for each other on a busy machine are many times slower than one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_small_cnn_reads_handwritten_digits() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    x = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    y = torch.tensor(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        order = torch.randperm(len(x))
        train, test = order[360:], order[:360]
        net = SmallCNN(in_channels=1, num_classes=10)
        optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=5 * 23)
        for _ in range(5):
            for batch in train[torch.randperm(len(train))].split(64):
                optimizer.zero_grad()
                F.cross_entropy(net(x[batch]), y[batch]).backward()
                optimizer.step()
                schedule.step()
    net.eval()
    with torch.inference_mode():
        accuracy = (net(x[test]).argmax(1) == y[test]).float().mean().item()
    assert accuracy >= 0.97


def test_padding_changes_nothing_in_a_sentence() -> None:
    for net in (BagOfEmbeddings(50, 3), TextTransformer(50, 3, max_length=12)):
        net.eval()
        short = torch.tensor([[5, 8, 9]])
        padded = torch.tensor([[5, 8, 9, 0, 0, 0, 0]])
        torch.testing.assert_close(net(short), net(padded), rtol=1e-4, atol=1e-5)


def test_an_empty_sentence_gives_numbers() -> None:
    for net in (BagOfEmbeddings(50, 3), TextTransformer(50, 3, max_length=12)):
        assert torch.isfinite(net.eval()(torch.zeros(2, 5, dtype=torch.int64))).all()


def test_transformer_attention_equals_torchs_own() -> None:
    from lepton_nb.models.nets.texts import EncoderLayer

    ours = EncoderLayer(width=16, heads=4, dropout=0.0).eval()
    theirs = nn.MultiheadAttention(16, 4, batch_first=True).eval()
    theirs.in_proj_weight = copy.deepcopy(ours.qkv.weight)
    theirs.in_proj_bias = copy.deepcopy(ours.qkv.bias)
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(2, 5, 16)
    real = torch.tensor([[True] * 5, [True, True, False, False, False]])
    expected, _ = theirs(x, x, x, key_padding_mask=~real)
    torch.testing.assert_close(ours.attend(x, real[:, None, None, :]), expected, rtol=1e-4, atol=1e-5)
