"""What a task holds is shown as it is: no control character, no picture, no broken cell, no traceback."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from remembrancer import Failed, TaskSchedulerService
from remembrancer.cli.grid import Cell, Grid
from remembrancer.cli.views.serve import SingleLineFormatter

if TYPE_CHECKING:
    from conftest import Desk, Serve, Terminal, Until
    from remembrancer import Firing

pytestmark = pytest.mark.slow
EVIL = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\u202eabc\u2066\nforged line\r"
RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
LONG = "a prompt of many words, which no column of a narrow terminal holds in one line"


async def lived(graph: Any) -> str:
    """A graph in which everything that may hold control characters does, and has fired; return the task's id."""

    def handle(_: Firing) -> Any:
        return Failed(f"because {EVIL}")

    async with TaskSchedulerService(graph, handler=handle) as service:
        task = await service.schedule_task("evil", EVIL, f"prompt {EVIL}", "thought", schedule_cron="0 9 * * *")
        await service.run_now(task.task_id)
        await service.idle()
        await service.defer_task(task.task_id, "2090-01-01T00:00:00Z", f"later {EVIL}")
    return task.task_id


def test_no_command_sends_a_control_character_on(desk: Desk) -> None:
    task_id = asyncio.run(lived(desk.graph))
    asked = "MATCH (t:scheduled_task) RETURN t.trigger_prompt AS prompt"
    for words in (
        ("list",),
        ("show", task_id),
        ("history",),
        ("history", task_id),
        ("cypher", asked),
        ("cypher", "RETURN $p AS p", "-P", f"p={EVIL}"),
        ("audit", "export"),
        ("show", f"task{EVIL}"),
        ("preview", EVIL),
        ("preview", "0 9 * * *", "-z", EVIL),
    ):
        for as_json in (False, True):
            ran = desk(*words, *(["--json"] if as_json and words[0] != "audit" else []))
            assert not RAW.search(ran.out), words
            assert not RAW.search(ran.err), words
            assert "\nforged" not in ran.out or words[0] == "show", words
    assert desk.json("cypher", asked) == [{"prompt": f"prompt {EVIL}"}]
    assert r"\x1b]52;c;aGk=\x07" in desk("history").out


def test_watch_keeps_each_event_on_its_line(terminal: Terminal) -> None:
    asyncio.run(lived(terminal.graph))
    for flags in ([], ["--json"]):
        command = [sys.executable, "-m", "remembrancer", "watch", "--after", "0", *flags]
        with subprocess.Popen(
            command, cwd=terminal.folder, env=terminal.surroundings, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        ) as watching:
            assert watching.stdout is not None
            told = ""
            while "deferred" not in told:
                line = watching.stdout.readline()
                assert line, told
                told += line
            watching.terminate()
        assert not RAW.search(told)
        assert not any(line.startswith("forged") for line in told.splitlines())


def _raise() -> None:
    raise ValueError(EVIL)


def test_a_log_line_cannot_be_forged() -> None:
    record = logging.LogRecord("remembrancer", logging.ERROR, __file__, 1, "Task %s", (EVIL,), None)
    with pytest.raises(ValueError, match="forged") as raised:
        _raise()
    record.exc_info = (raised.type, raised.value, raised.tb)
    told = SingleLineFormatter("%(levelname)s %(message)s").format(record)

    assert not RAW.search(told)
    first, *rest = told.split("\n")
    assert first.startswith("ERROR Task ")
    assert all(line.startswith("  ") for line in rest)


def test_a_path_without_a_token_forges_no_line_of_the_log(serve: Serve) -> None:
    serving = serve()
    connection = http.client.HTTPConnection("127.0.0.1", int(str(serving.beacon["rest_port"])), timeout=120)
    connection.request("GET", "/v1/%1b%5d52;c;aGk=%07%0aforged%c2%9b")
    answer = connection.getresponse().read().decode()
    connection.close()
    ran = serving.end(signal.SIGTERM)

    assert json.loads(answer)["status"] == 404
    assert not RAW.search(answer)
    assert not RAW.search(ran.err)


