"""The user's own DataLoaders and Datasets: what is read of them, and what is said of wrong ones."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)
from torchvision import datasets, transforms
from torchvision.transforms import v2

from lepton_nb.data import DataBundle, dataset, load, loaders
from lepton_nb.errors import ArgumentError, DataError

STEPS = [transforms.ToTensor(), transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``train/`` and ``test/`` with twelve pictures of 20 × 28 for each of three classes."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog", "fox"):
            (root / split / name).mkdir(parents=True)
            for i in range(12):
                pixels = rng.integers(0, 256, (20, 28, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{i:02}.png")
    return root


def images(root: Path, split: str, *steps: Any) -> datasets.ImageFolder:
    return datasets.ImageFolder(root / split, transform=transforms.Compose(list(steps)))


def rows(count: int = 40, features: int = 5) -> TensorDataset:
    x = torch.randn(count, features, generator=torch.Generator().manual_seed(0))
    return TensorDataset(x, torch.arange(count) % 3)


def test_the_textbook_loaders_work_unchanged(root: Path) -> None:
    transform = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
    train_dataset = datasets.ImageFolder(root=str(root / "train"), transform=transform)
    test_dataset = datasets.ImageFolder(root=str(root / "test"), transform=transform)
    train_loader = torch.utils.data.DataLoader(train_dataset, batch_size=64, shuffle=True)
    test_loader = torch.utils.data.DataLoader(test_dataset, batch_size=64, shuffle=False)
    bundle = loaders(train_loader, test_loader)
    assert bundle.signature.task == "image-classification"
    assert bundle.signature.class_names == ("cat", "dog", "fox")
    assert bundle.signature.inputs[0].shape == (3, 32, 32)
    assert bundle.signature.preprocessing == {
        "kind": "image",
        "mode": "RGB",
        "size": [32, 32],
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
    }
    assert bundle.report.counts["train"] == {"cat": 12, "dog": 12, "fox": 12}
    assert bundle.spec is None
    (inputs, target) = next(bundle.loader("train", batch_size=999).batches(0))
    assert inputs.shape == (36, 3, 32, 32)  # type: ignore[union-attr]
    assert target.dtype == torch.int64


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (STEPS, {"mode": "RGB", "size": [20, 28], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}),
        (
            [transforms.Resize(24), transforms.CenterCrop((16, 20)), *STEPS],
            {"size": [16, 20], "short_side": 24},
        ),
        ([transforms.Grayscale(), transforms.ToTensor()], {"mode": "L", "size": [20, 28], "mean": [0.0]}),
        (
            [
                v2.ToImage(),
                v2.Resize((16, 16)),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * 3, [0.1] * 3),
            ],
            {"size": [16, 16], "std": [0.1, 0.1, 0.1]},
        ),
        (
            [transforms.PILToTensor(), transforms.ConvertImageDtype(torch.float32)],
            {"mode": "RGB", "size": [20, 28]},
        ),
        ([transforms.Compose([transforms.Resize((8, 9))]), transforms.Compose(STEPS)], {"size": [8, 9]}),
    ],
)
def test_known_transforms_become_the_preprocessing_of_the_service(
    root: Path, steps: list[Any], expected: dict[str, Any]
) -> None:
    bundle = loaders(DataLoader(images(root, "train", *steps), batch_size=8, shuffle=True))
    settings = bundle.signature.preprocessing
    assert settings["kind"] == "image"
    assert {key: settings[key] for key in expected} == expected
    raws = [bundle.train.raw(i) for i in range(6)]
    assert all(isinstance(raw, Image.Image) and raw.size == (28, 20) for raw in raws)
    (prepared,) = bundle.task.codec(bundle.signature).prepare(raws)
    inputs, _ = bundle.example(6)
    np.testing.assert_allclose(inputs, prepared, atol=0.06)  # tensors and pictures are resized a little apart


@pytest.mark.parametrize(
    "steps",
    [
        [*STEPS, transforms.Lambda(lambda x: x * 2)],
        [transforms.Resize((16, 16), interpolation=transforms.InterpolationMode.NEAREST), *STEPS],
        [transforms.CenterCrop(10), *STEPS],  # no fixed part of a picture of any size
        [transforms.Pad(2), *STEPS],
        [transforms.Grayscale(3), *STEPS],
    ],
)
def test_other_transforms_leave_tensors_to_the_service_and_the_report_says_why(
    root: Path, steps: list[Any]
) -> None:
    bundle = loaders(DataLoader(images(root, "train", *steps), batch_size=8))
    assert bundle.signature.preprocessing == {"kind": "tensor"}
    assert "takes tensors, not pictures" in str(bundle.report)
    assert isinstance(bundle.train.raw(0), Image.Image)


def test_augmentation_of_train_does_not_hide_the_preprocessing_of_val(root: Path) -> None:
    train = images(
        root, "train", transforms.RandomCrop((20, 28), padding=2), transforms.RandomHorizontalFlip(), *STEPS
    )
    val = images(root, "test", *STEPS)
    bundle = loaders(DataLoader(train, batch_size=8, shuffle=True), DataLoader(val, batch_size=8))
    assert bundle.signature.preprocessing["mean"] == [0.5, 0.4, 0.3]
    other = images(root, "train", transforms.RandomHorizontalFlip(), transforms.ToTensor())
    mixed = loaders(DataLoader(other, batch_size=8, shuffle=True), DataLoader(val, batch_size=8))
    assert mixed.signature.preprocessing == {"kind": "tensor"}
    assert "do not agree" in str(mixed.report)


def test_a_transform_that_lies_about_itself_is_not_believed(root: Path) -> None:
    data = images(root, "train", *STEPS)

    class Doubled(datasets.ImageFolder):  # type: ignore[misc]
        def __getitem__(self, index: int) -> Any:
            picture, label = super().__getitem__(index)
            return (picture * 2, label) if isinstance(picture, Tensor) else (picture, label)

    doubled = Doubled(root / "train", transform=data.transform)
    assert loaders(DataLoader(doubled, batch_size=4)).signature.preprocessing == {"kind": "tensor"}


def test_parts_of_a_dataset_keep_names_targets_and_pictures(root: Path) -> None:
    whole = images(root, "train", *STEPS)
    part = Subset(whole, list(range(35, -1, -1)))
    bundle = loaders(DataLoader(part, batch_size=8, shuffle=True))
    assert bundle.signature.class_names == ("cat", "dog", "fox")
    assert bundle.train.targets is not None
    assert bundle.train.targets.tolist() == [2] * 12 + [1] * 12 + [0] * 12
    assert np.array_equal(np.asarray(bundle.train.raw(0)), np.asarray(whole.loader(whole.samples[35][0])))
    both = loaders(DataLoader(ConcatDataset([whole, images(root, "test", *STEPS)]), batch_size=8))
    assert both.report.sizes == {"train": 72}


def test_unshuffled_batches_of_a_shuffling_loader_line_up_with_the_items(root: Path) -> None:
    data = images(root, "train", *STEPS)
    for loader in (
        DataLoader(data, batch_size=5, shuffle=True, drop_last=True),
        DataLoader(data, batch_size=5, sampler=SubsetRandomSampler(range(36))),
    ):
        bundle = loaders(loader)
        targets = torch.cat([t for _, t in bundle.loader("train", batch_size=1, shuffle=False).batches(0)])
        assert bundle.train.targets is not None
        assert torch.equal(targets, bundle.train.targets)
        shuffled = torch.cat([t for _, t in bundle.loader("train", batch_size=1).batches(0)])
        assert not torch.equal(shuffled, bundle.train.targets[: len(shuffled)])


def test_a_sampler_of_ones_own_is_left_alone() -> None:
    sampler = WeightedRandomSampler([0.0] * 20 + [1.0] * 20, num_samples=12)
    bundle = loaders(DataLoader(rows(), batch_size=4, sampler=sampler), class_names=["a", "b", "c"])
    assert len(bundle.train) == 12
    assert bundle.train.targets is None
    with pytest.raises(DataError, match="have no order"):
        bundle.train.raw(0)
    repeated = loaders(DataLoader(rows(), batch_size=4, sampler=RandomSampler(rows(), True, 9)))
    assert (len(repeated.train), len(repeated.loader("train", batch_size=4))) == (9, 3)


class Noisy(Dataset[tuple[Tensor, int]]):
    """Draws from all three global generators, as users' transforms do."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        noise = torch.tensor([float(torch.rand(())), random.random(), np.random.rand()])
        return torch.cat([torch.tensor([float(index)]), noise]), index % 2


