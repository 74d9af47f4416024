"""Runs in the store: made, found, listed, deleted, by many at once."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lepton_nb.errors import ArgumentError, NotFoundError, StoreError
from lepton_nb.runs import RunStore, get_run, home, list_runs
from lepton_nb.runs.schema import MIGRATIONS, migrate
from tests.runs_helpers import make_run, python


def test_importing_the_store_loads_neither_torch_nor_pandas() -> None:
    code = "import sys, lepton_nb.runs; print([m for m in ('torch', 'pandas', 'numpy') if m in sys.modules])"
    assert python(code) == "[]"


def test_a_run_is_the_same_in_another_process() -> None:
    run = make_run("cnn", params={"lr": 0.1, "name": "ü"}, notebook="a.ipynb")
    run.annotate(notes="first try", tags={"who": "me"})
    seen = python(
        "from lepton_nb.runs import get_run; r = get_run('cnn');"
        "print(r.id, r.params, r.notebook, r.notes, r.tags, r.monitor, r.mode, r.epochs, r.status)"
    )
    assert (
        seen
        == f"{run.id} {{'lr': 0.1, 'name': 'ü'}} a.ipynb first try {{'who': 'me'}} val_accuracy max 3 running"
    )


def test_refs_name_the_newest_a_number_or_an_id() -> None:
    first, second, other = make_run("cnn"), make_run("cnn"), make_run("mlp")
    assert [first.ref, second.ref, other.ref] == ["cnn@1", "cnn@2", "mlp@1"]
    assert get_run("cnn").id == second.id
    assert get_run("cnn@1").id == first.id
    assert get_run(first.id).ref == "cnn@1"
    assert get_run(first.id[:30]).ref == "cnn@1"
    assert first.id < second.id < other.id


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("cnm", "Did you mean 'cnn'?"),
        ("cnn@7", "There is cnn@1, cnn@2."),
        ("cnn@", "Did you mean 'cnn'?"),
        ("../../etc/passwd", "There is 'cnn'."),
        ("", "There is 'cnn'."),
        ("0' OR '1'='1", "There is 'cnn'."),
    ],
)
def test_an_unknown_ref_names_what_there_is(ref: str, hint: str) -> None:
    make_run("cnn")
    make_run("cnn")
    with pytest.raises(NotFoundError) as caught:
        get_run(ref)
    assert repr(ref) in caught.value.message
    assert caught.value.hint == hint


def test_the_start_of_two_ids_is_not_enough() -> None:
    first, _ = make_run("a"), make_run("b")
    with pytest.raises(NotFoundError, match="more than one"):
        get_run(first.id[:6])
    with pytest.raises(NotFoundError, match="no run"):
        get_run(first.id[:5])


def test_a_run_without_a_name_gets_a_readable_one() -> None:
    assert [
        make_run(None, model=model).name for model in ("LeptonCNN", "LeptonCNN", "nn.Sequential", "网络")
    ] == [
        "leptoncnn-1",
        "leptoncnn-2",
        "nn-sequential-1",
        "run-1",
    ]


@pytest.mark.parametrize(
    "name", ["../up", "a/b", ".hidden", "", "a b", "a@1", "-x", "a\n", "ü", "x" * 101, "a\x00"]
)
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make_run(name)
    assert repr(name) in caught.value.message
    assert "letters, digits" in (caught.value.hint or "")
    assert not RunStore().list_runs()
    assert not list(home().glob("runs/*"))


def test_runs_are_listed_newest_first_and_filtered() -> None:
    runs = [make_run(name) for name in ("a", "b", "a")]
    runs[0].set_status("finished")
    runs[1].set_status("failed", error="boom")
    assert [run.ref for run in list_runs()] == ["a@2", "b@1", "a@1"]
    assert [run.ref for run in list_runs(name="a")] == ["a@2", "a@1"]
    assert [run.ref for run in list_runs(status="failed")] == ["b@1"]
    assert [run.ref for run in list_runs(limit=2)] == ["a@2", "b@1"]
    assert RunStore().run_names() == ["a", "b"]
    with pytest.raises(ArgumentError) as caught:
        list_runs(status="finish")
    assert caught.value.hint == "Did you mean 'finished'?"


def test_deleting_a_run_removes_all_of_it() -> None:
    run = make_run("cnn")
    run.log(1, {"loss": 1.0}, 0)
    with pytest.raises(StoreError, match="being trained"):
        RunStore().delete_run(run)
    run.set_status("finished")
    RunStore().delete_run(run)
    assert not run.path.exists()
    assert not list_runs()
    assert sqlite3.connect(home() / "lepton.db").execute("SELECT count(*) FROM metrics").fetchone() == (0,)
    with pytest.raises(NotFoundError, match="was deleted"):
        run.refresh()


def test_files_are_private_and_replaced_as_a_whole() -> None:
    run = make_run("cnn")
    run.begin(10)
    run.write_json("config.json", {"a": Path("x"), "n": [1, None]})
    run.write_json("config.json", {"a": 2})
    run.append_log("one")
    run.append_log("two\n")
    assert run.read_json("config.json") == {"a": 2}
    assert run.read_json("none.json", default=3) == 3
    assert run.read_text("none.txt") is None
    assert [line.split("  ")[1] for line in run.log_path.read_text().splitlines()] == ["one", "two"]
    for path in [home(), *home().rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert not list(home().rglob("*.tmp"))


def test_a_file_that_cannot_be_written_leaves_the_old_one() -> None:
    run = make_run("cnn")
    run.write_json("config.json", {"a": 1})
    with pytest.raises(TypeError):
        run.write_json("config.json", {"a": object()})
    assert run.read_json("config.json") == {"a": 1}
    (run.path / "config.json").write_text('{"a": ')
    with pytest.raises(StoreError, match="damaged"):
        run.read_json("config.json")
    with pytest.raises(ArgumentError, match="plain file name"):
        run.write_text("../escape", "x")


@pytest.mark.slow
def test_processes_that_start_together_share_one_new_store(lepton_home: Path) -> None:
    code = (
        "from tests.runs_helpers import make_run\n"
        "for _ in range(5):\n"
        "    run = make_run('same'); run.begin(1)\n"
        "    run.log(1, {'loss': 1.0}, 0); run.flush(); run.set_status('finished')"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    assert sorted(run.number for run in list_runs()) == list(range(1, 21))
    assert all(run.history().last("loss") == 1.0 for run in list_runs())
    assert RunStore().check() == []


def test_a_second_connection_does_not_drop_the_locks_of_the_first(lepton_home: Path) -> None:
    """A process that thinks itself alone removes the write-ahead log of the others when it closes."""
    first = make_run("cnn")
    second = make_run("cnn")
    assert first.store is not second.store
    python("from tests.runs_helpers import make_run; make_run('cnn')")
    assert (lepton_home / "lepton.db-wal").exists()


def test_threads_share_one_store_object() -> None:
    store = RunStore()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                run = make_run("same", store=store)
                run.log(1, {"loss": 1.0}, 0)
                run.flush()
                assert store.get_run(run.ref).history()["loss"] == ([1], [1.0])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(run.number for run in store.list_runs()) == list(range(1, 31))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_may_use_the_parents_store_object() -> None:
    run = make_run("cnn")
    run.begin(1)
    run.log(1, {"loss": 1.0}, 0)
    child = os.fork()
    if child == 0:
        try:
            run.flush()  # the parent's buffer too: the same rows twice must stay one
            run.store.get_run("cnn").annotate(notes="from the child")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    run.flush()
    assert run.refresh().notes == "from the child"
    assert run.history()["loss"] == ([1], [1.0])
    assert run.store.check() == []


def test_a_store_of_a_newer_version_is_left_alone(lepton_home: Path) -> None:
    make_run("cnn")
    connection = sqlite3.connect(lepton_home / "lepton.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer lepton_nb") as caught:
        list_runs()
    assert "pip install -U lepton-nb" in (caught.value.hint or "")


def test_an_older_store_is_migrated_once_and_as_a_whole(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    migrate(connection, tmp_path, MIGRATIONS)
    connection.execute("INSERT INTO attempts (run, attempt, pid, started_at) VALUES (1, 1, 1, 1.0)")
    newer = (*MIGRATIONS, ("ALTER TABLE attempts ADD COLUMN host TEXT DEFAULT 'here'", "CREATE TABLE t (x)"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, tmp_path, (*MIGRATIONS, (newer[-1][0], "CREATE nonsense")))
    migrate(connection, tmp_path, newer)
    migrate(connection, tmp_path, newer)
    assert connection.execute("SELECT host FROM attempts").fetchall() == [("here",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(newer),)


def test_a_damaged_database_is_named_with_the_remedy(lepton_home: Path) -> None:
    lepton_home.mkdir()
    (lepton_home / "lepton.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreError, match=r"lepton\.db is damaged") as caught:
        list_runs()
    assert "LEPTON_HOME" in (caught.value.hint or "")
    assert "damaged" in RunStore().check()[0]


def test_a_home_that_cannot_be_made_says_which_and_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEPTON_HOME", str(tmp_path / "file" / "lepton"))
    with pytest.raises(StoreError, match=str(tmp_path / "file" / "lepton")) as caught:
        make_run("cnn")
    assert "LEPTON_HOME" in (caught.value.hint or "")


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs another user")
def test_a_read_only_home_says_which_and_how_to_choose_another(lepton_home: Path) -> None:
    code = (
        "import os\n"
        "from lepton_nb.errors import StoreError\n"
        "from tests.runs_helpers import make_run\n"
        "make_run('cnn')\n"
        "home = os.environ['LEPTON_HOME']\n"
        "for path in (home, home + '/runs'): os.chmod(path, 0o555)\n"
        "for name in os.listdir(home): name == 'runs' or os.chmod(home + '/' + name, 0o444)\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: make_run('mlp')\n"
        "except StoreError as error: print(error)"
    )
    os.chmod(lepton_home.parent, 0o755)
    shown = python(code)
    assert str(lepton_home) in shown
    assert "LEPTON_HOME" in shown


def test_check_finds_what_is_missing_damaged_or_left_over(lepton_home: Path) -> None:
    torch = pytest.importorskip("torch")
    whole, gone, damaged = make_run("whole"), make_run("gone"), make_run("damaged")
    for run in (whole, damaged):
        saved = run.save_checkpoint({"w": torch.ones(9)}, step=1, epoch=0, value=None, best=False, keep=1)
    saved.path.write_bytes(saved.path.read_bytes()[:-1])
    gone.path.rmdir()
    for name, minutes in (("stray", 5), ("just made", 0)):
        (lepton_home / "runs" / name).mkdir()
        os.utime(lepton_home / "runs" / name, (time.time() - 60 * minutes,) * 2)
    problems = RunStore().check()
    assert len(problems) == 3
    assert "gone@1 is missing" in problems[0]
    assert "stray belongs to no run" in problems[1]
    assert damaged.id in problems[2]
