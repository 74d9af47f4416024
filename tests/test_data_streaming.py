"""Folders whose training pictures are decoded while the first epoch runs."""

from __future__ import annotations

import gc
import os
import shutil
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import lepton_nb
from lepton_nb.data import DataBundle, folder, from_spec
from lepton_nb.data.bundle import Batch
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.pictures import decoding, pixel_cache, streaming
from lepton_nb.data.pictures.streaming import Stream
from lepton_nb.errors import DataError
from tests.test_data_folder import make_folder

COUNTS = {"train/cat": 20, "train/dog": 20, "val/cat": 4, "val/dog": 4, "test/cat": 4, "test/dog": 4}


@pytest.fixture
def animals(tmp_path: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pixel_cache, "MIN_BYTES", 0)
    monkeypatch.setattr(streaming, "SAMPLE", 6)
    return make_folder(tmp_path / "animals", COUNTS)


def stream_of(bundle: DataBundle) -> Stream:
    assert isinstance(bundle.train, MemorySplit)
    assert bundle.train._stream is not None
    return bundle.train._stream


def epoch(bundle: DataBundle, number: int) -> list[Batch]:
    batches = list(bundle.loader("train", batch_size=8).batches(number))
    wait_for_disk()
    return batches


def wait_for_disk() -> None:
    for thread in threading.enumerate():
        if thread.name == "pixels":
            thread.join()


def pixels(bundle: DataBundle, batch: Batch) -> torch.Tensor:
    """A batch's pictures before they were normalised."""
    settings = bundle.signature.preprocessing
    mean, std = (torch.tensor(settings[key])[:, None, None] for key in ("mean", "std"))
    assert isinstance(batch[0], torch.Tensor)
    return ((batch[0] * std + mean) * 255).round().to(torch.uint8)


def entries(lepton_home: Path) -> list[Path]:
    return list((lepton_home / "cache" / "pixels").iterdir())


def test_only_what_every_number_depends_on_is_decoded_before_training(animals: Path) -> None:
    bundle = folder(animals, stream=True)
    stream = stream_of(bundle)
    assert sum(stream.has(row) for row in range(56)) == 16 + 6
    assert "34 pictures of train will be decoded in the first epoch" in str(bundle.report)
    next(bundle.loader("train", batch_size=8).batches(0))
    assert not stream.complete, "the first batch waits for a few batches, not for the epoch"
    epoch(bundle, 0)
    assert stream.complete
    assert isinstance(bundle.train, MemorySplit)
    assert bundle.train._unfinished() is None, "from now on it is as if all had been decoded before"


