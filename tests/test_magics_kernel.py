"""`%lepton` in a real kernel: replies, errors, the panel, and clicks while a cell runs."""

from __future__ import annotations

import io
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from PIL import Image

from lepton_nb.runs import RunStore

pytestmark = pytest.mark.slow

WIDGET = "application/vnd.jupyter.widget-view+json"
NET = """\
%%lepton model Net --data digits
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)
    def forward(self, x):
        return self.fc(x.flatten(1))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernel") / "lepton"


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "LEPTON_HOME": str(home), "OMP_NUM_THREADS": "1"})
    found = manager.blocking_client()
    found.start_channels()
    found.wait_for_ready(timeout=60)
    _, messages = run(found, "%load_ext lepton_nb\n%lepton data digits --limit 200;")
    assert not outputs(messages)
    run(found, NET)
    yield found
    found.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    messages: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, timeout=90, output_hook=messages.append)
    return reply["content"], messages


def outputs(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a notebook would hold in the end: displays, with their updates applied, results and errors."""
    found: list[dict[str, Any]] = []
    places: dict[str, int] = {}
    for message in messages:
        kind, content = message["msg_type"], message["content"]
        display_id = content.get("transient", {}).get("display_id")
        if kind == "update_display_data":
            found[places[display_id]] = content
        elif kind in ("display_data", "execute_result", "stream", "error"):
            if display_id is not None:
                places[display_id] = len(found)
            found.append(content)
    return found


def test_a_mistake_is_an_error_reply_of_two_lines(client: BlockingKernelClient) -> None:
    reply, messages = run(client, "%lepton train Nte --data digits")
    assert reply["status"] == "error"
    assert reply["ename"] == "NotFoundError"
    (shown,) = outputs(messages)
    assert shown["ename"] == "NotFoundError"
    assert len(shown["traceback"]) == 2
    assert "Did you mean 'Net'?" in shown["traceback"][1]


def test_tab_replaces_only_the_value_after_the_equals_sign(client: BlockingKernelClient) -> None:
    text = "x = 1\nr = %lepton train Net --schedule=co"
    client.complete(text, len(text))
    content = client.get_shell_msg(timeout=20)["content"]
    assert content["matches"] == ["cosine", "constant"]
    assert text[content["cursor_start"] : content["cursor_end"]] == "co"
    assert content["metadata"]["_jupyter_types_experimental"][0]["type"] == "value"


def test_training_leaves_a_picture_and_a_summary_and_no_widget(client: BlockingKernelClient) -> None:
    reply, messages = run(client, "%lepton train Net --data digits --epochs 2 --name net")
    assert reply["status"] == "ok"
    live = [message for message in messages if WIDGET in message["content"].get("data", {})]
    assert len(live) == 1
    (settled,) = outputs(messages)
    run_mime = "application/vnd.lepton.run+json"
    assert set(settled["data"]) == {"text/plain", "text/html", "image/png", run_mime}
    kept = settled["data"][run_mime]
    assert kept["run"]["status"] == "finished"
    assert kept["series"]["val_accuracy"]["value"]
    html = settled["data"]["text/html"]
    assert html.count("data:image/png;base64,") == 1
    for text in (
        "Finished",
        "net@1",
        "validation accuracy",
        "cpu",
        "%lepton evaluate net",
        "%lepton deploy net",
    ):
        assert text in html
    assert "2 of 2 epochs" in settled["data"]["text/plain"]


def test_a_failed_run_leaves_what_there_was_and_the_error(client: BlockingKernelClient) -> None:
    reply, messages = run(
        client, "%lepton train Net --data digits --epochs 2 --lr 1e30 --optimizer sgd --name bad"
    )
    assert reply["status"] == "error"
    assert reply["ename"] == "TrainingError"
    settled, error = outputs(messages)
    assert "Failed" in settled["data"]["text/html"]
    assert "%lepton resume bad" in settled["data"]["text/plain"]
    assert error["ename"] == "TrainingError"


def test_a_resumed_run_shows_its_earlier_points(client: BlockingKernelClient) -> None:
    run(client, "%lepton train Net --data digits --epochs 1 --name again;")
    _, messages = run(client, "%lepton resume again --epochs 2")
    opened = [
        m for m in messages if m["msg_type"] == "comm_open" and "curves" in m["content"]["data"]["state"]
    ]
    curves = opened[0]["content"]["data"]["state"]["curves"]
    assert len(curves["val_loss"]["x"]) == 1
    assert curves["loss"]["x"][0] == 1


def test_the_kernel_interrupt_stops_a_run_and_returns_it(client: BlockingKernelClient, home: Path) -> None:
    pid = int(run(client, "import os; os.getpid()")[1][-2]["content"]["data"]["text/plain"])
    started = time.monotonic()

    def interrupt_once_training(message: dict[str, Any]) -> None:
        messages.append(message)
        if message["msg_type"] == "comm_msg" and "patch" in str(message["content"]["data"]) and not sent:
            sent.append(os.kill(pid, signal.SIGINT))

    messages: list[dict[str, Any]] = []
    sent: list[None] = []
    reply = client.execute_interactive(
        "run = %lepton train Net --data digits --epochs 100000 --name long",
        timeout=60,
        output_hook=interrupt_once_training,
    )
    assert reply["content"]["status"] == "ok"
    assert time.monotonic() - started < 30
    assert "Stopped" in outputs(messages)[0]["data"]["text/html"]
    assert RunStore(home).get_run("long").status == "stopped"


