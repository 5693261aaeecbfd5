"""Workers on the command line: the work of a queue is done in another process, and comes back from one that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Serve, Terminal, Until

HANDLER = """
import time
from remembrancer import Done

def handle(firing):
    firing.progress(0.5, "half of it")
    return Done("sent: " + firing.trigger_prompt)

def hang(firing):
    time.sleep(600)
"""


def test_a_worker_does_what_waits_in_a_queue(terminal: Terminal, serve: Serve, until: Until) -> None:
    (terminal.folder / "mailer.py").write_text(HANDLER)
    serve("--no-bolt")
    terminal.json("schedule", "Letter", "--in", "0.1s", "--prompt", "write to Ada", "--queue", "mail")
    until(lambda: terminal.json("list")[0]["wait_key"], "the wait for a worker")

    done = terminal.apart("work", "--queue", "mail", "--handler", "mailer:handle", "--once")

    assert done.code == 0, done.err
    assert [(each["status"], each["result"]) for each in terminal.json("history")] == [
        ("completed", "sent: write to Ada")
    ]


def test_the_work_of_a_worker_that_dies_is_done_by_another(terminal: Terminal, serve: Serve, until: Until) -> None:
    (terminal.folder / "mailer.py").write_text(HANDLER)
    serve("--no-bolt", "--check-interval", "1")
    terminal.json("schedule", "Letter", "--in", "0.1s", "--prompt", "write to Ada", "--queue", "mail")
    dying = terminal.begin("work", "--queue", "mail", "--handler", "mailer:hang", "--lease", "1")
    until(lambda: [each for each in terminal.json("history") if each["status"] == "running"], "the first attempt")
    dying.kill()

    until(lambda: [each for each in terminal.json("history") if each["reason_code"] == "worker_lost"], "the loss")
    terminal.begin("work", "--queue", "mail", "--handler", "mailer:handle")
    until(lambda: [each for each in terminal.json("history") if each["status"] == "completed"], "the second attempt")


def test_without_a_scheduler_there_is_no_work(terminal: Terminal) -> None:
    (terminal.folder / "mailer.py").write_text(HANDLER)
    terminal.json("schedule", "Letter", "--in", "1h", "--prompt", "write to Ada", "--queue", "mail")

    refused = terminal.apart("work", "--queue", "mail", "--handler", "mailer:handle", "--once")

    assert refused.code != 0
    assert "remembrancer serve" in refused.err
