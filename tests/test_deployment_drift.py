"""The service says when the notebook has moved on; packages nobody needs go, the others stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lepton_nb.deployment import Deployment, deploy, lifecycle, rollback
from lepton_nb.deployment.drift import Drift
from lepton_nb.deployment.keeping import in_use, prune
from lepton_nb.deployment.options import parse_size
from lepton_nb.deployment.state import KEPT
from lepton_nb.errors import ArgumentError
from lepton_nb.packaging import build_package
from lepton_nb.runs import DeploymentRecord, Run, RunStore
from tests.serving_support import LINEAR_SOURCE, built, make_run

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_server_stays_behind(lepton_home: Path) -> Iterator[None]:
    yield
    for server in lifecycle.find_servers():
        lifecycle.end(server["pid"], server["started"], patience=5)


def packaged(run: Run) -> Deployment:
    """A service of the run, as its record in the store describes it; no process is needed to compare."""
    package = build_package(run)
    return Deployment(
        DeploymentRecord(
            "net", "http://127.0.0.1:1", "127.0.0.1", 1, None, None, package.name, package.version or 0
        ),
        run.store,
    )


def test_training_by_hand_shows_as_changed_weights() -> None:
    run = make_run()
    service = packaged(run)
    model = built(LINEAR_SOURCE)
    service.drift.watch(model)
    assert service.changed() == []
    with torch.no_grad():
        model.fc.weight.add_(0.01)  # type: ignore[union-attr, operator]
    assert service.changed() == ["the model in this notebook has other weights by now"]
    del model
    assert service.changed() == [], "where it is gone there is nothing to compare"


def test_a_class_defined_anew_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = packaged(make_run())
    (tmp_path / "my_models.py").write_text(LINEAR_SOURCE.replace("flatten(1)", "flatten(1) * 2"))
    monkeypatch.syspath_prepend(tmp_path)
    import my_models  # type: ignore[import-not-found]

    service.drift.namespace = vars(my_models)
    assert service.changed() == ["Net was changed in the notebook"]
    assert "changed since" in service._repr_html_()
    assert "Net was changed in the notebook" in service._repr_html_()


def test_a_newer_run_shows_until_it_is_deployed() -> None:
    service = packaged(make_run())
    newer = make_run(seed=5)
    assert service.changed() == [f"run {newer.ref} is newer"]
    build_package(newer)
    assert service.changed() == [], "it was deployed, so this service was rolled back on purpose"


def test_a_run_that_was_trained_further_shows() -> None:
    run = make_run()
    service = packaged(run)
    run.begin(total_steps=2)
    state = {"model": built(LINEAR_SOURCE, 7).state_dict(), "epoch": 2}
    run.save_checkpoint(state, step=2, epoch=2, value=0.95, best=True, keep=1)
    assert service.changed() == [], "not while it trains"
    run.set_status("finished")
    assert service.changed() == [f"run {run.ref} was trained further"]


def test_a_package_that_cannot_be_read_breaks_nothing() -> None:
    run = make_run()
    service = packaged(run)
    (service.store.get_package("net", 1).path / "manifest.json").unlink()
    assert service.changed() == []
    assert Drift().reasons(service.store.get_package("net", 1), service.store) == []


def test_older_packages_go_and_what_can_come_back_stays() -> None:
    runs = [make_run(seed=seed) for seed in range(KEPT + 3)]
    template = build_package(runs[0])
    store = RunStore()
    for run in runs[1:]:  # copies: exporting each would take its time
        import shutil

        path = template.path.with_name(str(run.number))
        shutil.copytree(template.path, path)
        store.add_package(
            "net", run_id=run.id, path=path, sha256=f"{run.number}", task=run.task, formats=["onnx"]
        )
    service = DeploymentRecord("live", "", "127.0.0.1", 1, None, None, "net", 1)
    store.save_deployment(service)
    store.delete_run(runs[1])
    with in_use(store):
        assert prune(store) == [], "another process is deploying"
    assert [record.version for record in prune(store)] == [3]
    left = sorted(record.version for record in store.list_packages("net"))
    assert left == [1, 2, *range(4, KEPT + 4)], "1 is live, the run of 2 is gone, the rest is new"
    assert sorted(int(path.name) for path in template.path.parent.iterdir()) == left


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("2g", 2 << 30),
        ("512m", 512 << 20),
        ("1.5 GiB", 3 << 29),
        (1 << 30, 1 << 30),
        ("100000 kb", 100000 << 10),
    ],
)
def test_sizes_are_read(size: int | str, expected: int) -> None:
    assert parse_size(size) == expected


@pytest.mark.parametrize("size", ["", "much", "-1g", "2x", True, "1m", 10])
def test_wrong_sizes_are_explained(size: object) -> None:
    with pytest.raises(ArgumentError, match="memory is"):
        parse_size(size)  # type: ignore[arg-type]


def test_a_deployed_model_is_watched_and_rolls_back_at_once() -> None:
    """From `deploy` to the badge and back, with a real service."""
    run = make_run()
    run.live["model"] = built(LINEAR_SOURCE)
    service = deploy(run, memory="1g", origins=["http://localhost:3000"])
    assert service.stats()["memory_limit"] == 1 << 30
    first = service.stats()["worker_pid"]
    assert "changed since" not in service._repr_html_()
    with torch.no_grad():
        run.live["model"].fc.weight.add_(1)
    assert "other weights" in service._repr_html_()
    deploy(make_run(seed=5), "net")
    assert rollback("net").stats()["worker_pid"] == first, "the version before was still loaded"

    import httpx

    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(f"{service.url}/predict", headers=asked, trust_env=False)
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
    foreign = httpx.get(f"{service.url}/healthz", headers={"Origin": "https://evil.example"}, trust_env=False)
    assert "access-control-allow-origin" not in foreign.headers