@pytest.mark.parametrize("wrap", [lambda d: DataLoader(d, batch_size=4, shuffle=True), lambda d: d])
def test_random_transforms_repeat_with_the_epoch_and_leave_the_global_generators_alone(wrap: Any) -> None:
    bundle = loaders(wrap(Noisy()))
    torch.manual_seed(1)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)
    whole = list(bundle.loader("train", batch_size=4, seed=3).batches(1))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    np.testing.assert_equal(np.random.get_state(legacy=False), states[2])
    torch.manual_seed(2)
    random.seed(2)
    np.random.seed(2)
    resumed = list(bundle.loader("train", batch_size=4, seed=3).batches(1, start=2))
    torch.testing.assert_close(resumed, whole[2:])
    for other in (
        bundle.loader("train", batch_size=4, seed=4).batches(1),
        bundle.loader("train", batch_size=4, seed=3).batches(2),
    ):
        assert not torch.equal(next(other)[0], whole[0][0])  # type: ignore[arg-type]


def test_a_dataset_is_batched_here_and_can_be_split_here() -> None:
    bundle = load(rows(60))
    assert bundle.report.counts["train"] == {"0": 16, "1": 11, "2": 13}
    assert sum(bundle.report.sizes.values()) == 60
    x, y = rows(60).tensors
    inputs, target = bundle.example(len(bundle.split("test")), "test")
    assert isinstance(inputs, Tensor)
    for row, label in zip(inputs, target, strict=True):
        (where,) = (x == row).all(1).nonzero().flatten().tolist()
        assert y[where] == label
    assert dataset(rows(60), limit=5).report.sizes == {"train": 5, "val": 5, "test": 5}
    assert list(loaders(rows(), rows(9)).splits) == ["train", "val"]


