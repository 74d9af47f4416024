"""Checkpoints: everything comes back, a kill costs nothing, damage is found."""

from __future__ import annotations

import json
import math
import os
import random
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lepton_nb.errors import NotFoundError, StoreError
from lepton_nb.runs import Retention, Run, RunStore
from lepton_nb.runs.checkpoint import read_state, verify, write_state
from tests.runs_helpers import make_run


def save(run: Run, step: int, *, best: bool = False, keep: int = 3, value: float | None = None) -> Path:
    state = {"step": step, "w": torch.full((1000,), float(step))}
    return run.save_checkpoint(state, step=step, epoch=step // 10, value=value, best=best, keep=keep).path


def steps(run: Run) -> list[int]:
    return [checkpoint.step for checkpoint in run.checkpoints()]


def damage(path: Path, at: int = -100) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def same(a: Any, b: Any) -> bool:
    """Equality of type and content, tensors bit by bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def test_every_kind_of_value_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {
        "tensors": {
            "scalar": torch.tensor(3),
            "empty": torch.empty(0, 4),
            "bf16": torch.randn(5).bfloat16(),
            "half": torch.randn(5).half(),
            "double": torch.randn(5).double(),
            "bool": torch.tensor([True, False]),
            "complex": torch.randn(3, dtype=torch.complex64),
            "float8": torch.randn(3).to(torch.float8_e4m3fn).view(torch.uint8),
            "rng": torch.get_rng_state(),
            "strided": torch.arange(12).reshape(3, 4).t(),
            "odd sizes": torch.arange(3, dtype=torch.int8),
        },
        "python": random.getstate(),
        "numbers": [1, -(2**80), 0.1, math.inf, True, None, 'ü\n"\\'],
        "keys": {0: "int", 1.5: "float", (1, "a"): "tuple", None: "none", True: "bool", "$dict": "tag"},
        "bytes": b"\x00\xff",
        "nested": ([], (), {}, [[torch.ones(2, 2)]]),
        "a.b": torch.ones(1),
        "a": {"b": torch.zeros(1)},
        "__metadata__": torch.ones(2),
    }
    write_state(tmp_path / "x", state)
    assert same(read_state(tmp_path / "x"), state)
    write_state(tmp_path / "x", {"nan": math.nan})
    assert math.isnan(read_state(tmp_path / "x")["nan"])


def test_a_training_state_goes_on_exactly_where_it_was(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(
        [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.5}]
    )
    model(torch.randn(6, 4)).sum().backward()
    optimizer.step()
    state = {"model": dict(model.state_dict()), "optimizer": optimizer.state_dict()}
    write_state(tmp_path / "x", state)
    loaded = read_state(tmp_path / "x")
    assert same(loaded, state)
    optimizer.load_state_dict(loaded["optimizer"])


def test_tied_weights_are_stored_once_and_come_back_tied(tmp_path: Path) -> None:
    tied = nn.Linear(300, 300)
    model = nn.ModuleDict({"a": tied, "b": tied})
    write_state(tmp_path / "x", {"model": model.state_dict()})
    loaded = read_state(tmp_path / "x")["model"]
    assert torch.equal(loaded["b.weight"], tied.weight)
    assert loaded["a.weight"].data_ptr() == loaded["b.weight"].data_ptr()
    assert (tmp_path / "x").stat().st_size < 1.5 * 300 * 300 * 4


def test_any_safetensors_reader_finds_the_weights_by_name(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    write_state(
        tmp_path / "x", {"model": {"conv.weight": torch.ones(3, 3)}, "optimizer": {0: torch.zeros(1)}}
    )
    assert set(load_file(tmp_path / "x")) == {"model.conv.weight", "optimizer.0"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda: None, "model.f is a function"),
        (torch.ones(2, 2).to_sparse(), "sparse"),
        (torch.empty(2, device="meta"), "meta tensor"),
        (torch.ones(2, dtype=torch.complex128), "complex128"),
        ({1, 2}, "is a set"),
    ],
)
def test_what_cannot_be_stored_is_named_and_the_old_file_stays(
    tmp_path: Path, value: Any, words: str
) -> None:
    write_state(tmp_path / "x", {"n": 1})
    with pytest.raises(StoreError, match=words):
        write_state(tmp_path / "x", {"model": {"f": value}})
    assert read_state(tmp_path / "x") == {"n": 1}
    assert os.listdir(tmp_path) == ["x"]


def test_no_byte_can_change_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_state(path, {"w": torch.arange(40.0), "lr": 0.1}, {"step": 3})
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StoreError, match="damaged"):
            verify(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError, match="damaged"):
            verify(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(StoreError, match="damaged"):
        read_state(path)


def test_the_newest_and_the_best_stay_and_the_row_knows_the_best() -> None:
    run = make_run("cnn")
    for step, best in ((0, False), (10, True), (20, True), (30, False), (40, False), (50, False)):
        save(run, step, best=best, keep=2, value=step / 100)
    assert steps(run) == [50, 40, 20]
    assert [checkpoint.best for checkpoint in run.checkpoints()] == [False, False, True]
    assert (run.refresh().best_value, run.best_step) == (0.2, 20)
    newest = run.checkpoints()[0]
    assert (newest.epoch, newest.value) == (5, 0.5)
    assert newest.size == newest.path.stat().st_size
    save(run, 60, keep=0)
    assert steps(run) == [60, 20]


def test_last_best_and_a_step_can_be_loaded() -> None:
    run = make_run("cnn")
    save(run, 10)
    assert run.load_checkpoint("best")[0].step == 10
    save(run, 20, best=True)
    save(run, 30)
    for which, step in (("last", 30), ("best", 20), (10, 10)):
        checkpoint, state = run.load_checkpoint(which)
        assert (checkpoint.step, state["step"]) == (step, step)
        assert torch.equal(state["w"], torch.full((1000,), float(step)))
    with pytest.raises(NotFoundError, match="no checkpoint of step 11") as caught:
        run.load_checkpoint(11)
    assert caught.value.hint == "There is last, best and step 10, 20, 30."
    assert run.warnings == []


@pytest.mark.parametrize("at", [-100, 3, 20, 200])
@pytest.mark.parametrize("which", ["last", "best", 30])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(which: Any, at: int) -> None:
    run = make_run("cnn")
    save(run, 10)
    save(run, 20)
    damage(save(run, 30, best=True), at)
    checkpoint, state = run.load_checkpoint(which)
    assert (checkpoint.step, state["step"]) == (20, 20)
    (warning,) = run.warnings
    assert warning == "The checkpoint of step 30 is damaged; step 20 is used."


def test_without_a_good_checkpoint_the_error_says_which_are_damaged() -> None:
    run = make_run("cnn")
    with pytest.raises(StoreError, match="has no checkpoint"):
        run.load_checkpoint()
    for step in (10, 20):
        damage(save(run, step))
    with pytest.raises(StoreError, match=r"Run cnn@1 has no readable checkpoint; damaged: step 20, 10\."):
        run.load_checkpoint()


def test_training_on_with_what_was_loaded_leaves_the_file_alone() -> None:
    run = make_run("cnn")
    save(run, 10)
    _, state = run.load_checkpoint()
    state["w"].zero_()
    assert run.load_checkpoint()[1]["w"].unique().tolist() == [10.0]
    assert run.warnings == []


def test_the_best_is_known_even_if_the_process_died_before_telling(lepton_home: Path) -> None:
    run = make_run("cnn")
    save(run, 10, best=True, value=0.9)
    with sqlite3.connect(lepton_home / "lepton.db") as connection:
        connection.execute("UPDATE runs SET best_step = NULL, best_value = NULL")
    run.begin(100, from_step=10)
    assert (run.refresh().best_value, run.best_step) == (0.9, 10)


def test_a_later_attempt_is_newer_whatever_its_step() -> None:
    run = make_run("cnn")
    run.begin(100, from_step=0)
    save(run, 10)
    damage(save(run, 30))
    run.begin(100, from_step=10)
    save(run, 20)
    assert run.load_checkpoint("last")[0].step == 20
    assert run.warnings == []


def test_a_full_disk_costs_only_the_new_checkpoint() -> None:
    run = make_run("cnn")
    run.begin(100)
    save(run, 10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StoreError, match="no room left") as caught:
            run.save_checkpoint({"w": torch.ones(100_000)}, step=20, epoch=0, value=None, best=False, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "df -h" in (caught.value.hint or "")
    assert run.load_checkpoint("last")[1]["step"] == 10
    assert [path.suffix for path in (run.path / "checkpoints").iterdir()] == [".safetensors"]
    save(run, 20)
    assert run.load_checkpoint("last")[1]["step"] == 20


KILLER = """
import json, os, random, signal, sys, time
import torch
from lepton_nb.runs import RunStore
from tests.runs_helpers import make_run

torch.set_num_threads(1)
run_id, rng, seen = make_run("killed").id, random.Random(int(sys.argv[1])), []
for attempt in range(12):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        run = RunStore().get_run(run_id)
        step = run.checkpoints()[0].step if attempt else 0
        run.begin(None, from_step=step)
        while True:
            step += 1
            run.log(step, {"loss": 1.0 / step}, 0)
            state = {"step": step, "w": torch.full((500_000,), float(step))}
            run.save_checkpoint(state, step=step, epoch=0, value=None, best=step % 5 == 0, keep=2)
            os.write(writer, step.to_bytes(4, "little"))
    os.close(writer)
    told = os.read(reader, 4)
    time.sleep(rng.uniform(0.0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reader, 4):
        told = more
    os.close(reader)
    run = RunStore().get_run(run_id)
    checkpoint, state = run.load_checkpoint("last")
    left = list((run.path / "checkpoints").glob(".*"))
    seen.append({
        "told": int.from_bytes(told, "little"),
        "step": checkpoint.step,
        "whole": state["step"] == checkpoint.step and bool((state["w"] == checkpoint.step).all()),
        "warnings": run.warnings,
        "left": len(left),
        "kept": len(run.checkpoints()),
        "status": run.status,
        "history": run.history()["loss"][0] == list(range(1, run.history()["loss"][0][-1] + 1)),
    })
print(json.dumps(seen))
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_write_never_costs_the_last_good_checkpoint() -> None:
    seed = random.randrange(1000)
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(seed)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(seen) == 12
    for at_kill in seen:
        assert at_kill["told"] <= at_kill["step"] <= at_kill["told"] + 1, at_kill
        assert at_kill["whole"], at_kill
        assert at_kill["warnings"] == []
        assert at_kill["left"] <= 1, "temporary files must not pile up"
        assert at_kill["kept"] <= 4
        assert at_kill["status"] == "interrupted"
        assert at_kill["history"], "no step is missing or twice"
    assert RunStore().check() == []


def test_the_best_few_stay_by_value_and_the_budget_drops_the_oldest() -> None:
    run = make_run("cnn")
    state = {"w": torch.ones(1000)}
    for step, value in enumerate([0.5, 0.9, 0.7, 0.1, 0.2], 1):
        best = value == 0.9
        run.save_checkpoint(state, step=step, epoch=step, value=value, best=best, keep=Retention(1, best=3))
    assert [item.step for item in run.checkpoints()] == [5, 3, 2, 1]
    budget = 3 * run.checkpoints()[0].size
    run.save_checkpoint(state, step=6, epoch=6, value=None, best=False, keep=Retention(1, 3, budget))
    assert [item.step for item in run.checkpoints()] == [6, 3, 2]
    run.save_checkpoint(state, step=7, epoch=7, value=None, best=False, keep=Retention(5, 3, budget=1))
    assert [item.step for item in run.checkpoints()] == [7, 2]
