"""Folders of pictures with more than 8 bits a channel: their range, in training and in a service alike."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lepton_nb.data import DataBundle, folder, from_spec
from lepton_nb.errors import DataError
from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.plots.gallery import as_picture
from lepton_nb.tasks import get_task
from lepton_nb.tasks.images import load_image, normalise
from tests.serving_support import front

SIDE = 8


def png(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel with 1 to 4 channels, which PIL reads in part and cannot write."""
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts])


def encoded(pixels: np.ndarray) -> bytes:
    if pixels.dtype == np.uint16 and pixels.ndim == 3:
        return png(pixels)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG" if pixels.dtype == np.uint16 else "TIFF")
    return stream.getvalue()


def make_folder(
    root: Path, dtype: str, low: float, high: float, *, channels: int = 0, count: int = 12
) -> Path:
    """Pictures of noise in the lower and in the upper half of a range, which has both its ends."""
    rng = np.random.default_rng(0)
    middle = (low + high) / 2
    for name, first, last in (("dark", low, middle), ("light", middle, high)):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.uniform(first, last, (SIDE, SIDE, channels) if channels else (SIDE, SIDE))
            pixels.flat[:2] = first, last
            suffix = "png" if dtype == "uint16" else "tif"
            (root / name / f"{i:02}.{suffix}").write_bytes(encoded(pixels.astype(dtype)))
    return root


KINDS = [
    ("uint16", 0, 250, 0, "use 0..250 of 65,535"),
    ("uint16", 0, 2000, 0, "use 0..2,000 of 65,535"),
    ("uint16", 0, 60000, 0, "use 0..60,000 of 65,535"),
    ("uint16", 100, 900, 3, "use 100..900 of 65,535"),
    ("uint16", 0, 2000, 4, "use 0..2,000 of 65,535"),
    ("int32", -1000, 3000, 0, "use -1,000..3,000:"),
    ("float32", 0, 1, 0, "floats for pixels and use 0..1:"),
    ("float32", -0.5, 1000, 0, "use -0.5..1000"),
]


@pytest.mark.parametrize(("dtype", "low", "high", "channels", "said"), KINDS)
def test_the_range_of_the_training_pictures_is_measured_said_and_kept(
    tmp_path: Path, dtype: str, low: float, high: float, channels: int, said: str
) -> None:
    bundle = folder(make_folder(tmp_path / "x", dtype, low, high, channels=channels))
    settings = bundle.signature.preprocessing
    assert settings["range"] == pytest.approx([low, high])
    assert settings["mode"] == ("RGB" if channels else "L")
    assert any(said in warning for warning in bundle.report.warnings), bundle.report
    assert sum(bundle.report.sizes.values()) == 24
    assert bundle.splits.keys() == {"train", "val", "test"}
    inputs, _ = bundle.example(4, "test")
    assert len(np.unique(np.asarray(inputs))) > 50
    by_codec = get_task(bundle.task.name).codec(bundle.signature).prepare(raws(bundle))[0]
    np.testing.assert_allclose(inputs, by_codec, atol=1e-6)
    assert from_spec(bundle.spec).fingerprint == bundle.fingerprint if bundle.spec else False


def raws(bundle: DataBundle) -> list[Image.Image]:
    return [bundle.test.raw(i) for i in range(min(4, len(bundle.test)))]


@pytest.mark.parametrize("stream", [False, True])
def test_pixels_are_scaled_from_the_range(tmp_path: Path, stream: bool) -> None:
    root = make_folder(tmp_path / "x", "uint16", 0, 510)
    bundle = folder(root, val_fraction=0, test_fraction=0, stream=stream)
    settings = bundle.signature.preprocessing
    values = np.stack([np.asarray(Image.open(file)) for file in sorted(root.rglob("*.png"))])
    pixels = np.rint(values / 2).astype(np.uint8)[:, None]
    (batch,) = (inputs for inputs, _ in bundle.loader("train", batch_size=99, shuffle=False).batches(0))
    np.testing.assert_allclose(batch, normalise(pixels, settings["mean"], settings["std"]), atol=1e-5)


