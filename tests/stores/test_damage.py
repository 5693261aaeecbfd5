"""A graph that the engine could not recover whole is refused with the way out, and can be looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_bolt, open_store, open_to_read
from remembrancer.bootstrap.copies import copy_graph
from remembrancer.errors import GraphDamaged, GraphNotFound, GraphReadOnly, InvalidInput
from remembrancer.stores.embedded.files.directory import database_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
DIE = """
import asyncio, os, sys
from remembrancer import TaskSchedulerService
async def main():
    service = TaskSchedulerService(sys.argv[1])
    await service.open()
    for number in range(20):
        await service.schedule_task(f"Task {number}", "g", "p", "t", schedule_cron="0 9 * * *")
    print("acknowledged", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def killed(folder: Path) -> Path:
    """Return a folder whose process was killed in the middle of its work."""
    with subprocess.Popen([sys.executable, "-c", DIE, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "acknowledged\n"
        process.send_signal(signal.SIGKILL)
    return folder


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A graph after a power cut that has written a part of the log over with nonsense."""
    folder = killed(tmp_path / "graph")
    logs = sorted(database_path(folder).glob("*.wal"), key=lambda path: path.stat().st_size)
    with logs[-1].open("r+b") as log:
        log.write(os.urandom(512))
    return folder


def put_aside(folder: Path) -> None:
    (folder / "damaged").mkdir()
    for file in database_path(folder).glob("*.corrupt"):
        file.rename(folder / "damaged" / file.name)


def test_a_killed_process_leaves_a_graph_that_opens(tmp_path: Path) -> None:
    folder = killed(tmp_path / "graph")

    assert sorted(database_path(folder).glob("*.corrupt")) == []


async def test_a_torn_log_is_refused_with_the_way_out(torn: Path) -> None:
    for _ in range(2):
        with pytest.raises(GraphDamaged, match=r"work may be missing.*\.wal\.corrupt.*backup.*read-only") as it:
            await open_store(torn)
    with pytest.raises(GraphDamaged):
        await TaskSchedulerService(torn).start()
    with pytest.raises(GraphDamaged):
        open_bolt(torn).start()
    with pytest.raises(GraphDamaged):
        await copy_graph(torn, torn.with_name("copy"))

    assert str(torn / "damaged") in str(it.value)
    put_aside(torn)
    async with TaskSchedulerService(torn) as service:
        await service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *")


async def test_a_damaged_graph_can_be_looked_at(torn: Path) -> None:
    with pytest.raises(GraphDamaged):
        await open_store(torn)
    before = sorted(path.name for path in database_path(torn).iterdir())
    service = open_to_read(torn)
    await service.open()
    tasks = await service.get_scheduled_tasks()
    rows = await service.cypher("MATCH (t:scheduled_task) RETURN count(*) AS tasks")
    with pytest.raises(GraphReadOnly, match="read only"):
        await service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *")
    with pytest.raises(GraphReadOnly):
        await service.start()
    await service.close()

    assert tasks, "what can be read is shown"
    assert rows[0]["tasks"] > 0, "an index may lack the last of them"
    assert sorted(path.name for path in database_path(torn).iterdir()) == before


async def test_a_sound_graph_can_be_opened_to_be_read(tmp_path: Path) -> None:
    async with TaskSchedulerService(tmp_path / "graph") as writing:
        await writing.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *")
    service = open_to_read(tmp_path / "graph")
    await service.open()
    (task,) = await service.get_scheduled_tasks()
    for act in (service.cancel_task(task.task_id), service.run_now(task.task_id)):
        with pytest.raises(GraphReadOnly):
            await act
    await service.close()
    async with TaskSchedulerService(tmp_path / "graph") as again:
        assert len(await again.get_scheduled_tasks()) == 1


async def test_what_cannot_be_only_read_is_said_so(tmp_path: Path) -> None:
    unclean = killed(tmp_path / "unclean")
    with pytest.raises(GraphReadOnly, match="without read-only"):
        await open_to_read(unclean).open()
    with pytest.raises(GraphNotFound):
        await open_to_read(tmp_path / "none").open()
    with pytest.raises(InvalidInput, match="read_only"):
        await open_to_read(":memory:").open()

    assert not (tmp_path / "none").exists()
    async with TaskSchedulerService(unclean) as service:
        assert len(await service.get_scheduled_tasks()) == 20


def command(*words: str, graph: Path) -> subprocess.CompletedProcess[str]:
    run: list[Any] = [sys.executable, "-m", "remembrancer", *words, "--graph", str(graph)]
    return subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)


def test_the_doctor_calls_a_damaged_graph_critical(torn: Path) -> None:
    doctor, status = command("doctor", graph=torn), command("status", graph=torn)
    looked_at = command("list", "--read-only", "--json", graph=torn)
    refused = command("doctor", graph=torn.with_name("none"))

    assert (doctor.returncode, "critical" in doctor.stdout, "Traceback" in doctor.stderr) == (6, True, False)
    assert ".wal.corrupt" in "".join(doctor.stdout.split())
    assert (status.returncode, "GraphDamaged" in status.stderr) == (4, True)
    assert (looked_at.returncode, looked_at.stdout[:1]) == (0, "[")
    assert refused.returncode == 4