def test_pause_resume_and_stop_are_heard_while_the_cell_runs(
    client: BlockingKernelClient, home: Path
) -> None:
    comm_id, subshell = "", ""
    phases: list[str] = []
    name = "clicked"

    def click(action: str) -> None:
        message = client.session.msg(
            "comm_msg",
            {"comm_id": comm_id, "data": {"method": "custom", "content": {"ask": action}}},
        )
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)

    reply = client.session.msg("create_subshell_request", {})
    client.control_channel.send(reply)
    subshell = client.get_control_msg(timeout=20)["content"]["subshell_id"]
    client.execute(f"%lepton train Net --data digits --epochs 100000 --name {name}")
    script: list[tuple[Callable[[], bool], str]] = [
        (lambda: phases.count("training") > 3, "pause"),
        (lambda: phases[-1] == "paused", "resume"),
        (lambda: phases[-1] == "training", "stop"),
    ]
    messages = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            message = client.get_iopub_msg(timeout=1)
        except queue.Empty:
            continue
        messages.append(message)
        data = message["content"].get("data", {})
        if message["msg_type"] == "comm_open" and "progress" in data.get("state", {}):
            comm_id = message["content"]["comm_id"]
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm_id:
            state = data.get("state", {})
            if "progress" in state:
                phases.append(state["progress"]["phase"])
        if script and phases and script[0][0]():
            click(script.pop(0)[1])
        idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
        if idle and not script and RunStore(home).get_run(name).status == "stopped":
            break
    assert not script
    assert "paused" in phases
    assert RunStore(home).get_run(name).status == "stopped"
    assert "Stopped" in outputs(messages)[0]["data"]["text/html"]


def ask_panel(
    client: BlockingKernelClient, comm_id: str, content: dict[str, Any], buffers: list[bytes]
) -> dict[str, Any]:
    """Send what a click in the panel sends, and wait for the panel's answer."""
    message = client.session.msg(
        "comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": content}}
    )
    client.session.send(client.shell_channel.socket, message, buffers=buffers)
    while True:
        data = client.get_iopub_msg(timeout=20)["content"].get("data", {})
        if isinstance(data, dict) and data.get("method") == "custom":
            found: dict[str, Any] = data["content"]
            return found


def test_a_service_shows_a_card_and_a_panel_that_settle_when_it_stops(client: BlockingKernelClient) -> None:
    run(client, "%lepton train Net --data digits --epochs 1 --name served;")
    _, messages = run(client, "service = %lepton deploy served")
    card, panel = outputs(messages)
    assert "http://127.0.0.1:" in card["data"]["text/html"]
    assert panel["data"][WIDGET]["model_id"]
    opened = [m for m in messages if m["msg_type"] == "comm_open" and "seen" in m["content"]["data"]["state"]]
    state = opened[-1]["content"]["data"]["state"]
    assert state["info"]["form"]["widget"] == "image"
    assert state["seen"]["state"] == "ready"

    comm_id = opened[-1]["content"]["comm_id"]
    picture = io.BytesIO()
    Image.new("L", (8, 8), 100).save(picture, "PNG")
    asked = {"ask": "predict", "sent": "file"}
    answer = ask_panel(client, comm_id, asked, [picture.getvalue()])["answer"]
    assert answer["label"] in "0123456789"
    assert "not" in ask_panel(client, comm_id, asked, [b"no picture"])["problem"]

    _, again = run(client, "%lepton deploy served")
    updates = [m["content"]["data"]["text/html"] for m in again if m["msg_type"] == "update_display_data"]
    assert "below a newer cell" in updates[1]
    reply, stopped = run(client, "%lepton stop served")
    assert reply["status"] == "ok"
    updates = [m["content"]["data"]["text/html"] for m in stopped if m["msg_type"] == "update_display_data"]
    assert "was stopped" in updates[0]
    assert "curl http://127.0.0.1:" in updates[0]
    assert "It answered 1 request, in" in updates[1]
    assert "%lepton deploy served" in updates[1]


def test_tab_offers_commands_options_and_names(client: BlockingKernelClient) -> None:
    def offered(line: str) -> list[str]:
        content = client.complete(line, reply=True, timeout=30)["content"]
        assert line[content["cursor_start"] : content["cursor_end"]] == line.split(" ")[-1].split("=")[-1]
        return content["matches"]

    run(client, "%lepton train Net --data digits --epochs 1 --name tabbed;")
    assert "train" in offered("%lepton tr")
    assert "--epochs" in offered("%lepton train Net --ep")
    assert offered("%lepton train Net --data dig") == ["digits"]
    assert offered("%lepton evaluate tabb") == ["tabbed"]
    assert "cosine" in offered("run = %lepton train Net --schedule=cos")


def test_hover_tells_what_an_option_means(client: BlockingKernelClient) -> None:
    def told(code: str, at: str) -> str:
        content = client.inspect(code, code.index(at) + 1, reply=True, timeout=30)["content"]
        return content["data"].get("text/plain", "") if content["found"] else ""

    line = "x = 1\n%lepton train Net --data digits --patience 3"
    option = told(line, "patience")
    assert option.startswith("%lepton train --patience N")
    assert "validation value" in option
    assert "usage: %lepton train" in told(line, "train")
    assert told("%%lepton model Net --data digits\nclass Net: ...", "data").startswith(
        "%lepton model --data D"
    )
    run(client, "patience = {1, 2}")
    assert "set" in told("patience", "patience"), "Python's own help is as it was"


def test_unloading_leaves_the_kernel_as_it_was(client: BlockingKernelClient) -> None:
    code = "get_ipython().kernel.__dict__.get('do_inspect')"
    _, messages = run(client, f"%unload_ext lepton_nb\nprint({code})\n%load_ext lepton_nb")
    assert [out["text"] for out in outputs(messages)] == ["None\n"]
