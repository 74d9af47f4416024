"""Runs through the server extension."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs_helpers import make_run

pytestmark = pytest.mark.slow


def trained(name: str, values: list[float], **options: Any) -> Any:
    """A finished run with a validation metric in every epoch and a loss at every step."""
    run = make_run(name, epochs=len(values), **options)
    run.begin(total_steps=10 * len(values))
    for epoch, value in enumerate(values):
        run.log_many([(epoch * 10 + i + 1, epoch, {"loss": 1 / (epoch * 10 + i + 1)}) for i in range(10)])
        run.log(epoch * 10 + 10, {"val_accuracy": value, "val_loss": 1 - value}, epoch)
    run.heartbeat(epoch=len(values), step=10 * len(values))
    run.set_status("finished")
    return run


async def test_an_empty_store_lists_nothing(ask: Any) -> None:
    assert await ask("runs") == {"runs": [], "total": 0, "counts": {}}


async def test_runs_carry_what_a_list_shows(ask: Any) -> None:
    trained("cnn", [0.5, 0.7, 0.9])
    (run,) = (await ask("runs"))["runs"]
    assert run["ref"] == "cnn@1"
    assert run["status"] == "finished"
    assert run["sparkline"] == {"metric": "val_accuracy", "values": [0.5, 0.7, 0.9]}
    assert run["latest"]["val_accuracy"] == 0.9
    assert run["progress"] == 1.0
    assert "delete" in run["actions"]
    assert "stop" not in run["actions"]


async def test_a_running_run_tells_how_far_it_is(ask: Any) -> None:
    run = make_run("cnn", epochs=2)
    run.begin(total_steps=200)
    for step in (1, 50, 100):
        run.log(step, {"loss": 1.0 / step}, 0)
        run.flush()
    run.heartbeat(epoch=0, step=100, vitals={"device": "cpu", "eta": 12.5})
    run.flush()
    (seen,) = (await ask("runs"))["runs"]
    assert seen["progress"] == 0.5
    assert seen["sparkline"]["metric"] == "loss"
    assert (seen["eta"], seen["device"]) == (12.5, "cpu")
    assert seen["actions"][:2] == ["stop", "pause"]


async def test_runs_are_found_sorted_and_paged(ask: Any) -> None:
    for index, value in enumerate([0.2, 0.9, 0.5]):
        run = trained(f"net-{index}", [value, value], model="BigNet" if index else "SmallNet")
        best = "UPDATE runs SET best_value = ? WHERE id = ?"
        run.store.database.execute(best, (value, run.id))
    live = make_run("going")
    live.begin()
    names = [run["name"] for run in (await ask("runs", sort="-best_value"))["runs"]]
    assert names == ["net-1", "net-2", "net-0", "going"]
    found = await ask("runs", search="BIGNET net", limit="1", offset="1")
    assert (found["total"], len(found["runs"])) == (2, 1)
    found = await ask("runs", status="running")
    assert [run["name"] for run in found["runs"]] == ["going"]
    assert found["counts"] == {"running": 1, "finished": 3}
    assert (await ask("runs", model="SmallNet"))["total"] == 1


async def test_a_wrong_argument_is_a_sentence(ask: Any) -> None:
    status, said = await ask("runs", sort="-best_valeu")
    assert (status, said["kind"]) == (400, "ArgumentError")
    assert "best_value" in said["hint"]
    status, _ = await ask("runs", status="runing")
    assert status == 400
    status, _ = await ask("nothing/here")
    assert status == 404


async def test_a_resumed_run_shows_nothing_of_what_was_undone(ask: Any) -> None:
    run = trained("cnn", [0.5, 0.6, 0.7])
    run.begin(total_steps=30, from_step=10)
    run.log(20, {"val_accuracy": 0.55}, 1)
    run.heartbeat(epoch=2, step=20)
    run.flush()
    (seen,) = (await ask("runs"))["runs"]
    assert seen["latest"]["val_accuracy"] == 0.55
    assert seen["sparkline"]["values"] == [0.5, 0.55]
