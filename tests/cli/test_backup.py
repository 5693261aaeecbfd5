"""A backup is made while tasks fire, is whole or not there, and holds whatever was acknowledged before it began."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import ScheduleRequest
from remembrancer.cli.connect import connect

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk, Ran, Serve, Terminal, Until

FAR = ["--cron", "0 0 1 1 *", "--prompt", "p"]
EACH_SECOND = "* * * * * *"
SIX = ("--seconds-field", "first")


def drafts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".part"))


def test_a_backup_is_restored_as_another_graph(desk: Desk) -> None:
    task_id = desk.json("schedule", "Yearly", *FAR)["task_id"]
    desk("run-now", task_id)
    desk.json("token", "create", "--name", "ada")
    backup, restored = str(desk.folder / "backup"), str(desk.folder / "restored")
    made, again = desk.json("backup", backup), desk.json("restore", backup, restored)
    ids = [desk.json("cypher", "MATCH (g:remembrancer_graph) RETURN g.graph_id AS id", "--graph", g)[0]["id"]
           for g in (str(desk.graph), restored)]  # fmt: skip

    assert (made["counts"], made["target"]) == (again["counts"], backup)
    assert desk.json("show", task_id, "--graph", restored) == desk.json("show", task_id)
    assert [each["name"] for each in desk.json("token", "list", "--graph", restored)] == ["ada"]
    assert ids[0] != ids[1]
    last = json.loads(desk("audit", "export", "--graph", restored).out.splitlines()[-1])
    assert (last["action"], last["after"]["backup"]) == ("restore", backup)
    assert desk("check", "--graph", restored).code == desk("check", "--graph", backup).code == 0


def test_a_backup_is_for_its_owner_alone(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    desk("backup", str(desk.folder / "backup"))
    desk("restore", str(desk.folder / "backup"), str(desk.folder / "restored"))

    for made in ("backup", "restored"):
        paths = [desk.folder / made, *(desk.folder / made).rglob("*")]
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}


def test_a_backup_is_never_worked_on(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    backup = str(desk.folder / "backup")
    desk("backup", backup)
    refused = [desk("schedule", "Another", *FAR, "--graph", backup), desk("check", "--repair", "--graph", backup)]

    assert refused[0].code == 4
    assert "remembrancer restore" in " ".join(refused[0].err.split())
    assert (refused[1].code, "is sound" in refused[1].out) == (0, True)


def test_a_damaged_backup_is_not_repaired_in_place(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    backup = desk.folder / "backup"
    desk("backup", str(backup))
    for file in backup.rglob("CREATED_BY_0.*"):
        file.unlink()
    before = {path: path.lstat().st_mtime_ns for path in backup.rglob("*")}
    refused = desk("check", "--repair", "--graph", str(backup))

    assert (refused.code, "is a backup" in " ".join(refused.err.split())) == (4, True)
    assert {path: path.lstat().st_mtime_ns for path in backup.rglob("*")} == before


def test_what_is_there_already_is_left_alone(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    backup = str(desk.folder / "backup")
    assert desk("backup", backup).code == 0
    onto_backup, onto_graph = desk("backup", backup), desk("restore", backup, str(desk.graph))
    no_backup = desk("restore", str(desk.graph), str(desk.folder / "restored"))

    assert (onto_backup.code, onto_graph.code, no_backup.code) == (1, 1, 4)
    assert "is not a backup" in no_backup.err
    assert drafts(desk.folder) == []
    assert not (desk.folder / "restored").exists()


def test_a_backup_that_was_harmed_is_not_restored(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    desk("backup", str(desk.folder / "backup"))
    for file in (desk.folder / "backup").rglob("scheduled_task_0.*.bucket"):
        file.unlink()
    refused = desk("restore", str(desk.folder / "backup"), str(desk.folder / "restored"))

    assert refused.code == 4
    assert not (desk.folder / "restored").exists()
    assert drafts(desk.folder) == []
    assert desk("check", "--graph", str(desk.folder / "backup")).code == 6


class Load:
    """Has a running scheduler acknowledge tasks and runs, one after the other, until it is told to end."""

    def __init__(self, graph: str) -> None:
        self._graph = graph
        self.tasks: list[str] = []
        self.executions: list[str] = []
        self._ending = asyncio.Event()
        self._changed = asyncio.Condition()

    async def go_on(self) -> None:
        async with connect(self._graph) as reached:
            while not self._ending.is_set():
                asked = [ScheduleRequest("Later", "g", "p", "thought", defer_until="2099-01-01T00:00:00Z")]
                (reply,) = await reached.scheduler.schedule_tasks(asked)
                self.tasks.append(reply.task_id)
                self.executions.append((await reached.scheduler.run_now(reply.task_id)).execution_id)
                async with self._changed:
                    self._changed.notify_all()

    async def until_acknowledged(self, more: int) -> None:
        wanted = len(self.executions) + more
        async with asyncio.timeout(120), self._changed:
            await self._changed.wait_for(lambda: len(self.executions) >= wanted)

    def end(self) -> None:
        self._ending.set()


def drain(process: subprocess.Popen[str]) -> None:
    """Read what a process says, so that it never waits for its reader."""
    threading.Thread(target=lambda: process.stdout and process.stdout.read(), daemon=True).start()


async def backed_up(load: Load, terminal: Terminal, name: str) -> tuple[Ran, set[str], int]:
    """Make a backup once more was acknowledged; return how, what had been before, and how much was meanwhile."""
    await load.until_acknowledged(20)
    before = {*load.tasks, *load.executions}
    ran = await asyncio.to_thread(terminal.apart, "backup", str(terminal.folder / name), "--json")
    return ran, before, len({*load.tasks, *load.executions} - before)


@pytest.mark.slow
async def test_a_backup_under_load_misses_nothing_acknowledged(terminal: Terminal, serve: Serve) -> None:
    for number in range(5):
        terminal("schedule", f"Each second {number}", "--cron", EACH_SECOND, *SIX, "--prompt", "p")
    serving = serve("--no-bolt")
    drain(serving.process)
    load = Load(str(terminal.graph))
    working = asyncio.create_task(load.go_on())
    rounds = [(name, *await backed_up(load, terminal, name)) for name in ("first", "second", "third")]
    load.end()
    await working
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(120) == 0

    for name, ran, before, meanwhile in rounds:
        assert ran.code == 0, ran
        assert meanwhile > 0
        restored = str(terminal.folder / f"restored-{name}")
        assert terminal("restore", str(terminal.folder / name), restored).code == 0
        held = await asyncio.to_thread(held_by, terminal, restored)
        assert before - held == set()
        checked = terminal("check", "--json", "--graph", restored)
        assert (checked.code, checked.json["findings"]) == (0, []), checked
    again = terminal.begin("serve", "--json", "--no-bolt", "--graph", str(terminal.folder / "restored-third"))
    assert again.stdout is not None
    assert again.stdout.readline()


def held_by(terminal: Terminal, graph: str) -> set[str]:
    """Return the ids of all tasks and executions in a graph."""
    found: set[str] = set()
    for label, key in (("scheduled_task", "task_id"), ("task_execution", "execution_id")):
        rows = terminal.json("cypher", f"MATCH (n:{label}) RETURN n.{key} AS id", "--graph", graph)
        found |= {row["id"] for row in rows}
    return found


def begun(folder: Path, process: subprocess.Popen[str]) -> bool:
    return bool(drafts(folder)) or process.poll() is not None


@pytest.mark.slow
def test_a_backup_that_is_killed_is_not_there(terminal: Terminal, serve: Serve, until: Until) -> None:
    terminal("schedule", "Yearly", *FAR)
    serving = serve("--no-bolt")
    for number in range(4):
        backup = terminal.folder / f"backup-{number}"
        process = terminal.begin("backup", str(backup))
        until(partial(begun, terminal.folder, process), "the draft's being made")
        process.kill() if number % 2 else serving.process.kill()
        process.wait()
        if backup.exists():
            assert terminal("restore", str(backup), str(terminal.folder / f"restored-{number}")).code == 0
        assert terminal("backup", str(terminal.folder / f"later-{number}")).code == 0
        if serving.process.poll() is not None:
            serving = serve("--no-bolt")


SNAPSHOT = """
import asyncio, sys
from remembrancer import TaskSchedulerService
from remembrancer.bootstrap.backups import backup_graph
async def main():
    async with TaskSchedulerService(sys.argv[1]) as service:
        await service.schedule_task("Later", "g", "p", "thought", "2099-01-01T00:00:00Z")
        done = await backup_graph(sys.argv[1], sys.argv[2], snapshot=service.snapshot)
        print(done.counts["scheduled_task"])
asyncio.run(main())
"""


def test_an_agents_own_process_backs_its_graph_up(tmp_path: Path) -> None:
    run: list[Any] = [sys.executable, "-c", SNAPSHOT, str(tmp_path / "graph"), str(tmp_path / "backup")]
    ran = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "1\n", "")
    assert (tmp_path / "backup" / "backup.json").exists()