def test_the_task_follows_from_the_targets_and_the_inputs() -> None:
    def bundle(x: Tensor, y: Tensor, **options: Any) -> DataBundle:
        return loaders(DataLoader(TensorDataset(x, y), batch_size=4), **options)

    classes = torch.arange(12) % 2
    assert bundle(torch.rand(12, 3, 8, 8), classes).task.name == "image-classification"
    assert bundle(torch.rand(12, 7), classes).task.name == "tabular-classification"
    assert bundle(torch.randint(0, 9, (12, 7)), classes).task.name == "text-classification"
    assert bundle(torch.rand(12, 5, 7), classes).task.name == "tabular-classification"
    numbers = bundle(torch.rand(12, 7), torch.rand(12, 2))
    assert numbers.task.name == "tabular-regression"
    assert numbers.signature.output.shape == (2,)
    assert numbers.signature.target == {"name": "target", "mean": 0.0, "std": 1.0}
    assert bundle(torch.rand(12, 7), classes.float(), task="regression").task.name == "tabular-regression"


def test_class_names_and_counts_come_from_where_they_are_known() -> None:
    class Bare(Dataset[tuple[Tensor, int]]):
        def __len__(self) -> int:
            return 30

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return torch.zeros(4), 0 if index < 29 else 3

    bundle = loaders(DataLoader(Bare(), batch_size=8))
    assert bundle.signature.class_names == ("0", "1", "2", "3")  # the last item says so
    assert "first 30 items read" in str(bundle.report)
    assert bundle.report.counts == {"train": {"": 30}}
    named = loaders(DataLoader(Bare(), batch_size=8), class_names=["a", "b", "c", "d"])
    assert named.signature.class_names == ("a", "b", "c", "d")


