"""Commands that read: a graph without a scheduler is read without being written, by several at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from remembrancer.stores.embedded.files.directory_lock import DirectoryLock

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk, Serve, Terminal

ENGINES_OWN = {"statistics.json", "last-tx-id.bin"}
"""Numbers of the engine's planner, which it writes whenever a database is closed."""
READING = (
    *("list", "list --all", "history", "status", "audit export", "token list"),
    "cypher 'MATCH (t:scheduled_task) RETURN count(*) AS n'",
)


def state(graph: Path) -> dict[str, bytes]:
    files = (path for path in graph.rglob("*") if path.is_file() and path.name not in ENGINES_OWN)
    return {str(path.relative_to(graph)): path.read_bytes() for path in files}


@pytest.mark.parametrize("command", READING)
def test_a_reading_command_writes_nothing(desk: Desk, command: str) -> None:
    desk("schedule", "Report", "--cron", "* * * * *", "--prompt", "x")
    graph = desk.folder / "graph"
    before = state(graph)
    ran = desk(*command.replace("'", "").split(" ", 1 if "cypher" in command else -1))

    assert (ran.code, ran.err) == (0, "")
    assert state(graph) == before


@pytest.mark.slow
def test_two_read_while_a_third_reads_on(terminal: Terminal) -> None:
    terminal.apart("schedule", "Report", "--cron", "0 9 * * *", "--prompt", "x")
    lock = DirectoryLock(terminal.folder / "graph", shared=True)
    try:
        assert len(terminal.apart("list", "--json").json) == 1
        assert terminal.apart("history", "--json").json == []
        refused = terminal.apart("schedule", "Another", "--in", "1h", "--prompt", "x")
    finally:
        lock.release()

    assert refused.code == 4
    assert "is held by another process." in " ".join(refused.err.split()), "no number of a process that has ended"


@pytest.mark.slow
def test_a_graph_that_was_killed_is_recovered_to_be_read(terminal: Terminal, serve: Serve) -> None:
    serving = serve("--no-bolt", "--no-rest")
    terminal.json("schedule", "Report", "--cron", "0 9 * * *", "--prompt", "x")
    serving.process.send_signal(signal.SIGKILL)
    serving.process.wait(60)

    assert [each["name"] for each in terminal.json("list")] == ["Report"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mounts")
def test_a_graph_on_a_read_only_disk_can_be_read(terminal: Terminal) -> None:
    terminal.json("schedule", "Report", "--cron", "0 9 * * *", "--prompt", "x")
    there = terminal.folder / "read-only"
    there.mkdir()
    graph = str(terminal.graph)
    try:
        subprocess.run(["mount", "--bind", graph, there], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", there], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"NOT TESTED: nothing can be mounted here ({refused})")
    try:
        assert [each["name"] for each in terminal.json("list", "--graph", str(there))] == ["Report"]
        ran = terminal("schedule", "Another", "--in", "1h", "--prompt", "x", "--graph", str(there))
    finally:
        subprocess.run(["umount", "--lazy", there], check=True)

    assert ran.code == 4


def test_an_empty_folder_stays_one(desk: Desk) -> None:
    (desk.folder / "graph").mkdir(0o700)
    ran = desk("list")

    assert (ran.code, list((desk.folder / "graph").iterdir())) == (4, [])
