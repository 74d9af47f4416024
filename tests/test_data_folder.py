"""Folders of pictures: layouts, cleaning, leakage, size and mode, the cache, and all that can be wrong."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lepton_nb.data import DataBundle, folder, from_spec
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.pictures import decoding, pixel_cache
from lepton_nb.data.pictures.lazy import LazySplit
from lepton_nb.errors import DataError, LeptonError
from lepton_nb.tasks.dicom import open_dicom
from lepton_nb.tasks.images import load_image, normalise


def picture(seed: int, *, side: int = 12, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def make_folder(
    root: Path, counts: dict[str, int], *, seed: int = 0, side: int = 12, mode: str = "RGB"
) -> Path:
    """PNG files: ``counts`` maps a relative folder such as ``train/cat`` to how many it gets."""
    for place, count in counts.items():
        (root / place).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            seed += 1
            picture(seed, side=side, mode=mode).save(root / place / f"{i:03}.png")
    return root


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "animals", {"train/cat": 20, "train/dog": 20, "test/cat": 5, "test/dog": 5})


def texts(bundle: DataBundle) -> str:
    return str(bundle.report)


def test_train_and_test_folders_keep_their_test_and_give_a_validation_part(animals: Path) -> None:
    bundle = folder(animals)
    assert bundle.report.counts == {
        "train": {"cat": 17, "dog": 18},
        "val": {"cat": 3, "dog": 2},
        "test": {"cat": 5, "dog": 5},
    }
    assert list(bundle.splits) == ["train", "val", "test"]
    assert bundle.signature.class_names == ("cat", "dog")
    assert bundle.name == "animals"


def test_one_folder_is_split_in_three_with_the_same_mix(tmp_path: Path) -> None:
    bundle = folder(make_folder(tmp_path / "x", {"a": 30, "b": 10}))
    assert bundle.report.counts == {
        "train": {"a": 20, "b": 7},
        "val": {"a": 3, "b": 1},
        "test": {"a": 7, "b": 2},
    }


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_folder_is_used_and_no_test_is_invented(tmp_path: Path, name: str) -> None:
    root = make_folder(tmp_path / "x", {"train/a": 6, "train/b": 6, f"{name}/a": 2, f"{name}/b": 2})
    assert folder(root).report.sizes == {"train": 12, "val": 4}


def test_batches_are_what_the_service_makes_of_the_files(animals: Path) -> None:
    bundle = folder(animals)
    settings = bundle.signature.preprocessing
    assert (settings["mode"], settings["size"]) == ("RGB", [12, 12])
    inputs, target = bundle.example(4, "test")
    files = [animals / "test" / "cat" / f"{i:03}.png" for i in range(4)]
    pixels = np.stack([load_image(file, "RGB", (12, 12)) for file in files])
    np.testing.assert_allclose(inputs, normalise(pixels, settings["mean"], settings["std"]), atol=1e-6)
    assert target.tolist() == [0, 0, 0, 0]
    (by_codec,) = bundle.task.codec(bundle.signature).prepare([bundle.split("test").raw(i) for i in range(4)])
    np.testing.assert_allclose(inputs, by_codec, atol=1e-6)


def test_normalisation_comes_from_the_training_pictures_alone(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", {"train/a": 6, "train/b": 6})
    for split, shade in (("test", 0), ("val", 255)):
        for name in "ab":
            (root / split / name).mkdir(parents=True)
            for i in range(3):
                Image.new("RGB", (12, 12), (shade, i, 0)).save(root / split / name / f"{i}.png")
    bundle = folder(root)
    files = sorted((root / "train").rglob("*.png"))
    pixels = np.stack([load_image(file, "RGB", None) for file in files]) / 255
    np.testing.assert_allclose(bundle.signature.preprocessing["mean"], pixels.mean((0, 2, 3)), atol=1e-5)
    np.testing.assert_allclose(bundle.signature.preprocessing["std"], pixels.std((0, 2, 3)), atol=1e-5)
    whole = torch.cat(
        [inputs for inputs, _ in bundle.loader("train", batch_size=5, shuffle=False).batches(0)]
    )
    assert whole.mean().abs() < 1e-4
    assert (whole.std() - 1).abs() < 1e-2


def test_unreadable_and_truncated_files_are_named_and_skipped(animals: Path) -> None:
    photo = animals / "train" / "cat" / "photo.jpg"
    picture(1, side=64).save(photo)
    photo.write_bytes(photo.read_bytes()[:700])
    (animals / "train" / "dog" / "notes.jpg").write_text("no picture")
    (animals / "test" / "dog" / "empty.png").write_bytes(b"")
    bundle = folder(animals, image_size=12)
    assert sum(bundle.report.sizes.values()) == 50
    (finding,) = [f for f in bundle.report.findings if "unreadable" in f.text]
    assert finding.warning
    assert finding.text.startswith("3 ")
    assert {example.split(":")[0] for example in finding.examples} == {
        "train/cat/photo.jpg",
        "train/dog/notes.jpg",
        "test/dog/empty.png",
    }


def test_pictures_of_the_test_are_removed_from_train_and_named(animals: Path) -> None:
    shutil.copy(animals / "test" / "cat" / "003.png", animals / "train" / "cat" / "leak.png")
    bundle = folder(animals, val_fraction=0)
    assert bundle.report.sizes == {"train": 40, "test": 10}
    (warning,) = bundle.report.warnings
    assert "1 picture of train also in test: removed from train" in warning
    assert "train/cat/leak.png = test/cat/003.png" in texts(bundle)


def test_the_same_picture_under_two_labels_is_a_warning(animals: Path) -> None:
    shutil.copy(animals / "train" / "cat" / "000.png", animals / "train" / "dog" / "same.png")
    bundle = folder(animals, val_fraction=0)
    assert any("with another label" in warning for warning in bundle.report.warnings)
    assert "train/cat/000.png and train/dog/same.png" in texts(bundle)


def test_repeated_pictures_are_counted_and_left_in(animals: Path) -> None:
    shutil.copy(animals / "train" / "cat" / "000.png", animals / "train" / "cat" / "again.png")
    bundle = folder(animals, val_fraction=0)
    assert bundle.report.sizes["train"] == 41
    assert "1 picture of train repeated within train" in texts(bundle)


def test_empty_classes_and_other_files_are_reported(animals: Path) -> None:
    (animals / "train" / "fox").mkdir()
    (animals / "train" / "cat" / "readme.md").write_text("about")
    (animals / "train" / "cat" / ".DS_Store").write_text("x")
    bundle = folder(animals)
    assert bundle.signature.class_names == ("cat", "dog")
    assert "1 class folder without pictures" in texts(bundle)
    assert "1 other file" in texts(bundle)
    assert "DS_Store" not in texts(bundle)


def test_a_class_missing_in_the_test_and_imbalance_are_warnings(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", {"train/a": 40, "train/b": 4, "train/c": 4, "test/a": 3, "test/b": 3})
    warnings = "\n".join(folder(root, val_fraction=0).report.warnings)
    assert "1:10" in warnings
    assert "1 of 3 classes have no items in test" in warnings


def test_a_test_folder_without_labels_is_left_out(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", {"train/a": 10, "train/b": 10, "test": 3})
    bundle = folder(root)
    assert "test/ has 3 pictures but no class folders: left out" in texts(bundle)
    assert bundle.report.sizes == {"train": 11, "val": 4, "test": 5}


def test_grey_pictures_are_recognised(tmp_path: Path) -> None:
    bundle = folder(make_folder(tmp_path / "x", {"a": 10, "b": 10}, mode="L"))
    assert bundle.signature.preprocessing["mode"] == "L"
    assert bundle.example()[0].shape == (2, 1, 12, 12)
    assert bundle.train.raw(0).mode == "L"


def test_pictures_of_one_size_keep_it_and_mixed_ones_become_squares(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", {"a": 10, "b": 10})
    make_folder(root, {"c": 10}, seed=99, side=30)
    bundle = folder(root)
    assert bundle.signature.preprocessing["size"] == [12, 12]
    assert "2 sizes from 12×12 to 30×30: resized to 12×12" in texts(bundle)
    assert folder(root, image_size="20x16").example()[0].shape == (2, 3, 20, 16)
    assert folder(root, image_size=8).example()[0].shape == (2, 3, 8, 8)


def test_the_orientation_of_a_camera_counts(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", {"a": 6, "b": 6})
    exif = Image.Exif()
    exif[0x0112] = 6
    for i, file in enumerate(sorted(root.rglob("*.png"))):
        picture(i, side=12).resize((20, 10)).save(file.with_suffix(".jpg"), exif=exif)
        file.unlink()
    bundle = folder(root)
    assert bundle.signature.preprocessing["size"] == [20, 10]
    assert bundle.train.raw(0).size == (10, 20)


def test_a_limit_keeps_every_class_and_decodes_no_more(animals: Path) -> None:
    seen: list[tuple[int, int]] = []
    bundle = folder(animals, limit=4, progress=lambda done, total: seen.append((done, total)))
    assert bundle.report.counts["train"] == {"cat": 2, "dog": 2}
    assert bundle.report.sizes == {"train": 4, "val": 4, "test": 4}
    assert seen[-1] == (12, 12)


def test_the_decoded_pixels_are_cached_until_a_file_changes(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache, "MIN_BYTES", 0)
    first = folder(animals)
    (entry,) = (lepton_home / "cache" / "pixels").iterdir()
    assert "kept in" in texts(first)
    second = folder(animals)
    assert "came from the cache" in texts(second)
    assert second.fingerprint == first.fingerprint
    torch.testing.assert_close(second.example(8), first.example(8))
    picture(1234).save(animals / "train" / "cat" / "000.png")
    third = folder(animals)
    assert "came from the cache" not in texts(third)
    assert third.fingerprint != first.fingerprint
    assert entry.is_dir()


def test_a_damaged_cache_entry_is_made_anew(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache, "MIN_BYTES", 0)
    first = folder(animals)
    (entry,) = (lepton_home / "cache" / "pixels").iterdir()
    pixels = np.load(entry / "pixels.npy")
    np.save(entry / "pixels.npy", pixels // 2)
    assert folder(animals).fingerprint == first.fingerprint
    (entry / "digests.npy").write_bytes(b"torn")
    again = folder(animals)
    assert "came from the cache" not in texts(again)
    assert again.fingerprint == first.fingerprint
    assert "came from the cache" in texts(folder(animals))


def test_the_cache_can_be_refused_and_stays_within_its_limit(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache, "MIN_BYTES", 0)
    folder(animals, cache=False)
    cache = lepton_home / "cache" / "pixels"
    assert not cache.exists()
    for size in (8, 9, 10, 11):
        monkeypatch.setattr(pixel_cache, "LIMIT", 3 * 50 * 3 * size * size)
        folder(animals, image_size=size)
    kept = [np.load(entry / "pixels.npy").shape[-1] for entry in cache.iterdir()]
    assert 11 in kept
    assert 8 not in kept


@pytest.mark.parametrize("cache", [True, False])
def test_pictures_too_many_for_memory_give_the_same_batches(
    animals: Path, monkeypatch: pytest.MonkeyPatch, cache: bool
) -> None:
    held = folder(animals, augment="standard")
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    large = folder(animals, augment="standard", cache=cache)
    assert ("decoded once into a file" if cache else "decoded again in every epoch") in texts(large)
    assert isinstance(large.train, MemorySplit if cache else LazySplit)
    assert large.fingerprint == held.fingerprint
    assert large.signature == held.signature
    for start in (0, 3):
        ours = list(large.loader("train", batch_size=8, seed=5).batches(2, start))
        theirs = list(held.loader("train", batch_size=8, seed=5).batches(2, start))
        torch.testing.assert_close(ours, theirs)
        assert len(ours) == 5 - start
    assert large.train.raw(0).size == (12, 12)


def test_a_mapped_file_serves_the_next_kernel_and_is_never_written_to(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    first = folder(animals)
    (entry,) = (lepton_home / "cache" / "pixels").iterdir()
    before = (entry / "pixels.npy").read_bytes()
    first.train.inputs.zero_()
    assert (entry / "pixels.npy").read_bytes() == before
    again = folder(animals)
    assert "came from the cache" in texts(again)
    assert again.fingerprint == first.fingerprint
    assert isinstance(again.train, MemorySplit)


def test_without_room_on_the_disk_pictures_are_decoded_in_every_epoch(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    monkeypatch.setattr(pixel_cache, "MAP_SHARE", 0)
    assert "decoded again in every epoch" in texts(folder(animals))
    assert not list((lepton_home / "cache" / "pixels").iterdir())


def test_decoding_that_is_interrupted_leaves_no_file_behind(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    with pytest.raises(KeyboardInterrupt):
        folder(animals, progress=interrupt)
    assert not list((lepton_home / "cache" / "pixels").iterdir())


def test_a_file_that_vanishes_while_training_is_named(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    bundle = folder(animals, cache=False)
    (animals / "test" / "dog" / "002.png").unlink()
    with pytest.raises(DataError, match=r"test/dog/002\.png .* now it cannot"):
        list(bundle.loader("test", batch_size=4).batches(0))


def test_a_picture_whose_file_has_gone_is_still_shown(animals: Path) -> None:
    bundle = folder(animals)
    before = np.asarray(bundle.split("test").raw(0))
    shutil.rmtree(animals)
    np.testing.assert_array_equal(np.asarray(bundle.split("test").raw(0)), before)
    assert "data:image/png" in bundle._repr_mimebundle_()["text/html"]


def test_a_spec_rebuilds_the_bundle_and_notices_changes(animals: Path) -> None:
    bundle = folder(animals, name="zoo", image_size=8, augment="standard", seed=3, limit=30)
    assert bundle.spec is not None
    again = from_spec(bundle.spec)
    assert (again.name, again.augment, again.fingerprint) == ("zoo", "standard", bundle.fingerprint)
    torch.testing.assert_close(again.example(5), bundle.example(5))
    (animals / "test" / "cat" / "000.png").unlink()
    with pytest.raises(
        DataError, match=r"it had 30 train, 5 val, 10 test, now it has 30 train, 5 val, 9 test"
    ):
        from_spec(bundle.spec)
    assert any("has changed since" in text for text in from_spec(bundle.spec, strict=False).report.warnings)


def test_changed_pixels_are_noticed_where_the_counts_are_equal(animals: Path) -> None:
    bundle = folder(animals)
    assert bundle.spec is not None
    picture(77).save(animals / "test" / "cat" / "000.png")
    with pytest.raises(DataError, match="still 35 train, 5 val, 10 test, with other content"):
        from_spec(bundle.spec)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"loose": 3}, "one class only"),
        ({"a": 0, "b": 0}, "no pictures under"),
        ({".": 3}, "3 pictures but no class folders"),
        ({"train/a": 4, "train/b": 4, "test/c": 2}, "test has classes that train has not: c"),
        ({"a": 5, "b": 1}, "Class 'b' has 1 item"),
        ({"outer/a": 3, "outer/b": 3}, "one level down"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_explained(
    tmp_path: Path, counts: dict[str, int], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        folder(make_folder(tmp_path / "x", counts))
    assert expected in str(caught.value)


def test_an_empty_folder_a_missing_one_and_a_file_are_told_apart(animals: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is empty"):
        folder(tmp_path / "empty")
    with pytest.raises(DataError, match=r"There is no file or folder (.|\n)*Did you mean 'animals'"):
        folder(tmp_path / "animal")
    with pytest.raises(DataError, match="is a file"):
        folder(animals / "train" / "cat" / "000.png")


def test_a_folder_of_broken_files_says_so(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "x" / name).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "x" / name / f"{i}.png").write_text(f"text {name}{i}")
    with pytest.raises(DataError, match="None of the 4 training pictures can be read: a/"):
        folder(tmp_path / "x")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"val_fraction": 1.5}, "val_fraction is 1.5"),
        ({"val_fraction": 0.6, "test_fraction": 0.5}, "leave nothing to train on"),
        ({"test_fraction": "0.2"}, "test_fraction is '0.2'"),
        ({"augment": "strongest"}, "Did you mean 'strong'"),
        ({"limit": 0}, "limit is 0"),
        ({"image_size": "big"}, "image_size is 'big'"),
        ({"image_size": (1, 2, 3)}, r"image_size is \(1, 2, 3\)"),
        ({"image_size": -3}, "image_size is -3"),
    ],
)
def test_wrong_options_say_what_is_right(animals: Path, options: dict[str, object], expected: str) -> None:
    with pytest.raises(LeptonError, match=expected):
        folder(animals, **options)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_cifar10_is_read_whole_and_known_again(shared_data: Path, tmp_path: Path) -> None:
    import subprocess

    subprocess.run([shared_data / "unpack", tmp_path, "cifar10"], check=True)
    bundle = folder(tmp_path / "cifar10")
    sizes = bundle.report.sizes
    assert (sizes["train"] + sizes["val"], sizes["test"]) == (50_000, 10_000)
    assert sizes["val"] == pytest.approx(
        5_000, abs=4 * (50_000 * 0.1 * 0.9) ** 0.5
    )  # by content: 4 deviations
    assert folder(tmp_path / "cifar10").fingerprint == bundle.fingerprint


def test_pictures_get_their_size_as_asked_and_so_does_a_service(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(12):
            picture = Image.new("L", (40, 20), 200 if name == "a" else 100 + i)
            picture.paste(50 + i, (0, 0, 10, 20))  # what is cut off at the edge
            picture.save(tmp_path / name / f"{i}.png")
    seen = {}
    for resize in ("stretch", "fit", "crop"):
        bundle = folder(tmp_path, image_size=20, resize=resize, cache=False)
        (inputs,) = bundle.task.codec(bundle.signature).prepare(bundle.train.raw(0))
        np.testing.assert_allclose(bundle.example(1).inputs, inputs, atol=1e-5)
        stats = bundle.signature.preprocessing
        seen[resize] = (inputs[0, 0] * stats["std"][0] + stats["mean"][0]) * 255
        assert stats.get("fit", "stretch") == resize
        assert from_spec(bundle.spec).fingerprint == bundle.fingerprint
    assert seen["fit"][0].max() < 1e-3  # black above
    assert seen["crop"].min() > 90  # without the left edge
    assert 40 < seen["stretch"].min() < 70
    with pytest.raises(DataError, match=r"(?s)resize is 'crp'.*Did you mean 'crop'"):
        folder(tmp_path, resize="crp")


def test_every_ending_of_a_picture_counts(tmp_path: Path) -> None:
    for name, ending, form in (("a", "jfif", "JPEG"), ("b", "avif", "AVIF"), ("c", "pbm", "PPM")):
        (tmp_path / name).mkdir()
        for i in range(8):
            noise = np.random.default_rng(i).integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{i}.{ending}", form)
    bundle = folder(tmp_path)
    assert bundle.signature.class_names == ("a", "b", "c")
    assert sum(bundle.report.sizes.values()) == 24


def write_scan(path: Path, values: np.ndarray, kind: str = "MONOCHROME2") -> None:
    """A picture of a CT scanner: 12 bits, in Hounsfield units after its slope and intercept."""
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = CTImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, file.file_meta.MediaStorageSOPInstanceUID
    file.Rows, file.Columns = values.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, kind
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.RescaleSlope, file.RescaleIntercept = 2, -1024
    file.PixelData = values.astype("<u2").tobytes()
    file.save_as(path, enforce_file_format=True)


def test_dicom_is_read_in_the_units_of_its_device(tmp_path: Path) -> None:
    for name, offset in (("a", 0), ("b", 1000)):
        (tmp_path / name).mkdir()
        for i in range(10):
            noise = np.random.default_rng(i + offset).integers(offset, offset + 800, (8, 8))
            write_scan(tmp_path / name / f"{i}.dcm", noise)
    bundle = folder(tmp_path)
    low, high = bundle.signature.preprocessing["range"]
    assert low == pytest.approx(-1024, abs=40)
    assert high == pytest.approx(1799 * 2 - 1024, abs=40)
    (inputs,) = bundle.task.codec(bundle.signature).prepare([bundle.train.raw(0)])
    np.testing.assert_allclose(bundle.example(1).inputs, inputs, atol=1e-5)
    (tmp_path / "a" / "0.dcm").write_bytes(bytes(128) + b"DICM")
    assert any("0.dcm" in str(finding) for finding in folder(tmp_path).report.findings)


def test_a_scan_that_is_white_where_values_are_low_is_turned(tmp_path: Path) -> None:
    values = np.arange(64).reshape(8, 8)
    write_scan(tmp_path / "plain.dcm", values)
    write_scan(tmp_path / "turned.dcm", values, "MONOCHROME1")
    plain, turned = (np.asarray(open_dicom(tmp_path / f"{name}.dcm")) for name in ("plain", "turned"))
    np.testing.assert_array_equal(plain, values * 2 - 1024)
    np.testing.assert_array_equal(turned, -plain)


def test_dicom_without_its_package_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(4):
            (tmp_path / name / f"{i}.dcm").write_bytes(bytes(128) + b"DICM" + bytes([i]))
    with pytest.raises(DataError, match=r"DICOM needs pydicom: pip install 'lepton-nb\[dicom\]'"):
        folder(tmp_path)


def test_pictures_of_a_group_stay_together(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(40):
            noise = np.random.default_rng(i).integers(0, 255, (8, 8, 3), dtype=np.uint8)
            noise[0, 0] = ord(name)
            Image.fromarray(noise).save(tmp_path / name / f"patient{i // 4}_{i}.png")
    bundle = folder(tmp_path, group=r"patient(\d+)")
    patients = [
        {re.findall(r"patient(\d+)", str(split.origin(i)))[0] for i in range(len(split))}
        for split in bundle.splits.values()
    ]
    assert len(set.union(*patients)) == sum(map(len, patients)) == 10
    assert "10 groups, none divided" in str(bundle.report)
    with pytest.raises(DataError, match="finds nothing in"):
        folder(tmp_path, group="series(.)")
    with pytest.raises(DataError, match="only 1 group by"):
        folder(tmp_path, group="patient")