def test_values_beyond_the_range_count_as_its_ends(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x" / "train", "uint16", 100, 900).parent
    make_folder(root / "test", "uint16", 0, 60000)
    bundle = folder(root)
    assert bundle.signature.preprocessing["range"] == [100, 900]
    settings = bundle.signature.preprocessing
    inputs = np.asarray(bundle.example(24, "test")[0])
    pixels = inputs * settings["std"][0] + settings["mean"][0]
    assert (pixels.min(), pixels.max()) == pytest.approx((0, 1), abs=1e-6)


def test_pictures_are_shown_in_the_range(tmp_path: Path) -> None:
    bundle = folder(make_folder(tmp_path / "x", "uint16", 0, 510), val_fraction=0, test_fraction=0)
    dark, light = (as_picture(bundle.train.raw(i)) for i in (0, 23))
    assert dark is not None
    assert light is not None
    assert dark.max() <= 128 <= light.min() + 1
    assert bundle.report.figure() is not None


def test_eight_bits_stay_as_they_are(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", "uint8", 0, 100)
    bundle = folder(root)
    assert "range" not in bundle.signature.preprocessing
    assert not any("bits a channel" in warning for warning in bundle.report.warnings)


def test_a_few_bright_pixels_that_leave_no_levels_are_a_warning(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", "uint16", 0, 250, count=40)
    for file in root.rglob("00.png"):
        pixels = np.array(Image.open(file))
        pixels[3, 3] = 65535
        file.write_bytes(encoded(pixels))
    bundle = folder(root, val_fraction=0, test_fraction=0)
    assert any("2 levels of 256 are left" in warning for warning in bundle.report.warnings), bundle.report


@pytest.mark.parametrize("dtype", ["uint16", "uint8", "float32"])
def test_equal_pictures_are_one_error_with_the_reason(tmp_path: Path, dtype: str) -> None:
    for name in ("a", "b"):
        (tmp_path / "x" / name).mkdir(parents=True)
        for i in range(12):
            (tmp_path / "x" / name / f"{i}.tif").write_bytes(encoded(np.full((SIDE, SIDE), 7, dtype)))
    with pytest.raises(DataError, match="All 24 items are equal: there is nothing to learn"):
        folder(tmp_path / "x")


def test_a_split_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x" / "train", "uint16", 0, 900).parent
    for name in ("dark", "light"):
        (root / "test" / name).mkdir(parents=True)
        (root / "test" / name / "0.png").write_text("no picture")
    with pytest.raises(DataError, match=r"Nothing is left of test\. 2 unreadable or truncated files"):
        folder(root)


def test_a_signature_without_a_range_keeps_the_upper_bits() -> None:
    values = (np.arange(SIDE * SIDE * 3, dtype=np.uint16) * 300).reshape(SIDE, SIDE, 3)
    np.testing.assert_array_equal(load_image(encoded(values), "RGB", None), (values >> 8).transpose(2, 0, 1))
    np.testing.assert_array_equal(
        load_image(encoded(values[..., 0].copy()), "L", None)[0], values[..., 0] >> 8
    )


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "media_type"), [("uint16", "image/png"), ("float32", "image/tiff")])
def test_a_service_scales_like_training(tmp_path: Path, dtype: str, media_type: str) -> None:
    root = make_folder(tmp_path / "x", dtype, 0, 200)
    bundle = folder(root, val_fraction=0, test_fraction=0)
    model = get_task(bundle.task.name).starters()["SmallCNN"](bundle.signature).eval()
    inputs, _ = bundle.example(24)
    spec, origin = (
        ModelSpec(kind="live", name="SmallCNN", missing=["a starter"]),
        Origin("net", "0", "net@1", ""),
    )
    (tmp_path / "package").mkdir()
    write_package(tmp_path / "package", model, (inputs,), bundle.signature, spec, origin)
    files = [file.read_bytes() for file in sorted(root.rglob("*.*"))]
    with front(tmp_path / "state", Package.load(tmp_path / "package")) as server:
        expected = server.predict(inputs).json()["predictions"]
        texts = [base64.b64encode(content).decode() for content in files]
        assert server.client.post("/predict", json={"images": texts}).json()["predictions"] == expected
        answer = server.client.post("/predict", content=files[0], headers={"Content-Type": media_type})
        assert answer.json()["predictions"][0]["label"] == expected[0]["label"]
        assert answer.json()["predictions"][0]["score"] == pytest.approx(expected[0]["score"], abs=1e-5)
