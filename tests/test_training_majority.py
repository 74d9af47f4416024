"""An accuracy that always saying the most frequent class would reach, too, is said to be one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import lepton_nb
from lepton_nb import data
from lepton_nb.tasks.majority import majority_note
from lepton_nb.training.study import find_study


class Same(nn.Module):
    """Says the same of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([3.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.bias.expand(len(x), 2)


class Rows(Dataset[tuple[Tensor, int]]):
    """Items whose targets nobody knows without reading them."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.randn(3), int(index % 10 == 0)


def rare(items: int = 200) -> data.DataBundle:
    def part(count: int) -> tuple[Tensor, Tensor]:
        return torch.randn(count, 3), (torch.arange(count) % 10 == 0).long()

    return data.arrays(*part(items), val=part(20), test=part(40), name="rare")


def test_the_note_compares_counts() -> None:
    said = majority_note(272 / 300, [272, 28], ["no", "yes"])
    assert said == (
        "accuracy 0.907 equals the share of the most frequent class, 'no' (90.7% of 300 items): "
        "always saying 'no' does as well."
    )
    assert majority_note(271 / 300, [272, 28], ["no", "yes"]) is None
    assert majority_note(0.0, [0, 0], ["no", "yes"]) is None


def test_a_run_says_so_at_its_end_and_its_evaluation_too() -> None:
    run = lepton_nb.train(Same(), rare(), epochs=2, lr=1e-4)
    assert [said for said in run.warnings if said.startswith("val_accuracy 0.9 equals the share")]
    assert "equals the share" in run.log_path.read_text()
    assert any("equals the share" in said for said in lepton_nb.evaluate(run).notes)


def test_targets_that_only_the_loader_knows_are_counted() -> None:
    loader = DataLoader(Rows(), batch_size=10)
    run = lepton_nb.train(Same(), train=loader, val=loader, epochs=1, lr=1e-4)
    assert [said for said in run.warnings if "most frequent class, '0'" in said]


def test_a_better_run_is_not_blamed() -> None:
    x = torch.randn(200, 3)
    run = lepton_nb.train("MLP", data.arrays(x, (x[:, 0] > 0).long(), name="easy"), epochs=5, lr=0.01)
    assert not run.warnings


def test_a_search_says_so_also_when_it_is_read_from_the_store() -> None:
    study = lepton_nb.tune(Same(), rare(), search={"lr": [1e-4]}, trials=1, epochs=1, name="rare")
    for found in (study, find_study("rare")):
        assert "val_accuracy 0.9 equals the share" in str(found)
        assert "equals the share" in found._repr_html_()
