"""The summary of a model: rows, totals, text and HTML."""

from __future__ import annotations

import gc
import weakref

import torch
from torch import nn

from lepton_nb.models import MLP, LeptonCNN, summarize
from lepton_nb.models.summary import quantity


def test_rows_and_totals_of_the_textbook_cnn() -> None:
    summary = summarize(LeptonCNN(), torch.randn(2, 3, 32, 32))
    fc1 = next(row for row in summary.rows if row.name == "fc1")
    assert (fc1.kind, fc1.depth, fc1.output_shape) == ("Linear", 1, (2, 128))
    assert fc1.params == 65536 * 128 + 128
    assert summary.params == summary.trainable == 8_409_418
    conv1 = 32 * (3 * 9 + 1) * 32 * 32
    conv2 = 64 * (32 * 9 + 1) * 32 * 32
    assert summary.mult_adds == conv1 + conv2 + (65536 * 128 + 128) + (128 * 10 + 10)
    assert summary.params_mb == 8_409_418 * 4 / 1e6
    assert summary.rows[0].name == ""


def test_the_text_is_a_table_with_the_totals() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    net[0].requires_grad_(False)
    assert str(summarize(net, torch.randn(5, 4))) == (
        "Layer         Output  Parameters  Multiply-adds\n"
        "───────────────────────────────────────────────\n"
        "Sequential    N × 3           67             67\n"
        "  0 (Linear)  N × 8           40             40\n"
        "  1 (ReLU)    N × 8\n"
        "  2 (Linear)  N × 3           27             27\n"
        "───────────────────────────────────────────────\n"
        "67 parameters (27 trainable) · 67 multiply-adds per item · "
        "268 B of weights + 88 B per item trained"
    )


def test_the_html_takes_the_colours_around_it() -> None:
    page = summarize(MLP(4, 3), torch.randn(2, 4))._repr_html_()
    assert "head (Linear)" in page
    assert "background:transparent" in page
    assert "#" not in page
    assert "black" not in page


def test_a_layer_used_twice_counts_once() -> None:
    shared = nn.Linear(4, 4)
    assert summarize(nn.Sequential(shared, nn.ReLU(), shared), torch.randn(2, 4)).params == 20


def test_a_summary_does_not_keep_the_model_alive() -> None:
    net = MLP(4, 3)
    alive = weakref.ref(net)
    summary = summarize(net, torch.randn(2, 4))
    del net
    gc.collect()
    assert alive() is None
    assert summary.params > 0


def test_quantities_are_short() -> None:
    assert [quantity(number) for number in (0, 999, 1234, 27_500_000, 3 * 10**9)] == [
        "0",
        "999",
        "1.23 k",
        "27.5 M",
        "3 G",
    ]


def test_a_deep_model_is_summed_up_by_its_stages() -> None:
    from torchvision.models import resnet18

    summary = summarize(resnet18(weights=None), torch.randn(2, 3, 64, 64))
    assert {row.depth for row in summary.rows} == {0, 1, 2}
    stages = [row for row in summary.rows if row.depth == 1]
    assert [row.name for row in stages][-3:] == ["layer4", "avgpool", "fc"]
    assert sum(row.mult_adds for row in stages) == summary.rows[0].mult_adds == 2 * summary.mult_adds
    assert sum(row.params for row in stages) == summary.params