@pytest.mark.parametrize("memory", ["enough", "none"])
def test_every_batch_is_what_it_is_without_streaming(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    plain = folder(animals, cache=False)
    if memory == "none":
        monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    bundle = folder(animals, stream=True)
    assert isinstance(stream_of(bundle).decoded.pixels, np.memmap) == (memory == "none")
    for number in (0, 1):
        pairs = list(zip(epoch(plain, number), epoch(bundle, number), strict=True))
        assert len(pairs) == 5
        for before, streamed in pairs:
            assert torch.equal(pixels(plain, before), pixels(bundle, streamed))
            assert torch.equal(before[1], streamed[1])
    for name in ("val", "test"):
        pairs = list(
            zip(*(item.loader(name, batch_size=8).batches(0) for item in (plain, bundle)), strict=True)
        )
        assert all(torch.equal(pixels(plain, a), pixels(bundle, b)) for a, b in pairs)
    assert [entry.name[0] for entry in entries(lepton_home)] != ["."]


def test_augmented_batches_depend_on_seed_epoch_and_number_alone(animals: Path) -> None:
    plain = folder(animals, augment="standard", cache=False)
    bundle = folder(animals, augment="standard", stream=True)
    for number in (0, 1):
        for before, streamed in zip(epoch(plain, number), epoch(bundle, number), strict=True):
            assert (pixels(plain, before).int() - pixels(bundle, streamed).int()).abs().max() <= 1


def test_the_next_kernel_finds_all_decoded_and_the_data_the_same(animals: Path) -> None:
    first = folder(animals, stream=True)
    batches = epoch(first, 0)
    again = folder(animals, stream=True)
    assert stream_of(again).complete
    assert "came from the cache" in str(again.report)
    assert again.fingerprint == first.fingerprint
    assert again.signature == first.signature
    assert all(torch.equal(a[0], b[0]) for a, b in zip(batches, epoch(again, 0), strict=True))
    assert "came from the cache" in str(folder(animals).report), "also for who does not stream"
    assert first.spec is not None
    assert from_spec(first.spec).fingerprint == first.fingerprint


def test_a_file_that_cannot_be_read_is_left_out_of_its_batch_and_named(animals: Path) -> None:
    bundle = folder(animals, stream=True)
    stream = stream_of(bundle)
    row = next(row for row in range(56) if not stream.has(row))
    path = animals / stream._name_of(row)
    path.write_bytes(path.read_bytes()[:60])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        sizes = [len(target) for _, target in epoch(bundle, 0)]
    assert sorted(sizes) == [7, 8, 8, 8, 8]
    assert any(
        f"1 unreadable or truncated file of train skipped. {stream._name_of(row)}" in str(w.message)
        for w in said
    )
    assert sum(len(target) for _, target in epoch(bundle, 1)) == 39
    with pytest.raises(DataError, match=rf"cannot be read: {stream._name_of(row)}"):
        list(bundle.loader("train", batch_size=8, shuffle=False).batches(0))

    path.write_bytes(b"another size")
    later = folder(animals, stream=True)
    assert later.fingerprint != bundle.fingerprint


def test_what_could_not_be_read_is_told_by_the_cache_and_the_data_stays_the_same(animals: Path) -> None:
    stream = stream_of(folder(animals, stream=True, cache=False))
    row = next(row for row in range(56) if not stream.has(row))
    path = animals / stream._name_of(row)
    path.write_bytes(path.read_bytes()[:60])
    first = folder(animals, stream=True)
    with pytest.warns(UserWarning, match="unreadable"):
        epoch(first, 0)
    again = folder(animals, stream=True)
    assert "1 unreadable or truncated file of train skipped" in str(again.report)
    assert again.fingerprint == first.fingerprint
    assert [len(target) for _, target in epoch(again, 0)] == [len(target) for _, target in epoch(first, 0)]


def test_held_out_files_that_cannot_be_read_are_left_out_at_once(animals: Path) -> None:
    (animals / "val/cat/000.png").write_bytes(b"no picture")
    bundle = folder(animals, stream=True)
    assert bundle.report.sizes == {"train": 40, "val": 7, "test": 8}
    assert "1 unreadable or truncated file skipped" in str(bundle.report)


def test_a_picture_that_is_also_in_the_test_split_is_named_once_it_is_known(animals: Path) -> None:
    stream = stream_of(folder(animals, stream=True, cache=False))
    row = next(row for row in range(56) if not stream.has(row))
    shutil.copy(animals / "test/cat/000.png", animals / stream._name_of(row))
    bundle = folder(animals, stream=True)
    with pytest.warns(UserWarning, match="1 picture of train also in test: left in both"):
        assert sum(len(target) for _, target in epoch(bundle, 0)) == 40


def test_no_room_for_the_pixels_is_an_error_that_says_how_much(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    monkeypatch.setattr(pixel_cache, "MAP_SHARE", 0)
    with pytest.raises(DataError, match=r"56 decoded pictures of 3×12×12 take 0\.0 GB; there is no room"):
        folder(animals, stream=True)


def test_what_a_killed_kernel_left_half_decoded_is_swept(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    gone = lepton_home / "cache" / "pixels" / f".pixels-x.{2**22 + 1}.tmp"
    ours = gone.with_name(f".pixels-x.{os.getpid()}.tmp")
    older = gone.with_name(".pixels-x.abc.tmp")
    for path in (gone, ours, older):
        path.mkdir(parents=True)
    folder(animals, stream=True)
    assert ours.exists()
    assert not gone.exists()
    assert not older.exists()


def test_a_mapped_file_that_nobody_goes_on_with_does_not_stay(
    animals: Path, lepton_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    bundle = folder(animals, stream=True)
    assert len(entries(lepton_home)) == 1
    del bundle
    gc.collect()
    assert not entries(lepton_home)
    bundle = folder(animals, stream=True)
    epoch(bundle, 0)
    del bundle
    gc.collect()
    assert len(entries(lepton_home)) == 1, "what is decoded whole is kept"


def test_training_ends_at_the_same_weights_whether_it_decodes_or_not(animals: Path) -> None:
    weights = []
    for _ in range(2):
        bundle = folder(animals, stream=True)
        run = lepton_nb.train("SmallCNN", bundle, epochs=2, batch_size=8, seed=3, name="cats")
        wait_for_disk()
        weights.append(torch.cat([part.flatten() for part in run.live["model"].state_dict().values()]))
    assert stream_of(folder(animals, stream=True)).complete
    assert torch.equal(*weights)