def test_colons_and_brackets_are_no_markup(desk: Desk) -> None:
    for name in ("fe80:a:b::1", ":smile: [bold]x[/bold]", "[/]", "a\\", "[red]:warning:"):
        made = desk.json("schedule", name, "--in", "1h", "--prompt", name)["task_id"]
        for words in (("list",), ("show", made), ("cancel", made)):
            assert name in desk(*words).out


def test_a_truncated_list_says_so(desk: Desk) -> None:
    async def fill() -> None:
        async with TaskSchedulerService(desk.graph) as service:
            for number in range(4):
                await service.schedule_task(f"n{number}", "g", "p", "t", schedule_cron="0 9 * * *")

    asyncio.run(fill())
    short, whole = desk("list", "--json", "--limit", "3"), desk("list", "--json", "--limit", "4")

    assert len(short.json) == 3
    assert "raise --limit" in json.loads(short.err)["note"]
    assert "More than these 3 tasks exist" in desk("list", "--limit", "3").err
    assert (len(whole.json), whole.err) == (4, "")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_table_breaks_no_word(width: int) -> None:
    grid = Grid(("task", "name", "status", "schedule", "next run", "prompt"))
    rows = [
        ("task_1723644600.123_9f3k2a", "日本語のなまえ", "PENDING", "0 9 * * mon-fri", "2027-01-01T09:00:00Z", LONG)
    ] * 3
    for row in rows:
        grid.add(*row)
    lines = [line.plain for line in grid.lines(width)]
    told = " ".join(lines)

    for word in " ".join(rows[0]).split():
        assert word in told.split(), (width, word)
    assert all(cell_len(line) <= max(width, 40) for line in lines)
    assert [line.plain for line in grid.lines(None)][1].endswith(LONG)


def test_a_long_table_is_laid_out_line_by_line() -> None:
    grid = Grid(("n", "what"))
    for number in range(3):
        grid.add(str(number), Cell("x" * number, "red"))

    assert [line.plain for line in grid.lines(None)] == ["n  what", "0", "1  x", "2  xx"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device is full here")  # noqa: PTH110
@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("--help",), ("preview", "* * * * *", "--json")])
def test_a_full_disk_is_told_in_one_line(terminal: Terminal, words: tuple[str, ...]) -> None:
    terminal.json("schedule", "x", "--in", "1h", "--prompt", "x")
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        ran = subprocess.run(
            [sys.executable, "-m", "remembrancer", *words],
            cwd=terminal.folder,
            env=terminal.surroundings,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (ran.returncode, ran.stderr) == (1, "The output could not be written: No space left on device.\n")


@pytest.mark.parametrize("words", ["list", "history --json", "--help", "preview '* * * * *' --fires 1000"])
def test_a_reader_that_leaves_ends_a_command_quietly(terminal: Terminal, words: str) -> None:
    terminal.json("schedule", "x", "--in", "1h", "--prompt", "x")
    for redirection in ("| true", ">&-"):
        ran = subprocess.run(
            ["/bin/sh", "-c", f"{sys.executable} -m remembrancer {words} {redirection}"],
            cwd=terminal.folder,
            env=terminal.surroundings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in ran.stderr
        assert "Exception ignored" not in ran.stderr


@pytest.mark.parametrize("option", ["--rest-port", "--metrics-port"])
def test_a_port_that_is_taken_is_named(terminal: Terminal, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = terminal.apart("serve", "--no-bolt", option, str(port), "--json")

    told = json.loads(ran.err)["error"]
    assert (ran.code, told["field"], told["value"]) == (2, option, port)
    assert "in use" in told["allowed"]


def test_serve_fires_on_when_its_reader_has_left(serve: Serve, terminal: Terminal, until: Until) -> None:
    serving = serve()
    assert serving.process.stdout is not None
    serving.process.stdout.close()
    for _ in range(2):
        terminal.json("schedule", "Tea", "--in", "0s", "--prompt", "Tea")

    told = until(lambda: [e for e in terminal.json("history") if e["status"] == "completed"][1:], "the second run")
    assert told
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(60) == 0
    assert "Traceback" not in (serving.process.stderr.read() if serving.process.stderr else "")
