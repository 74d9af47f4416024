"""Services from the lab: deployed, looked at, rolled back and stopped, each in a process of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lepton_nb.lab.handler import ROOM
from lepton_nb.runs import RunStore
from tests.lab.test_lab_runs import trained
from tests.serving_support import make_run

pytestmark = pytest.mark.slow


async def done(ask: Any, job: dict[str, Any], seconds: float = 150) -> dict[str, Any]:
    """The job once it has ended."""
    async with asyncio.timeout(seconds):
        while True:
            found: dict[str, Any] = next(j for j in (await ask("jobs"))["jobs"] if j["id"] == job["id"])
            if found["ended_at"] is not None:
                return found
            await asyncio.sleep(0.1)


@pytest.mark.timeout(400)  # it starts several processes that load torch
async def test_a_service_from_deploy_to_stop(ask: Any, jp_serverapp: Any) -> None:
    make_run("net")
    started = (await ask("deployments/web/actions", {"action": "deploy", "run": "net"}))["job"]
    assert started["kind"] == "deploy"
    status, said = await ask("deployments/web/actions", {"action": "deploy", "run": "net"})
    assert (status, said["kind"]) == (409, "BusyError")
    job = await done(ask, started)
    assert job["state"] == "done", job
    try:
        assert job["result"]["name"] == "web"
        (service,) = (await ask("deployments"))["deployments"]
        assert (service["state"], service["version"]) == ("ready", 1)
        assert service["stats"]["requests"] == 0
        assert "rollback" not in service["actions"]
        detail = await ask("deployments/web")
        assert detail["versions"] == [{"package": "net", "version": 1}]
        assert len(detail["series"]["time"]) == 1
        assert detail["page"].endswith("/lepton/services/web/proxy/")
        token = (await ask("deployments/web/actions", {"action": "token"}))["token"]
        assert token
        assert token not in str(detail)
        assert "listening on" in (await ask("deployments/web/log"))["text"]
        failed = await done(ask, (await ask("deployments/web/actions", {"action": "rollback"}))["job"])
        assert failed["state"] == "failed"
        assert "no version of web before 1" in failed["message"]
    finally:
        job = await done(ask, (await ask("deployments/web/actions", {"action": "stop"}))["job"])
    assert job["state"] == "done", job
    assert (await ask("deployments"))["deployments"] == []


async def test_what_cannot_be_deployed_is_said_before_anything_starts(ask: Any) -> None:
    assert (await ask("deployments/web/actions", {"action": "deploy", "run": "nothing"}))[0] == 404
    assert (await ask("deployments/web/actions", {"action": "deploy"}))[0] == 400
    trained("cnn", [0.5])
    status, _ = await ask("deployments/-bad name-/actions", {"action": "deploy", "run": "cnn"})
    assert status == 400
    for action in ("stop", "rollback", "token"):
        assert (await ask("deployments/nothing/actions", {"action": action}))[0] == 404
    assert (await ask("jobs"))["jobs"] == []


async def test_a_job_that_fails_says_why_and_one_that_is_cancelled_ends(ask: Any, jp_serverapp: Any) -> None:
    trained("cnn", [0.5])
    job = (await ask("runs/cnn/actions", {"action": "evaluate"}))["job"]
    assert (await ask(f"jobs/{job['id']}/actions", {"action": "cancel"}))["job"]["state"] == "cancelled"
    assert (await done(ask, job))["state"] == "cancelled"
    assert (await ask(f"jobs/{job['id']}/actions", {"action": "cancel"}))[0] == 400
    assert (await ask("jobs/0a/actions", {"action": "cancel"}))[0] == 404
    jobs = jp_serverapp.web_app.settings[ROOM].jobs
    failed = await done(ask, jobs.start("rollback", "web", {"name": "web"}).view())
    assert (failed["state"], failed["message"]) == ("failed", "There is no deployment 'web'.")
    assert RunStore().get_run("cnn").status == "finished"


@pytest.mark.timeout(400)  # it starts several processes that load torch
async def test_a_stopped_run_goes_on_and_is_evaluated_in_processes_of_their_own(ask: Any) -> None:
    import lepton_nb
    from lepton_nb import data
    from lepton_nb.callbacks import Callback

    class Stop(Callback):
        def on_epoch_end(self, state: Any) -> None:
            state.control.stop()

    run = lepton_nb.train("SmallCNN", data.digits(limit=60), epochs=2, name="cnn", callbacks=[Stop()])
    (seen,) = (await ask("runs"))["runs"]
    assert (seen["status"], seen["background"]) == ("stopped", False)
    assert "resume" in seen["actions"]
    job = await done(ask, (await ask("runs/cnn/actions", {"action": "resume"}))["job"])
    assert job["state"] == "done", job
    async with asyncio.timeout(150):
        while run.refresh().status != "finished":
            assert run.status in ("queued", "running", "stopped"), run.error
            await asyncio.sleep(0.2)
    (seen,) = (await ask("runs"))["runs"]
    assert (seen["epoch"], seen["attempt"], seen["background"]) == (2, 2, True)
    status, _ = await ask("runs/cnn/actions", {"action": "resume", "epochs": "ten"})
    assert status == 400
    job = await done(ask, (await ask("runs/cnn/actions", {"action": "evaluate"}))["job"])
    assert job["state"] == "done", job
    kept = (await ask("runs/cnn"))["evaluations"]["test"]
    assert kept["metrics"]["accuracy"] == job["result"]["metrics"]["accuracy"]
