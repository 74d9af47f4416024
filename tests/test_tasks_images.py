"""Pictures as model inputs: every source, every way to be broken."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.images import MAX_PIXELS, load_image, normalise

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


@pytest.fixture
def codec() -> Codec:
    signature = Signature(
        "image-classification",
        (TensorSpec("image", "float32", (3, 8, 10)),),
        TensorSpec("logits", "float32", (2,)),
        ("cat", "dog"),
        {"kind": "image", "mode": "RGB", "size": [8, 10], "mean": MEAN, "std": STD},
    )
    return get_task(signature.task).codec(signature)


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def test_every_source_of_a_picture_gives_the_same_input(
    codec: Codec, picture: Image.Image, tmp_path: Path
) -> None:
    png = encoded(picture)
    path = tmp_path / "a.png"
    path.write_bytes(png)
    text = base64.b64encode(png).decode()
    pixels = np.asarray(picture)
    expected = (pixels.transpose(2, 0, 1) / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    sources = [
        png,
        path,
        str(path),
        picture,
        pixels,
        torch.from_numpy(pixels.copy()),
        [path],
        {"image": text},
    ]
    batches = [codec.prepare(source)[0] for source in sources]
    batches += [
        codec.decode_bytes(png, "image/png")[0],
        codec.decode_json({"image": f"data:image/png;base64,{text}"})[0],
        codec.decode_json({"images": [text[:40] + "\n" + text[40:]]})[0],
    ]
    for batch in batches:
        assert batch.dtype == np.float32
        assert batch.flags.c_contiguous
        np.testing.assert_allclose(batch[0], expected, atol=1e-6)


def test_raw_tensors_are_taken_as_they_are(codec: Codec) -> None:
    values = np.random.default_rng(1).normal(size=(2, 3, 8, 10)).astype(np.float32)
    (batch,) = codec.decode_json({"inputs": values.tolist()})
    np.testing.assert_array_equal(batch, values)
    np.testing.assert_array_equal(codec.prepare(values[0])[0], values[:1])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_every_promised_format_is_read_and_resized(codec: Codec, picture: Image.Image, kind: str) -> None:
    media_type = f"image/{kind.lower()}"
    assert media_type in codec.form.media_types
    (batch,) = codec.decode_bytes(encoded(picture.resize((31, 17)), kind), media_type)
    assert batch.shape == (1, 3, 8, 10)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK", "I;16"])
def test_every_colour_mode_becomes_rgb_and_grey(picture: Image.Image, mode: str) -> None:
    converted = picture.convert("L").convert("I;16") if mode == "I;16" else picture.convert(mode)
    source = encoded(converted, "TIFF")
    assert load_image(source, "RGB", None).shape == (3, 8, 10)
    assert load_image(source, "L", None).shape == (1, 8, 10)


def test_sixteen_bit_greys_keep_their_shades() -> None:
    wide = (np.arange(256, dtype=np.uint16).reshape(16, 16)) * 257
    read = load_image(encoded(Image.fromarray(wide)), "L", None)
    np.testing.assert_array_equal(read[0], np.arange(256).reshape(16, 16))


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("uint16", 100, 900), ("int32", -50, 70), ("float32", 0, 1)]
)
def test_a_range_says_what_is_black_and_what_is_white(dtype: str, low: float, high: float) -> None:
    values = np.linspace(low, high, 256).astype(dtype).reshape(16, 16)
    expected = np.rint((values.astype(float) - low) * 255 / (high - low)).astype(np.uint8)
    source = encoded(Image.fromarray(values), "TIFF")
    np.testing.assert_array_equal(load_image(source, "L", None, value_range=(low, high))[0], expected)
    if dtype == "uint16":
        np.testing.assert_array_equal(load_image(values, "L", None, value_range=(low, high))[0], expected)
    beyond = load_image(source, "L", None, value_range=(low, (low + high) / 2))
    assert (beyond.min(), beyond.max()) == (0, 255)
    grey = Image.fromarray(expected)
    np.testing.assert_array_equal(load_image(grey, "L", None, value_range=(low, high))[0], expected)


def test_values_that_are_no_numbers_are_black_or_white() -> None:
    values = np.array([[np.nan, -np.inf, np.inf, 0.5]], dtype=np.float32)
    read = load_image(encoded(Image.fromarray(values), "TIFF"), "L", None, value_range=(0, 1))
    assert read.tolist() == [[[0, 0, 255, 128]]]


def test_a_turned_picture_of_sixteen_bits_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.arange(24, dtype=np.uint16).reshape(4, 6)
    turned = load_image(encoded(Image.fromarray(values), exif=exif), "L", None, value_range=(0, 255))
    np.testing.assert_array_equal(turned[0], np.rot90(values, -1))


def test_the_exif_orientation_turns_the_picture_upright(picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90° clockwise
    turned = load_image(encoded(picture, exif=exif), "RGB", None)
    np.testing.assert_array_equal(turned, load_image(picture.rotate(-90, expand=True), "RGB", None))


def test_a_photo_decoded_small_looks_like_the_photo() -> None:
    y, x = np.mgrid[0:1200, 0:1600]
    pixels = np.stack([x / 1600 * 255, y / 1200 * 255, (x + y) / 2800 * 255], axis=-1).astype(np.uint8)
    jpeg = encoded(Image.fromarray(pixels), "JPEG", quality=95)
    whole = load_image(Image.open(io.BytesIO(jpeg)), "RGB", (32, 32)).astype(int)
    assert np.abs(load_image(jpeg, "RGB", (32, 32)).astype(int) - whole).mean() < 1.0


@pytest.mark.parametrize("size", [(50, 37), (37, 50), (64, 64), (31, 90)])
def test_a_short_side_and_a_crop_are_torchvisions(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    theirs = transforms.Compose([transforms.Resize(32), transforms.CenterCrop((24, 28))])(picture)
    ours = load_image(picture, "RGB", (24, 28), short_side=32)
    np.testing.assert_array_equal(ours, np.asarray(theirs).transpose(2, 0, 1))


def test_reading_leaves_the_callers_own_picture_alone() -> None:
    photo = Image.open(io.BytesIO(encoded(Image.new("RGB", (640, 480), "red"), "JPEG")))
    load_image(photo, "L", (8, 8))
    assert (photo.mode, photo.size) == ("RGB", (640, 480))


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(10_000, 5_001), (10_000, 10_000), (100_000, 100_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(codec: Codec, size: tuple[int, int]) -> None:
    assert size[0] * size[1] > MAX_PIXELS
    with pytest.raises(InputError, match=r"pixels|too large"):
        codec.decode_bytes(bomb(*size), "image/png")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"image": "not base64!"}, "'image' is not valid base64"),
        ({"image": "aGVsbG8="}, "is not a picture this reads"),
        ({"image": ""}, "the picture has no bytes"),
        ({"image": 5}, "'image' must be a picture file in base64, got a number"),
        ({"image": "https://example.org/cat.png"}, "'image' is a link: send the picture itself"),
        ({"images": []}, "'images' is empty"),
        ({"images": "abc"}, "'images' must be a list, got a string"),
        ({"picture": "abc"}, "unknown key 'picture'"),
        ({"image": "a", "inputs": []}, "send exactly one of 'image' or 'images' or 'inputs'"),
        ({"inputs": [[[0.0]]]}, r"has the shape \(1, 1, 1\), expected \(N, 3, 8, 10\)"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(codec: Codec, value: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        codec.decode_json(value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_damaged(codec: Codec, kind: str, share: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(pixels), kind)
    with pytest.raises(InputError, match=r"damaged|not a picture|cannot be read"):
        codec.decode_bytes(whole[: int(len(whole) * share)], f"image/{kind.lower()}")


def test_random_damage_is_never_anything_but_an_input_error(codec: Codec, picture: Image.Image) -> None:
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        whole = np.frombuffer(encoded(picture, kind), np.uint8)
        for _ in range(60):
            damaged = whole.copy()
            damaged[rng.integers(0, len(damaged), 5)] = rng.integers(0, 256, 5)
            try:
                (batch,) = codec.decode_bytes(damaged.tobytes(), f"image/{kind.lower()}")
            except InputError:
                continue
            assert batch.shape == (1, 3, 8, 10)


def test_the_bad_picture_of_a_batch_is_named(codec: Codec, picture: Image.Image) -> None:
    good = base64.b64encode(encoded(picture)).decode()
    with pytest.raises(InputError, match="picture 1: the PNG is damaged") as caught:
        codec.decode_json({"images": [good, good[:200]]})
    assert caught.value.index == 1
    with pytest.raises(InputError, match=r"images\[2\]") as caught:
        codec.decode_json({"images": [good, good, None]})
    assert caught.value.index == 2


@pytest.mark.parametrize(
    "array", [np.zeros((8, 10, 5), np.uint8), np.zeros((8, 10, 3)), np.zeros((2, 2, 2, 2), np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="picture"):
        load_image(array, "RGB", None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.png cannot be read"):
        load_image(tmp_path / "nowhere.png", "RGB", None)


def test_channels_may_come_first_or_last() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    last, first = load_image(pixels, "RGB", None), load_image(pixels.transpose(2, 0, 1), "RGB", None)
    np.testing.assert_array_equal(last, first)


def test_normalising_is_exact() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 5), dtype=np.uint8)
    expected = (batch / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(normalise(batch, MEAN, STD), expected, atol=1e-6)


def test_the_example_is_a_picture_that_works(codec: Codec) -> None:
    jsonschema.Draft202012Validator.check_schema(codec.request_schema())
    jsonschema.validate(codec.example(), codec.request_schema())
    assert codec.decode_json(codec.example())[0].shape == (1, 3, 8, 10)
