"""Settings chosen by measuring."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import ArgumentError, ModelError
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.settings import given_settings
from lepton_nb.runs import RunStore
from lepton_nb.training import TrainConfig, autotune
from lepton_nb.training.autotune import Candidate
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow


class Picky(nn.Module):
    """Fast in one precision only, and the faster an item the larger the batch."""

    def __init__(self, slow: torch.dtype) -> None:
        super().__init__()
        self.slow, self.fc = slow, nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        output = self.fc(x)
        time.sleep(0.05 if output.dtype == self.slow else 0.005)
        return output


@pytest.mark.parametrize(("slow", "expected"), [(torch.bfloat16, "fp32"), (torch.float32, "bf16")])
def test_the_faster_precision_is_measured_chosen_said_and_kept(slow: torch.dtype, expected: str) -> None:
    run = lepton_nb.train(Picky(slow), blobs(), epochs=1, autotune="speed", name="picky")
    settings = run.read_json("config.json")
    assert settings["precision"] == expected
    assert settings["autotune"] == "off"  # a resumed run does not choose again
    log = run.log_path.read_text()
    assert f"autotune chose {expected}, batch 64" in log
    assert "items/s" in log
    assert list(run.live["autotune"].speeds) == ["fp32, batch 64", "bf16, batch 64"]


def test_it_is_measured_once_for_a_model_and_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    first = lepton_nb.train(Picky(torch.float32), blobs(), epochs=1, autotune="speed").live["autotune"]
    monkeypatch.setattr(autotune._Stopwatch, "speed", lambda *_: pytest.fail("measured again"))
    again = lepton_nb.train(Picky(torch.float32), blobs(), epochs=1, autotune="speed").live["autotune"]
    assert again == first


def test_the_batch_grows_for_as_long_as_that_pays() -> None:
    run = lepton_nb.train(
        Picky(torch.bfloat16), blobs(1000), epochs=1, batch_size=8, autotune="batch", precision="fp32"
    )
    assert run.read_json("config.json")["batch_size"] == 64  # 700 training items: an epoch keeps 8 steps


def test_auto_as_batch_size_measures_it() -> None:
    assert TrainConfig.from_options({"batch_size": "auto", "lr": 0.1}) == TrainConfig(
        autotune="batch", lr=0.1
    )
    words = ["train", "net", "--batch-size", "auto"]
    assert given_settings(build_parser().parse_line(words)) == {"batch_size": "auto"}
    with pytest.raises(ArgumentError, match="'auto' is not a whole number"):
        build_parser().parse_line(["lr-find", "net", "--batch-size", "auto"])  # which measures nothing


def test_what_was_chosen_by_the_user_stays() -> None:
    run = lepton_nb.train(Picky(torch.float32), blobs(), epochs=1, autotune="speed", precision="fp32")
    assert run.read_json("config.json")["precision"] == "fp32"
    assert list(run.live["autotune"].speeds) == ["fp32, batch 64"]


def test_measuring_changes_neither_the_model_nor_the_draws() -> None:
    plain = lepton_nb.train(TinyNet, blobs(), epochs=2).live["model"]
    tuned = lepton_nb.train(TinyNet, blobs(), epochs=2, autotune="speed", precision="fp32").live["model"]
    assert same_weights(plain, tuned)


def test_a_candidate_that_fails_is_only_slow() -> None:
    class Fragile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            output = self.fc(x)
            if output.dtype == torch.bfloat16:
                raise RuntimeError("no such kernel")
            return output

    run = lepton_nb.train(Fragile(), blobs(), epochs=1, autotune="speed")
    assert run.live["autotune"].best == Candidate("fp32", batch_size=64)
    assert "bf16, batch 64: failed" in run.log_path.read_text()


def test_channels_last_gives_the_same_losses_and_a_resumable_run() -> None:
    pictures = torch.randint(0, 256, (120, 3, 8, 8), dtype=torch.uint8), torch.arange(120) % 3
    common = {"epochs": 2, "batch_size": 16}
    plain = lepton_nb.train("SmallCNN", data.arrays(*pictures), **common)
    last = lepton_nb.train("SmallCNN", data.arrays(*pictures), channels_last=True, **common)
    weights = [p for p in last.live["model"].parameters() if p.ndim == 4 and p.shape[1] > 1]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
    assert last.history()["loss"][1] == pytest.approx(plain.history()["loss"][1], abs=2e-3)
    assert lepton_nb.resume(last, epochs=3).status == "finished"


def test_bf16_without_units_for_it_is_said() -> None:
    run = lepton_nb.train(TinyNet, blobs(), epochs=1, precision="bf16")
    imitated = not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert any("no bf16 units" in said for said in run.warnings) == imitated


class Viewing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return self.fc(x.view(x.size(0), -1))


def test_a_view_of_a_tensor_with_channels_last_is_explained() -> None:
    words = r"view cannot read .* channels last \(test_training_autotune.py, line \d+: `return"
    with pytest.raises(ModelError, match=words) as caught:
        lepton_nb.train(Viewing(), data.digits(), epochs=1, channels_last=True, name="viewing")
    assert "x.flatten(1)" in (caught.value.hint or "")
    assert RunStore().get_run("viewing").status == "failed"
