"""What the server refuses to start with, and what it does with a log that has grown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lepton_nb.deployment import deploy
from lepton_nb.errors import ArgumentError
from lepton_nb.serve.logfile import keep_short


def start(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lepton_nb.serve", *options]
    known = {name: value for name, value in os.environ.items() if name != "LEPTON_TOKEN"}
    return subprocess.run(command, env={**known, **environment}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"name": "net", "package": "/p", "host": "0.0.0.0"}, "there is no token"),
        ({"name": "net", "package": "/p", "prot": 80}, "unknown settings: prot"),
        ({"name": "net"}, "package"),
        ([1, 2], "holds no settings"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, content: object, words: str) -> None:
    (tmp_path / "service.json").write_text(json.dumps(content))
    result = start("--state-dir", str(tmp_path))
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_wrong_options_are_named(tmp_path: Path) -> None:
    result = start("--package", str(tmp_path), "--port", "99999")
    assert result.returncode == 1
    assert "cannot listen on 127.0.0.1 port 99999" in result.stderr
    result = start("--package", str(tmp_path / "missing"), "--port", "0")
    assert result.returncode == 1
    assert "is not a package" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("origin", ["localhost:3000", "http://x/path", "", "javascript:alert(1)"])
def test_what_is_no_origin_is_not_let_in(origin: str) -> None:
    with pytest.raises(ArgumentError, match="no origin"):
        deploy("net", origins=[origin])


@pytest.mark.parametrize("name", ["http://x", "x/path", "", "a b", "x:y"])
def test_what_is_no_host_is_not_let_in(name: str) -> None:
    with pytest.raises(ArgumentError, match="no name of a host"):
        deploy("net", allowed_hosts=[name])


LOGGING = """
import os, sys
from pathlib import Path
from lepton_nb.serve.logfile import keep_short
path = Path(sys.argv[1])
os.write(2, b"old\\n" * 500)
assert not keep_short(path, 4000)
assert keep_short(path, 1000)
os.write(2, b"new\\n")
"""


def test_a_long_log_begins_anew_and_the_part_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as out:
        subprocess.run([sys.executable, "-c", LOGGING, str(log)], stderr=out, check=True)
    assert log.read_text() == "new\n"
    before = log.with_name("service.log.1")
    assert before.read_text() == "old\n" * 500
    assert before.stat().st_mode & 0o077 == 0


def test_a_file_that_is_not_the_log_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "service.log"
    other.write_text("x" * 100)
    assert not keep_short(other, 10)
    assert not keep_short(tmp_path / "missing", 10)
    assert other.read_text() == "x" * 100


@pytest.mark.slow
def test_code_is_not_run_on_the_word_of_a_store_open_to_everybody(lepton_home: Path, tmp_path: Path) -> None:
    from lepton_nb.packaging import build_package
    from tests.serving_support import make_run
    from tests.test_packaging_build import BRANCHING

    package = build_package(make_run(source=BRANCHING))
    (tmp_path / "service.json").write_text(
        json.dumps({"name": "net", "package": str(package.path), "token": "t"})
    )
    lepton_home.chmod(0o777)
    result = start("--state-dir", str(tmp_path))
    assert result.returncode == 1
    assert "open to everybody" in result.stderr
