"""Arrays and tensors: which layouts are pictures, what targets may be, and everything that can be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lepton_nb.data import arrays, load
from lepton_nb.errors import ArgumentError, DataError

LABELS = np.arange(60) % 3


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "mode", "expected"),
    [
        ((3, 8, 10), "RGB", (3, 8, 10)),
        ((8, 10, 3), "RGB", (3, 8, 10)),
        ((1, 8, 10), "L", (1, 8, 10)),
        ((8, 10, 1), "L", (1, 8, 10)),
        ((8, 10), "L", (1, 8, 10)),
    ],
)
def test_pictures_are_recognised_in_every_layout(
    shape: tuple[int, ...], mode: str, expected: tuple[int, ...]
) -> None:
    x = pixels(*shape)
    bundle = arrays(x, LABELS, seed=1)
    assert bundle.signature.task == "image-classification"
    assert bundle.signature.preprocessing["mode"] == mode
    assert bundle.signature.inputs[0].shape == expected
    (prepared,) = bundle.task.codec(bundle.signature).prepare([bundle.train.raw(i) for i in range(5)])
    np.testing.assert_allclose(bundle.example(5)[0], prepared, atol=1e-6)
    picture = np.asarray(bundle.train.raw(0))
    originals = np.moveaxis(x, 1, -1) if x.ndim == 4 and x.shape[1] in (1, 3) else x
    assert any(np.array_equal(picture.squeeze(), original.squeeze()) for original in originals)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64) / 255,
        lambda x: x.astype(np.float32),
        lambda x: x.astype(np.int64),
        lambda x: torch.from_numpy(x),
        lambda x: (torch.from_numpy(x).float() / 255).requires_grad_(),
    ],
)
def test_pixels_in_other_types_are_the_same_pictures(convert: Any) -> None:
    x = pixels(3, 8, 8)
    reference = arrays(x, LABELS)
    bundle = arrays(convert(x), LABELS)
    torch.testing.assert_close(bundle.example(10), reference.example(10))
    assert bundle.signature == reference.signature


def test_floats_between_the_steps_of_a_byte_are_rounded_and_said_so() -> None:
    bundle = arrays(np.random.default_rng(0).random((60, 3, 8, 8)), LABELS)
    assert bundle.signature.preprocessing["kind"] == "image"
    assert "8 bits" in str(bundle.report)


@pytest.mark.parametrize("shape", [(3, 8, 8), (5, 8, 8), (12, 4)])
def test_other_floats_reach_the_model_as_they_are(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(60, *shape)).astype(np.float32)
    bundle = arrays(x, LABELS, val_fraction=0, test_fraction=0)
    assert bundle.signature.preprocessing == {"kind": "tensor"}
    np.testing.assert_array_equal(bundle.example(60)[0], x)
    np.testing.assert_array_equal(bundle.train.raw(7), x[7])
    expected = "image-classification" if len(shape) == 3 else "tabular-classification"
    assert bundle.task.name == expected


def test_rows_keep_all_their_columns_and_are_standardised() -> None:
    x = np.random.default_rng(0).normal(5, 3, (60, 4))
    x[:, 2] = 7  # a constant column stays: the model was written for four
    x[3, 0] = np.nan
    bundle = arrays(x, LABELS, val_fraction=0, test_fraction=0)
    inputs, _ = bundle.example(60)
    assert isinstance(inputs, torch.Tensor)
    assert inputs.shape == (60, 4)
    torch.testing.assert_close(inputs[:, 1].std(correction=0), torch.tensor(1.0))
    assert torch.isfinite(inputs).all()
    assert "1 empty value" in str(bundle.report)
    assert bundle.train.raw(0)["x1"] == x[0, 1]
    assert bundle.train.raw(3)["x0"] is None
    (prepared,) = bundle.task.codec(bundle.signature).prepare([bundle.train.raw(i) for i in range(60)])
    np.testing.assert_allclose(inputs, prepared, rtol=1e-6)


def test_a_frame_and_a_series_are_a_table() -> None:
    x = pd.DataFrame({"city": ["a", "b", "c"] * 20, "age": range(0, 180, 3)})
    bundle = load((x, pd.Series(LABELS, name="kind")))
    assert bundle.signature.target == {"name": "kind"}
    assert [column["name"] for column in bundle.signature.preprocessing["columns"]] == ["city", "age"]


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (LABELS, ("0", "1", "2")),
        (LABELS.reshape(-1, 1), ("0", "1", "2")),
        (LABELS + 5, ("5", "6", "7")),
        (np.array(["c", "a", "b"])[LABELS], ("a", "b", "c")),
        (torch.from_numpy(LABELS), ("0", "1", "2")),
        (np.eye(3)[LABELS], ("0", "1", "2")),
        (LABELS == 0, ("False", "True")),
        (LABELS.tolist(), ("0", "1", "2")),
    ],
)
def test_classes_come_as_numbers_names_or_one_hot(y: Any, names: tuple[str, ...]) -> None:
    bundle = arrays(pixels(3, 8, 8), y)
    assert bundle.signature.class_names == names
    assert bundle.example()[1].dtype == torch.int64


def test_class_names_are_the_users() -> None:
    bundle = arrays(pixels(3, 8, 8), LABELS, class_names=["cat", "dog", "fox", "owl"])
    assert bundle.signature.class_names == ("cat", "dog", "fox", "owl")
    assert any("1 of 4 classes have no items in train" in warning for warning in bundle.report.warnings)


def test_several_quantities_are_standardised_each() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 5)), rng.normal((3, -50), (1, 20), size=(80, 2))
    bundle = arrays(x, y)
    assert bundle.signature.task == "tabular-regression"
    assert bundle.signature.output.shape == (2,)
    _, target = bundle.example(len(bundle.train))
    torch.testing.assert_close(target.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    own = target.double() * torch.tensor(bundle.signature.target["std"]) + torch.tensor(
        bundle.signature.target["mean"]
    )
    assert np.isclose(own[:, None], y[None], atol=1e-4).all(-1).any(1).all()
    assert arrays(x, y[:, 0]).signature.output.shape == (1,)


def test_pictures_with_quantities_are_a_regression_on_tensors() -> None:
    bundle = arrays(pixels(3, 8, 8), np.random.default_rng(0).normal(size=60))
    assert bundle.signature.task == "tabular-regression"
    assert bundle.signature.preprocessing == {"kind": "tensor"}
    assert bundle.example()[0].max() <= 1  # type: ignore[union-attr]
    with pytest.raises(ArgumentError, match="augment='strong' is for the classes of pictures"):
        arrays(pixels(3, 8, 8), np.random.default_rng(0).normal(size=60), augment="strong")


def test_a_test_pair_is_kept_as_keras_gives_it() -> None:
    x = pixels(8, 8)
    bundle = load(((x[:40], LABELS[:40]), (x[40:], LABELS[40:])))
    assert bundle.report.sizes == {"train": 36, "val": 4, "test": 20}
    assert np.array_equal(np.asarray(bundle.split("test").raw(3)), x[43])
    both = arrays(x[:40], LABELS[:40], val=(x[40:50], LABELS[40:50]), test=(x[50:], LABELS[50:]))
    assert both.report.sizes == {"train": 40, "val": 10, "test": 10}


def test_equal_pictures_in_train_and_test_are_removed() -> None:
    x = pixels(3, 8, 8)
    x[0] = x[55]
    bundle = arrays(x[:50], LABELS[:50], test=(x[50:], LABELS[50:]), val_fraction=0)
    assert bundle.report.sizes["train"] == 49
    assert "item 0 = item 55" in str(bundle.report)


@pytest.mark.parametrize(
    ("x", "y", "options", "expected"),
    [
        (pixels(3, 8, 8), LABELS[:50], {}, r"X of train has the shape (60, 3, 8, 8), y (50,)"),
        (pixels(3, 8, 8)[:0], LABELS[:0], {}, "one target an item"),
        (pixels(3, 8, 8), LABELS, {"test": (pixels(3, 9, 9), LABELS)}, "those of train (3, 8, 8)"),
        ([np.zeros((3, 8, 8)), np.zeros((3, 9, 9))], [0, 1], {}, "differ in shape"),
        (np.arange(60), LABELS, {}, "expected (items, features)"),
        (np.array(["a b", "c"] * 30), LABELS, {}, "takes texts"),
        (pixels(3, 8, 8), np.zeros(60, int), {}, "one class only ('0')"),
        (pixels(3, 8, 8), np.array([0] * 59 + [1]), {}, "Class '1' has 1 item"),
        (pixels(3, 8, 8), LABELS, {"class_names": ["a", "b"]}, "class numbers 0..1"),
        (pixels(4), np.full(60, np.nan), {}, "NaN or infinite"),
        (pixels(4), np.zeros((60, 2, 2)), {}, "expected (items,) or (items, values)"),
        (
            pixels(4),
            np.random.default_rng(0).random((60, 2)),
            {"task": "classification"},
            "expected class numbers",
        ),
        (
            np.where(pixels(3, 4) > 9, pixels(3, 4), np.inf),
            LABELS,
            {},
            "NaN or infinite values",
        ),
        (pixels(3, 8, 8), LABELS, {"augment": "hard"}, "augment is 'hard'"),
    ],
)
def test_arrays_that_cannot_be_learned_from_are_explained(
    x: Any, y: Any, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        arrays(x, y, **options)
    assert expected in str(caught.value)
