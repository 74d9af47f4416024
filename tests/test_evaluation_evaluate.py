"""Evaluating runs and models on real digits: the numbers, what is kept, and what is refused."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from lepton_nb import train
from lepton_nb.data import DataBundle, arrays, digits
from lepton_nb.errors import ArgumentError, DataError, ModelError, NotFoundError
from lepton_nb.evaluation import EvaluationResult, evaluate
from lepton_nb.models import SmallCNN
from lepton_nb.packaging import load_model
from lepton_nb.runs import Run, RunStore

pytestmark = pytest.mark.slow


@pytest.fixture
def data() -> DataBundle:
    return digits(limit=200)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run store with one trained run in it."""
    home = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(home))
        train(SmallCNN(width=8), digits(limit=200), epochs=2, name="tiny", batch_size=32)
    return home


@pytest.fixture
def run(trained: Path, lepton_home: Path) -> Run:
    """The run in a store of the test's own, as a process that never trained it finds it."""
    shutil.copytree(trained, lepton_home)
    return RunStore().get_run("tiny")


class Fixed(nn.Module):
    """Always the same logits; the tests know what comes out."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1) + 0.0 * self.drop(x).flatten(1)[:, :1]


def test_the_accuracy_is_that_of_the_best_checkpoint_on_the_test_split(run: Run, data: DataBundle) -> None:
    model = load_model(run, "best")
    right = total = 0
    with torch.inference_mode():
        for inputs, target in data.loader("test", batch_size=7).batches(0):
            right += int((model(inputs).argmax(1) == target).sum())
            total += len(target)
    result = evaluate(run)
    assert (result.split, len(result.target)) == ("test", total)
    assert result.metrics["accuracy"] == pytest.approx(right / total)
    assert int(result.measures.arrays["confusion"].sum()) == total


def test_the_batch_size_does_not_change_the_numbers(run: Run) -> None:
    small, large = evaluate(run, batch_size=5), evaluate(run, batch_size=1000)
    assert small.metrics == pytest.approx(large.metrics, abs=1e-6)
    np.testing.assert_array_equal(small.target, large.target)


def test_a_run_its_name_and_its_data_give_the_same_numbers(run: Run, data: DataBundle) -> None:
    assert run.live == {}
    expected = evaluate(run).metrics
    assert evaluate("tiny").metrics == pytest.approx(expected, abs=1e-6)
    assert evaluate("tiny", data).metrics == pytest.approx(expected, abs=1e-6)


def test_the_numbers_are_in_the_runs_folder_by_split(run: Run) -> None:
    test, val = evaluate(run), evaluate(run, split="val")
    kept = json.loads((run.path / "evaluation.json").read_text())
    assert kept.keys() == {"test", "val"}
    assert kept["test"]["metrics"] == test.metrics  # equal, not close: no digit is lost
    assert kept["val"]["metrics"] == val.metrics
    assert kept["test"]["confusion"] == test.measures.arrays["confusion"].tolist()
    assert kept["test"]["per_class"] == test.measures.per_class


def test_the_worst_mistakes_are_the_real_inputs(run: Run, data: DataBundle) -> None:
    result = evaluate(run)
    mistakes = result.worst(5)
    assert [m.error for m in mistakes] == sorted((m.error for m in mistakes), reverse=True)
    for mistake in mistakes:
        assert mistake.truth == data.signature.class_names[int(result.target[mistake.index])]
        assert not mistake.prediction.startswith(mistake.truth)
        assert mistake.input.tobytes() == data.split("test").raw(mistake.index).tobytes()
    wrong = int((result.preds.argmax(1) != result.target).sum())
    assert len(result.worst(10_000)) == wrong


def test_a_perfect_model_has_no_mistakes_to_show(data: DataBundle) -> None:
    class Knows(nn.Module):
        """Reads the answer off the order of the items."""

        def __init__(self, targets: Tensor) -> None:
            super().__init__()
            self.targets, self.at = targets, 0

        def forward(self, x: Tensor) -> Tensor:
            part = self.targets[self.at : self.at + len(x)]
            self.at += len(x)
            return 20.0 * nn.functional.one_hot(part, 10).float()

    targets = data.split("test").targets
    assert targets is not None
    result = evaluate((Knows(targets), data))
    assert result.metrics["accuracy"] == 1.0
    assert result.worst() == []
    assert "worst" not in result.figure_names


def test_every_figure_can_be_drawn_and_the_display_holds_them_all(run: Run) -> None:
    result = evaluate(run)
    assert result.figure_names == [
        "confusion",
        "precision_recall",
        "roc",
        "reliability",
        "learning_curves",
        "worst",
    ]
    assert isinstance(result.figure("reliability"), Figure)
    bundle = result._repr_mimebundle_()
    assert bundle["text/html"].count("data:image/png;base64,") == len(result.figure_names)
    assert "<script" not in bundle["text/html"]
    assert bundle["text/plain"].startswith(f"{run.ref} · digits, test split")
    assert "accuracy" in bundle["text/plain"]


def test_the_figures_can_be_interactive(run: Run) -> None:
    from plotly.graph_objects import Figure as PlotlyFigure

    result = evaluate(run)
    assert isinstance(result.figure("roc", "plotly"), PlotlyFigure)
    result.backend = "plotly"
    html = result._repr_mimebundle_()["text/html"]
    assert html.count("Plotly.newPlot(") >= len(result.figure_names)
    assert "cdn.plot.ly" not in html.split("Plotly.newPlot(")[-1]


def test_a_result_is_saved_whole(run: Run, tmp_path: Path) -> None:
    result = evaluate(run)
    folder = result.save(tmp_path / "deep" / "report")
    assert json.loads((folder / "evaluation.json").read_text())["metrics"] == result.metrics
    assert len((folder / "predictions.csv").read_text().splitlines()) == len(result.target) + 1
    for name in result.figure_names:
        assert (folder / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_the_tables_have_one_row_a_metric_and_one_a_class(run: Run) -> None:
    result = evaluate(run)
    assert result.frame()["value"].to_dict() == result.metrics
    table = result.per_class()
    assert list(table.index) == [str(i) for i in range(10)]
    assert table["support"].sum() == len(result.target)
    assert table["recall"].mean() == pytest.approx(result.metrics["recall_macro"], abs=1e-6)


def test_a_model_keeps_its_modes_its_place_and_the_random_numbers(data: DataBundle) -> None:
    model = Fixed([1.0] + [0.0] * 9).train()
    model.drop.eval()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    result = evaluate((model, data))
    assert (model.training, model.drop.training) == (True, False)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert model.logits.grad is None
    zeros = float((torch.as_tensor(result.target) == 0).double().mean())
    assert result.metrics["accuracy"] == pytest.approx(zeros)
    assert result.name == "Fixed"


def test_a_model_whose_forward_fails_gets_its_mode_back(data: DataBundle) -> None:
    model = nn.Linear(3, 10).train()
    with pytest.raises(ModelError, match=r"Linear does not take this data \(a batch of \(\d+, 1, 8, 8\)\)"):
        evaluate((model, data))
    assert model.training


def test_a_loader_of_ones_own_is_measured(data: DataBundle) -> None:
    torch.manual_seed(0)
    x, y = torch.rand(50, 1, 8, 8), torch.randint(0, 3, (50,))
    result = evaluate((Fixed([0.0, 2.0, 0.0]), DataLoader(TensorDataset(x, y), batch_size=8)))
    assert result.metrics["accuracy"] == pytest.approx(float((y == 1).double().mean()))
    assert len(result.target) == 50


def test_the_worst_of_a_shuffled_loader_are_its_own_items() -> None:
    y = torch.arange(40) % 4
    x = y.float().reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone()
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    result = evaluate((Fixed([9.0, 0.0, 0.0, 0.0]), loader))
    for mistake in result.worst():
        assert np.asarray(mistake.input).max() == float(mistake.truth)


def test_items_without_an_order_are_measured_but_not_shown() -> None:
    y = torch.arange(40) % 4
    dataset = TensorDataset(torch.rand(40, 1, 8, 8), y)
    sampler = WeightedRandomSampler([1.0] * 40, 40)
    result = evaluate((Fixed([9.0, 0.0, 0.0, 0.0]), DataLoader(dataset, batch_size=8, sampler=sampler)))
    assert "worst" not in result.figure_names
    assert result.worst(1)[0].input is None
    assert "worst mistakes cannot be shown" in result.notes[-1]
    assert result._repr_mimebundle_()["text/html"]


def test_other_data_are_prepared_as_the_training_data_were(run: Run, data: DataBundle) -> None:
    """The same digits in another bundle have another mean; they must come out the same."""
    images = np.stack([np.asarray(data.split("test").raw(i)) for i in range(len(data.split("test")))])
    labels = data.split("test").targets
    assert labels is not None
    other = arrays(images[:, None], labels.numpy(), val_fraction=0.1, test_fraction=0.8, name="other")
    assert other.signature.preprocessing != data.signature.preprocessing
    expected = evaluate(run)
    truth = {data.split("test").raw(i).tobytes(): expected.preds[i] for i in range(len(expected.preds))}
    result = evaluate(run, other)
    for i, preds in enumerate(result.preds):
        np.testing.assert_allclose(preds, truth[other.split("test").raw(i).tobytes()], atol=1e-5)
    assert set(json.loads((run.path / "evaluation.json").read_text())) == {"test", "other/test"}


def test_classes_of_other_data_are_matched_by_name(run: Run, data: DataBundle) -> None:
    """Data with only the digits 7, 8 and 9 number them 0, 1, 2."""
    split = data.split("test")
    assert split.targets is not None
    chosen = [i for i in range(len(split)) if int(split.targets[i]) >= 7]
    images = np.stack([np.asarray(split.raw(i)) for i in chosen])[:, None]
    other = arrays(images, split.targets[chosen].numpy(), val_fraction=0.1, test_fraction=0.6, name="high")
    assert other.signature.class_names == ("7", "8", "9")
    result = evaluate(run, other)
    assert set(result.target.tolist()) == {7, 8, 9}
    assert all(math.isfinite(value) for value in result.metrics.values())
    assert "No items of 0, 1" in result.notes[0]


@pytest.mark.parametrize(
    ("make", "error", "message", "hint"),
    [
        (lambda d: evaluate("tinny"), NotFoundError, "tinny", "tiny"),
        (
            lambda d: evaluate("tiny", split="holdout"),
            DataError,
            "no split 'holdout'; it has 'train', 'val'",
            "test",
        ),
        (lambda d: evaluate(3), ArgumentError, "not a int", "evaluate("),  # type: ignore[arg-type]
        (lambda d: evaluate(SmallCNN()), ArgumentError, "no data to be measured on", "(model, data)"),
        (lambda d: evaluate("tiny", batch_size=0), ArgumentError, "batch_size is 0", None),
        (
            lambda d: evaluate((Fixed([0.0, 1.0]), d)),
            ModelError,
            r"shape \(\d+, 2\), expected \(\d+, 10\)",
            "nn.Linear",
        ),
        (lambda d: evaluate((Fixed([math.nan] * 10), d)), ModelError, "NaN or infinite outputs for", "--lr"),
    ],
)
def test_what_cannot_be_evaluated_is_explained(
    run: Run, data: DataBundle, make: Any, error: type[Exception], message: str, hint: str | None
) -> None:
    with pytest.raises(error, match=message) as caught:
        make(data)
    if hint is not None:
        assert hint in (caught.value.hint or "")  # type: ignore[attr-defined]


def test_a_run_without_checkpoints_says_what_to_do() -> None:
    run = RunStore().create_run(
        "new", task="image-classification", model="SmallCNN", data="digits", params={},
        monitor="val_accuracy", mode="max", epochs=1,
    )  # fmt: skip
    with pytest.raises(ModelError, match="no checkpoint yet") as caught:
        evaluate(run)
    assert caught.value.hint


def test_data_without_a_held_out_split_is_refused_unless_asked_for(data: DataBundle) -> None:
    data.splits = {"train": data.splits["train"]}
    model = Fixed([0.0] * 10)
    with pytest.raises(DataError, match="holds nothing back to measure on; it has only 'train'"):
        evaluate((model, data))
    assert evaluate((model, data), split="train").split == "train"


def test_data_of_another_kind_do_not_fit(run: Run) -> None:
    x = np.random.default_rng(0).normal(size=(60, 4))
    with pytest.raises(DataError, match=r"does not fit tiny@1: it is for tabular"):
        evaluate(run, arrays(x, np.arange(60) % 3, name="rows"))


def test_a_loader_of_another_shape_does_not_fit(run: Run) -> None:
    loader = DataLoader(TensorDataset(torch.rand(20, 3, 4, 4), torch.arange(20) % 10), batch_size=5)
    with pytest.raises(DataError, match=r"gives .*\[N, 3, 4, 4\], the model takes .*\[N, 1, 8, 8\]"):
        evaluate(run, loader)


def test_a_loader_of_unnamed_classes_is_taken_by_number(run: Run, data: DataBundle) -> None:
    inputs, target = data.example(30, split="test")
    assert isinstance(inputs, Tensor)
    few = target < 5
    result = evaluate(run, DataLoader(TensorDataset(inputs[few], target[few]), batch_size=4))
    assert result.target.tolist() == target[few].tolist()
    np.testing.assert_allclose(result.preds, evaluate(run).preds[:30][few.numpy()], atol=1e-5)


def test_a_folder_that_cannot_be_written_does_not_lose_the_result(run: Run) -> None:
    (run.path / "evaluation.json").mkdir()
    result = evaluate(run)
    assert isinstance(result, EvaluationResult)
    assert "not in the run's folder" in result.notes[-1]