def test_several_inputs_and_texts_of_any_length_have_a_signature() -> None:
    class Pairs(Dataset[Any]):
        def __len__(self) -> int:
            return 12

        def __getitem__(self, index: int) -> Any:
            return (torch.zeros(3), torch.zeros(2, 4)), index % 2

    bundle = loaders(DataLoader(Pairs(), batch_size=5))
    assert [spec.shape for spec in bundle.signature.inputs] == [(3,), (2, 4)]
    inputs, _ = bundle.example(2)
    assert [tuple(tensor.shape) for tensor in inputs] == [(2, 3), (2, 2, 4)]
    raw = bundle.train.raw(1)
    assert [part.shape for part in raw] == [(3,), (2, 4)]
    tokens = [
        TensorDataset(torch.ones(8, length, dtype=torch.int64), torch.arange(8) % 2) for length in (5, 9)
    ]
    texts = loaders(*(DataLoader(part, batch_size=4) for part in tokens))
    assert texts.signature.inputs[0].shape == (None,)


def test_the_fingerprint_follows_the_content() -> None:
    same, other = rows(), rows()
    other.tensors[0][0, 0] += 1
    assert loaders(rows()).fingerprint == loaders(same).fingerprint
    assert loaders(other).fingerprint != loaders(same).fingerprint


