"""One run through the server extension, and what can be done with it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lepton_nb.runs import DeploymentRecord, RunStore
from lepton_nb.runs.samples import add_samples
from tests.lab.test_lab_runs import trained
from tests.runs_helpers import make_run

pytestmark = pytest.mark.slow


async def test_a_run_in_full(ask: Any) -> None:
    run = trained("cnn", [0.5, 0.9], params={"lr": 0.1})
    run.write_json("environment.json", {"python": "3.11"})
    run.write_json("evaluation.json", {"test": {"metrics": {"accuracy": 0.8}}})
    run.write_text("source.py", "class Net: ...")
    run.append_log("started")
    found = await ask("runs/cnn@1")
    assert found["run"]["ref"] == "cnn@1"
    assert found["config"] == {"lr": 0.1}
    assert found["environment"] == {"python": "3.11"}
    assert found["source"] == "class Net: ..."
    assert found["evaluations"]["test"]["metrics"] == {"accuracy": 0.8}
    assert found["metrics"]["val_accuracy"] == {"last": 0.9, "min": 0.5, "max": 0.9, "points": 2}
    assert (await ask("runs/cnn/log"))["text"].endswith("started")
    assert (await ask(f"runs/{run.id}"))["run"]["id"] == run.id


async def test_history_is_thinned_without_losing_a_spike(ask: Any) -> None:
    run = make_run("cnn")
    run.begin()
    run.log_many([(step, 0, {"loss": 1.0}) for step in range(1, 5001)])
    run.log(2503, {"loss": 99.0}, 0)
    run.log(5001, {"loss": math.nan}, 0)
    run.flush()
    loss = (await ask("runs/cnn/history", metrics="loss", points="100"))["series"]["loss"]
    assert len(loss["step"]) <= 100
    assert (loss["step"][0], loss["step"][-1]) == (1, 5001)
    assert 99.0 in loss["value"]
    assert loss["value"][-1] is None, "NaN is no JSON"
    newer = (await ask("runs/cnn/history", metrics="loss", after="4991:0"))["series"]["loss"]
    assert newer["step"] == list(range(4991, 5002))
    assert len(newer["time"]) == len(newer["epoch"]) == 11


async def test_a_view_that_follows_a_run_gets_every_point_once(ask: Any) -> None:
    run = make_run("cnn")
    run.begin()
    run.log_many([(step, 0, {"loss": 1.0}) for step in range(1, 11)])
    run.flush()
    first = await ask("runs/cnn/history")
    run.log(10, {"val_loss": 0.5}, 0)  # of the step that was seen already
    run.log(11, {"loss": 2.0}, 1)
    run.flush()
    second = await ask("runs/cnn/history", after=first["cursor"])
    assert {name: one["step"] for name, one in second["series"].items()} == {"val_loss": [10], "loss": [11]}
    third = await ask("runs/cnn/history", after=second["cursor"])
    assert (third["series"], third["cursor"]) == ({}, second["cursor"])
    status, said = await ask("runs/cnn/history", after="soon")
    assert (status, said["kind"]) == (400, "ArgumentError")


async def test_hardware_over_time(ask: Any) -> None:
    run = make_run("cnn")
    add_samples(run, [(1.0, {"memory": 5.0, "cpu_percent": 90.0}), (2.0, {"memory": 6.0})])
    found = await ask("runs/cnn/hardware")
    assert found["series"]["memory"] == {"time": [1.0, 2.0], "value": [5.0, 6.0]}
    assert found["series"]["cpu_percent"]["value"] == [90.0]


async def test_runs_are_compared(ask: Any) -> None:
    trained("a", [0.5, 0.6], params={"lr": 0.1, "seed": 0})
    trained("b", [0.5, 0.9], params={"lr": 0.01, "seed": 0})
    found = await ask("compare", runs="a,b@1")
    assert {"name": "lr", "values": [0.1, 0.01]} in found["differing"]
    assert {"name": "seed", "value": 0} in found["same"]
    assert [one["value"] for one in found["series"]["val_accuracy"]] == [[0.5, 0.6], [0.5, 0.9]]
    status, said = await ask("compare", runs="a,c")
    assert (status, said["message"]) == (404, "There is no run 'c'.")
    assert (await ask("compare"))[0] == 400


async def test_a_running_run_is_stopped_and_paused_through_the_store(ask: Any) -> None:
    run = make_run("cnn")
    run.begin(total_steps=10)
    assert (await ask("runs/cnn/actions", {"action": "pause"}))["run"]["status"] == "running"
    assert run.take_request() == "pause"
    await ask("runs/cnn/actions", {"action": "stop"})
    assert run.take_request() == "stop"
    status, said = await ask("runs/cnn/actions", {"action": "delete"})
    assert (status, said["kind"]) == (409, "StoreError")
    assert run.path.is_dir()


async def test_a_run_is_annotated_and_deleted(ask: Any) -> None:
    run = trained("cnn", [0.5])
    found = await ask("runs/cnn/actions", {"action": "annotate", "notes": "good", "tags": {"stage": "one"}})
    assert (found["run"]["notes"], found["run"]["tags"]) == ("good", {"stage": "one"})
    found = await ask("runs/cnn/actions", {"action": "annotate", "tags": {"other": "x", "stage": None}})
    assert found["run"]["tags"] == {"other": "x"}
    status, _ = await ask("runs/cnn/actions", {"action": "annotate", "tags": {"stage": 1}})
    assert status == 400
    assert await ask("runs/cnn/actions", {"action": "delete"}) == {"deleted": "cnn@1"}
    assert not run.path.exists()
    status, said = await ask("runs/cnn")
    assert (status, said["kind"]) == (404, "NotFoundError")


async def test_a_served_run_is_not_deleted(ask: Any) -> None:
    run, store = trained("cnn", [0.5]), RunStore()
    package = store.add_package("cnn", run_id=run.id, path=run.path, sha256="0", task="t", formats=["onnx"])
    store.save_deployment(
        DeploymentRecord("web", "http://127.0.0.1:1", "127.0.0.1", 1, None, None, "cnn", package.version)
    )
    status, said = await ask("runs/cnn/actions", {"action": "delete"})
    assert status == 409
    assert "web" in said["message"]
    (seen,) = (await ask("packages"))["packages"]
    assert (seen["run"], seen["deployments"]) == ("cnn@1", ["web"])
    (service,) = (await ask("deployments"))["deployments"]
    assert (service["state"], service["stats"]) == ("gone", None)


async def test_a_wrong_action_is_a_sentence(ask: Any) -> None:
    trained("cnn", [0.5])
    status, said = await ask("runs/cnn/actions", {"action": "delet"})
    assert (status, said["hint"]) == (400, "Did you mean 'delete'?")
    assert (await ask("runs/cnn/actions", ["delete"]))[0] == 400
    assert (await ask("runs/cnn/actions", {"action": "stop"}))[0] == 409, "it is not running"


async def test_data_sets_are_those_of_the_runs(ask: Any) -> None:
    trained("a", [0.5], data="digits")
    newest = trained("b", [0.5], data="digits")
    newest.write_json("data.json", {"source": "load", "where": "digits", "sizes": {"train": 9}})
    (found,) = (await ask("datasets"))["datasets"]
    assert (found["name"], found["runs"], found["last_run"]) == ("digits", 2, "b@1")
    assert (found["where"], found["sizes"]) == ("digits", {"train": 9})


async def test_the_machine_is_looked_at(ask: Any) -> None:
    found = await ask("hardware")
    assert 0 < found["memory"]["used"] < found["memory"]["total"]
    assert isinstance(found["devices"], list)


def test_what_nvidia_smi_says_is_read() -> None:
    from lepton_nb.lab.hardware import parse_devices

    said = "NVIDIA A100, 80GB, 37, 1024, 81920\nNVIDIA Orin, [N/A], [N/A], 16384\n"
    first, second = parse_devices(said)
    assert first == {
        "name": "NVIDIA A100, 80GB",
        "percent": 37,
        "memory": {"used": 1 << 30, "total": 80 << 30},
    }
    assert second["memory"] == {"used": None, "total": 16 << 30}


async def test_a_queued_run_tells_what_it_waits_for(ask: Any) -> None:
    from lepton_nb.runs.queue import enqueue

    first, second = make_run("first"), make_run("second")
    enqueue(first, "cpu")
    enqueue(second, "cpu")
    seen = {run["name"]: run for run in (await ask("runs", status="queued"))["runs"]}
    assert seen["second"]["queue"] == "waits for cpu, behind first@1"
    assert seen["second"]["actions"] == ["stop", "annotate"]


async def test_the_learning_rate_of_a_running_run_is_changed(ask: Any) -> None:
    run = make_run("cnn")
    run.begin(total_steps=10)
    assert "lr" in (await ask("runs/cnn/actions", {"action": "lr", "value": 0.01}))["run"]["actions"]
    assert run.take_request() == "lr 0.01"
    status, said = await ask("runs/cnn/actions", {"action": "lr", "value": "fast"})
    assert status == 400
    assert "fast" in said["message"]
