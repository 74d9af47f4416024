"""The doctor: tells what is wrong, mends what it can, and harms nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lepton_nb.deployment import Deployment, Report, deploy, doctor, lifecycle
from lepton_nb.packaging import build_package
from lepton_nb.runs import RunStore
from tests.serving_support import is_alive, make_run

pytestmark = pytest.mark.slow


def texts(report: Report, level: str) -> list[str]:
    return [f"{finding.topic}: {finding.text}" for finding in report.findings if finding.level == level]


def test_a_healthy_store_is_all_ok() -> None:
    build_package(make_run())
    report = doctor()
    assert report.ok
    assert {finding.level for finding in report.findings} <= {"ok", "warning"}
    assert any("torch" in text for text in texts(report, "ok"))
    assert any("1 runs" in text for text in texts(report, "ok"))


@pytest.mark.slow
def test_lost_services_are_found_again_and_dead_ones_cleared() -> None:
    run = make_run()
    store = RunStore()
    dead, lost, live = deploy(run, "dead"), deploy(run, "lost"), deploy(run, "live")
    try:
        os.kill(dead.record.pid or 0, signal.SIGKILL)
        store.delete_deployment("lost")
        # As another release may have written it down.
        live.record.pid_started = (live.record.pid_started or 0) - 3600
        store.save_deployment(live.record)
        with lost.state.locked():
            report = doctor()
        assert is_alive(lost.record.pid or 0), "another notebook is deploying it just now"
        assert [text for text in texts(report, "mended") if "dead is gone" in text]
        assert "lost" not in [record.name for record in store.list_deployments()]
        report = doctor()
        assert [text for text in texts(report, "mended") if "lost runs" in text]
        assert [text for text in texts(report, "ok") if "live version 1: ready" in text]
        found = {record.name: record for record in store.list_deployments()}
        assert {name: record.pid for name, record in found.items()} == {
            "lost": lost.record.pid,
            "live": live.record.pid,
        }
        assert found["lost"].url == lost.url

        # A server whose package the store does not know can never be stopped by anybody: it is ended.
        store.delete_deployment("lost")
        lost.state.write_history([("unknown", 1)])
        report = doctor()
        assert [text for text in texts(report, "mended") if "a server of lost without a record" in text]
        assert not is_alive(lost.record.pid or 0)

        # A deploy that was cut off after its switch.
        other = build_package(make_run(seed=5))
        found["live"].version, found["live"].package = 1, "net"
        Deployment(found["live"], store).client.activate(other.path, other.version or 0, "cpu")
        assert [text for text in texts(doctor(), "mended") if "live has net version 2 live" in text]
        assert store.get_deployment("live").version == 2

        live.state.write_versions({"lepton-nb": "0.0.1"})
        assert [text for text in texts(doctor(), "warning") if "lepton-nb 0.0.1 →" in text]
    finally:
        for server in lifecycle.find_servers():
            lifecycle.end(server["pid"], server["started"], patience=5)


@pytest.mark.slow
def test_a_service_that_does_not_answer_is_a_problem() -> None:
    service = deploy(make_run())
    try:
        os.kill(service.stats()["worker_pid"], signal.SIGSTOP)  # the front answers all the same
        assert [text for text in texts(doctor(), "ok") if "net version 1: ready" in text]
        os.kill(service.record.pid or 0, signal.SIGSTOP)
        report = doctor()
        assert [text for text in texts(report, "problem") if f"port {service.record.port} belongs to" in text]
        assert not report.ok
    finally:
        os.kill(service.record.pid or 0, signal.SIGCONT)
        lifecycle.end(service.record.pid, service.record.pid_started, patience=1)


def test_damage_is_named() -> None:
    run = make_run()
    package = build_package(run)
    package.file("weights.safetensors").write_bytes(b"x")
    report = doctor()
    assert not report.ok
    assert [text for text in texts(report, "problem") if "weights.safetensors" in text]


def test_what_an_interrupted_build_left_is_deleted(lepton_home: Path) -> None:
    make_run()
    old, new = lepton_home / "packages" / ".draft-old", lepton_home / "packages" / ".draft-new"
    for draft in (old, new):
        draft.mkdir(parents=True)
    os.utime(old, (time.time() - 7200,) * 2)
    doctor()
    assert not old.exists()
    assert new.exists(), "it may be in the making"


@pytest.mark.slow
def test_an_interrupted_run_is_told_how_to_go_on() -> None:
    code = (
        "from tests.serving_support import make_run\n"
        "run = make_run('cut')\n"
        "run.begin(total_steps=2)\n"
        "import os; os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False)
    hints = [finding.hint for finding in doctor().findings]
    assert "%lepton resume cut@1" in hints


@pytest.mark.slow
def test_a_folder_open_to_others_is_closed(lepton_home: Path) -> None:
    service = deploy(make_run())
    try:
        (service.state.path / "service.json").chmod(0o644)
        report = doctor()
        assert [text for text in texts(report, "mended") if "readable by others" in text]
        assert (service.state.path / "service.json").stat().st_mode & 0o077 == 0
    finally:
        service.stop()


def test_a_report_reads_in_a_terminal_and_in_a_notebook() -> None:
    report = Report()
    report.add("problem", "disk", "full <of> things", "df -h")
    assert repr(report) == "✗ disk: full <of> things\n    → df -h"
    assert "full &lt;of&gt; things" in report._repr_html_()
