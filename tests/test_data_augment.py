"""Augmentation: what each preset may and may not do to a picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as V

from lepton_nb.data.ordering import generator
from lepton_nb.data.pictures.augment import Augmenter, augmenter_for
from lepton_nb.data.pictures.augment_ops import GENTLE_OPS, OPS, apply_random_ops, erase_rectangles


@pytest.fixture
def batch() -> Tensor:
    return torch.randint(0, 256, (300, 3, 16, 20), dtype=torch.uint8, generator=generator(0))


def only(op: str, batch: Tensor) -> Tensor:
    return apply_random_ops(batch.clone(), [op], generator(3))


def test_every_crop_is_one_of_the_padded_pictures_crops(batch: Tensor) -> None:
    result = Augmenter(shift=2, flip=True)(batch, torch.arange(300), generator(1))
    padded = torch.nn.functional.pad(batch.float(), (2, 2, 2, 2), mode="reflect").to(torch.uint8)
    seen = set()
    for original, ours in zip(padded, result, strict=True):
        crops = {
            (top, left, flip): original[:, top : top + 16, left : left + 20].flip(2)
            if flip
            else original[:, top : top + 16, left : left + 20]
            for top in range(5)
            for left in range(5)
            for flip in (False, True)
        }
        matches = [key for key, crop in crops.items() if torch.equal(crop, ours)]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 50  # every shift, with and without mirroring


def test_rows_choose_the_pictures(batch: Tensor) -> None:
    rows = torch.tensor([5, 5, 7])
    result = Augmenter(shift=0, flip=False)(batch, rows, generator(1))
    assert torch.equal(result, batch[rows])


def test_digits_are_never_mirrored_and_the_report_says_so() -> None:
    augmenter, said = augmenter_for("standard", mode="L", size=(28, 28), mean=(0.1,))
    assert augmenter == Augmenter(shift=3, flip=False)
    assert "without mirroring" in said[0].text
    strong, _ = augmenter_for("strong", mode="L", size=(28, 28), mean=(0.1,))
    assert strong is not None
    assert not strong.flip
    assert strong.ops == GENTLE_OPS
    colour, _ = augmenter_for("standard", mode="RGB", size=(28, 28), mean=(0.1,) * 3)
    assert colour is not None
    assert colour.flip
    assert augmenter_for("none", mode="RGB", size=(28, 28), mean=(0.1,) * 3) == (None, [])


def test_grey_photos_are_mirrored_but_not_coloured() -> None:
    augmenter, _ = augmenter_for("strong", mode="L", size=(112, 92), mean=(0.5,))
    assert augmenter is not None
    assert augmenter.flip
    assert "saturation" not in augmenter.ops
    faces = torch.randint(0, 256, (30, 1, 112, 92), dtype=torch.uint8)
    assert augmenter(faces, torch.arange(30), generator(0)).shape == faces.shape


@pytest.mark.parametrize("op", OPS)
def test_every_operation_keeps_shape_and_type_and_draws_for_every_picture(op: str) -> None:
    picture = torch.randint(0, 200, (1, 3, 16, 20), dtype=torch.uint8, generator=generator(5))
    same = picture.expand(40, -1, -1, -1).clone()
    result = only(op, same)
    assert result.shape == same.shape
    assert result.dtype == torch.uint8
    different = len(torch.unique(result.flatten(1), dim=0))
    if op in ("identity", "autocontrast", "equalize"):
        assert different == 1
    else:
        assert different > 3
    assert torch.equal(result, same) == (op == "identity")


def test_operations_agree_with_torchvision() -> None:
    batch = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8, generator=generator(5))
    strength = float(torch.rand(1, generator=_after_choice()) * 2 - 1)
    ours = only("rotate", batch).float()
    theirs = V.rotate(batch, angle=strength * 30, interpolation=V.InterpolationMode.BILINEAR).float()
    middle = (slice(None), slice(None), slice(5, 11), slice(5, 11))  # borders are reflected here, black there
    assert (ours[middle] - theirs[middle]).abs().max() <= 2
    bright = V.adjust_brightness(batch, 1 + 0.9 * strength).float()
    assert (only("brightness", batch).float() - bright).abs().max() <= 1


def _after_choice() -> torch.Generator:
    source = generator(3)
    torch.randint(1, (1,), generator=source)
    return source


def test_a_picture_gets_one_operation_and_most_get_some(batch: Tensor) -> None:
    result = apply_random_ops(batch.clone(), OPS, generator(9))
    changed = (result != batch).flatten(1).any(1).float().mean()
    assert 0.75 < changed < 0.99


def test_a_quarter_of_the_pictures_gets_one_rectangle_of_the_fill() -> None:
    batch = torch.zeros(2000, 3, 24, 24, dtype=torch.uint8)
    result = erase_rectangles(batch, (10, 20, 30), generator(1))
    mask = (result != 0).all(1)
    areas = mask.flatten(1).sum(1)
    assert 0.2 < (areas > 0).float().mean() < 0.3
    assert areas.max() <= 0.25 * 24 * 24
    first = mask[areas > 0][0]
    rows, columns = first.any(1).sum(), first.any(0).sum()
    assert rows * columns == first.sum()  # a rectangle
    assert torch.equal(
        result[areas > 0][0][:, first].unique(dim=1).flatten(), torch.tensor([10, 20, 30], dtype=torch.uint8)
    )


def test_the_same_draws_give_the_same_pictures(batch: Tensor) -> None:
    strong, _ = augmenter_for("strong", mode="RGB", size=(16, 20), mean=(0.4, 0.5, 0.6))
    assert strong is not None
    rows = torch.arange(300)
    before = batch.clone()
    assert torch.equal(strong(batch, rows, generator(1, 2)), strong(batch, rows, generator(1, 2)))
    assert torch.equal(batch, before)