class Yields(Dataset[Any]):
    """A dataset of one item over and over."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return self.item(index) if callable(self.item) else self.item


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield from ()


def zero(*shape: int) -> Tensor:
    return torch.zeros(*shape)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            [zero(3), zero(3)],
            r"train is a list of 2: a tensor \(3,\), a tensor \(3,\); expected a DataLoader",
        ),
        (3, "train is a int; expected a DataLoader"),
        (
            DataLoader(Yields({"image": zero(3), "answer": 1})),
            r"(?s)yields a dict of 'image', 'answer'.*with the target under 'labels'",
        ),
        (DataLoader(Yields({"text": "a", "label": 1})), "(?s)there is no tensor beside 'label'"),
        (DataLoader(Yields({"x": zero(3), "label": "cat"})), "(?s)targets of train are.*class names into"),
        (DataLoader(Yields((zero(3), zero(3), 1))), r"(?s)yields a list of 3.*\(\(a, b\), target\)"),
        (
            DataLoader(Yields((zero(3), "cat"))),
            r"(?s)targets of train are a tuple of 1: a text.*class names into",
        ),
        (DataLoader(Yields(({"a": "b"}, 1))), "inputs of train are a dict of 'a'"),
        (DataLoader(Yields((Image.new("L", (3, 3)), 1))), r"(?s)PIL images.*ToTensor\(\)"),
        (DataLoader(Yields(lambda i: (zero(i + 1), 1)), batch_size=3), "(?s)differ in shape.*Resize"),
        (
            DataLoader(Yields(lambda i: 1 // 0)),
            r"(?s)fails on its first batch in <lambda>, line \d+.*1 // 0.*ZeroDiv",
        ),
        (Yields(lambda i: 1 // 0), r"(?s)fails on its first batch.*ZeroDivisionError"),
        (DataLoader(Endless()), "(?s)has no length.*__len__"),
        (Endless(), "IterableDataset"),
        (TensorDataset(zero(0, 3), zero(0)), "has no items"),
        (DataLoader(rows(3), batch_size=8, drop_last=True), "has no batches"),
    ],
)
def test_what_is_no_data_is_said_to_be_so(source: Any, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        loaders(source)


@pytest.mark.parametrize(
    ("target", "expected", "task"),
    [
        (torch.arange(8) - 1, "(?s)class number -1.*start at 0", "classification"),
        (torch.zeros(8, dtype=torch.int64), "one class only", "classification"),
        (
            torch.zeros(8, 2, dtype=torch.int64),
            r"int64 \(8, 2\); classification takes",
            "classification",
        ),
        (zero(8, 2, 2), r"regression takes \(N,\)", "regression"),
    ],
)
def test_targets_of_no_known_kind_are_for_a_loss_of_the_users(
    target: torch.Tensor, expected: str, task: str
) -> None:
    source = TensorDataset(zero(8, 3), target)
    bundle = loaders(source)
    assert bundle.signature.task == "generic"
    (warning,) = [finding.text for finding in bundle.report.findings if finding.warning]
    assert re.search(expected.replace("(?s)", "").partition(".*")[0], warning)
    assert "--loss" in warning
    with pytest.raises(ArgumentError, match=expected):
        bundle.task.make_loss(bundle.signature)
    with pytest.raises(DataError, match=expected):
        loaders(source, task=task)


def test_dicts_go_in_by_name_and_their_target_is_found() -> None:
    source = Yields(lambda i: {"ids": zero(3).long(), "mask": zero(3), "text": "a", "labels": i % 2})
    bundle = loaders(DataLoader(source, batch_size=4))
    assert [spec.name for spec in bundle.signature.inputs] == ["ids", "mask"]
    assert bundle.signature.by_name
    assert bundle.signature.target["name"] == "labels"
    assert bundle.signature.class_names == ("0", "1")
    inputs, target = bundle.example(6)
    assert {name: tuple(part.shape) for name, part in inputs.items()} == {"ids": (6, 3), "mask": (6, 3)}
    assert target.tolist() == [0, 1, 0, 1, 0, 1]
    assert type(bundle.signature).from_dict(bundle.signature.to_dict()) == bundle.signature


def test_inputs_alone_are_their_own_target_and_that_is_said() -> None:
    bundle = loaders(DataLoader(TensorDataset(torch.rand(8, 3)), batch_size=4))
    inputs, target = bundle.example(8)
    assert torch.equal(inputs, target)
    assert any("each item is its own target" in finding.text for finding in bundle.report.findings)


def test_splits_that_do_not_fit_each_other_are_named(root: Path) -> None:
    train = DataLoader(images(root, "train", *STEPS), batch_size=4)
    small = DataLoader(images(root, "test", transforms.Resize((8, 8)), *STEPS), batch_size=4)
    with pytest.raises(DataError, match=r"val yields float32 \(N, 3, 8, 8\), train float32 \(N, 3, 20, 28\)"):
        loaders(train, small)
    with pytest.raises(DataError, match=r"class number 2, but 2 class names; expected 0..1"):
        loaders(train, class_names=["a", "b"])


def test_numbers_come_in_the_types_that_tasks_take() -> None:
    x, y = torch.rand(12, 3, dtype=torch.float64), torch.arange(12)
    numbers = loaders(DataLoader(TensorDataset(x, y.double()), batch_size=4))
    inputs, target = numbers.example(6)
    assert (inputs.dtype, target.dtype, target.shape) == (torch.float32, torch.float32, (6, 1))  # type: ignore[union-attr]
    assert numbers.train.targets is not None
    assert numbers.train.targets.shape == (12, 1)
    assert "float64: read as float32" in str(numbers.report)
    assert numbers.signature.inputs[0].dtype == "float32"
    asked = loaders(DataLoader(TensorDataset(x, y), batch_size=4), task="regression")
    assert asked.example(3)[1].tolist() == [[0.0], [1.0], [2.0]]
    small = loaders(DataLoader(TensorDataset(x, (y % 2).to(torch.int32)), batch_size=4))
    assert small.example()[1].dtype == torch.int64
