"""Being told what changes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lepton_nb.lab.handler import ROOM
from lepton_nb.runs import DeploymentRecord, RunStore
from tests.runs_helpers import make_run

pytestmark = pytest.mark.slow


class Ear:
    """Listens to the socket."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def next(self, kind: str, seconds: float = 5.0) -> dict[str, Any]:
        """The next message of that type; others are passed over."""
        async with asyncio.timeout(seconds):
            while True:
                message = json.loads(await self.socket.read_message())
                if message["type"] == kind:
                    return message


async def listen(jp_ws_fetch: Any) -> Ear:
    ear = Ear(await jp_ws_fetch("lepton", "api", "events"))
    assert (await ear.next("hello"))["version"]
    await ear.next("hardware")
    return ear


async def test_changes_are_told_within_a_second(jp_ws_fetch: Any, jp_serverapp: Any) -> None:
    old = make_run("old")
    ear = await listen(jp_ws_fetch)
    await asyncio.sleep(0.2)
    run = await asyncio.to_thread(make_run, "cnn")
    message = await ear.next("runs", seconds=1.0)
    assert [one["ref"] for one in message["changed"]] == ["cnn@1"], "only what changed"
    await asyncio.to_thread(run.begin, 100)
    await asyncio.to_thread(run.log, 1, {"loss": 2.0}, 0)
    await asyncio.to_thread(run.flush)
    assert (await ear.next("runs"))["changed"][0]["latest"] == {"loss": 2.0}
    await asyncio.to_thread(old.set_status, "stopped")
    await asyncio.to_thread(RunStore().delete_run, old)
    removed: list[str] = []
    while not removed:
        removed = (await ear.next("runs"))["removed"]
    assert removed == [old.id]
    ear.socket.close()


async def test_a_package_is_told_of_with_what_serves_it(jp_ws_fetch: Any) -> None:
    run, store = make_run("cnn"), RunStore()
    ear = await listen(jp_ws_fetch)
    await asyncio.sleep(0.2)
    about = {"run_id": run.id, "path": run.path, "sha256": "0", "task": run.task, "formats": ["onnx"]}
    await asyncio.to_thread(lambda: store.add_package("cnn", **about))
    (package,) = (await ear.next("packages"))["changed"]
    assert (package["run"], package["deployments"]) == ("cnn@1", [])
    record = DeploymentRecord("web", "http://h:1", "h", 1, None, None, "cnn", 1)
    await asyncio.to_thread(store.save_deployment, record)
    (package,) = (await ear.next("packages"))["changed"]
    assert package["deployments"] == ["web"]
    (service,) = (await ear.next("deployments"))["changed"]
    assert (service["name"], service["state"]) == ("web", "gone")
    ear.socket.close()


async def test_the_end_of_a_run_is_a_notification(jp_ws_fetch: Any) -> None:
    run = make_run("cnn")
    run.begin()
    ear = await listen(jp_ws_fetch)
    await asyncio.sleep(0.2)
    await asyncio.to_thread(run.set_status, "failed", "TrainingError: The loss became nan.")
    told = await ear.next("notification")
    assert (told["event"], told["level"], told["run"]) == ("run-failed", "error", "cnn@1")
    assert "The loss became nan" in told["message"]
    ear.socket.close()


async def test_a_run_whose_process_dies_is_told(jp_ws_fetch: Any) -> None:
    code = (
        "from tests.runs_helpers import make_run; import time\n"
        "make_run('cnn').begin(); print('on', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ})
    assert process.stdout is not None
    process.stdout.readline()
    ear = await listen(jp_ws_fetch)
    await asyncio.sleep(0.2)
    process.kill()
    process.wait()
    told = await ear.next("notification")
    assert told["event"] == "run-interrupted"
    ear.socket.close()


async def test_nothing_is_watched_when_nobody_listens(jp_ws_fetch: Any, jp_serverapp: Any) -> None:
    events = jp_serverapp.web_app.settings[ROOM].events
    assert not events.watching
    ear = await listen(jp_ws_fetch)
    assert events.watching
    await ear.socket.write_message(json.dumps({"type": "pause"}))
    await ear.socket.write_message("no json")
    async with asyncio.timeout(5):
        while events.watching:
            await asyncio.sleep(0.02)
    await ear.socket.write_message(json.dumps({"type": "resume"}))
    await ear.next("hello")
    assert events.watching
    ear.socket.close()
    async with asyncio.timeout(5):
        while events.watching:
            await asyncio.sleep(0.02)


async def test_watching_goes_on_after_a_failure(
    jp_ws_fetch: Any, jp_serverapp: Any, lepton_home: Path
) -> None:
    ear = await listen(jp_ws_fetch)
    await asyncio.sleep(0.2)
    store = RunStore()
    await asyncio.to_thread(store.database.execute, "ALTER TABLE runs RENAME TO away")
    await asyncio.sleep(0.7)
    await asyncio.to_thread(store.database.execute, "ALTER TABLE away RENAME TO runs")
    await ear.next("hello", seconds=5)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(make_run, "cnn")
    assert (await ear.next("runs"))["changed"][0]["ref"] == "cnn@1"
    ear.socket.close()


def test_a_service_is_told_of_once_when_it_gets_worse() -> None:
    from lepton_nb.lab.notifying import ServiceNews

    def look(news: ServiceNews, state: str, first: bool = False) -> list[str]:
        services = [{"name": "web", "state": state, "problem": "the worker ended"}]
        return [message["event"] for message in news.of_services(services, first=first)]

    news = ServiceNews()
    assert look(news, "ready", first=True) == []
    assert look(news, "recovering") == [], "most recover at once"
    assert look(news, "ready") == []
    assert look(news, "failing") == ["deployment-degraded"]
    assert look(news, "failing") == []
    assert look(news, "ready") == ["deployment-recovered"]
    again = ServiceNews()
    assert look(again, "gone", first=True) == [], "what was bad before anybody looked is no news"
    assert look(again, "gone") == []
