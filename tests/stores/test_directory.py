"""The embedded graph's folder: everything that can be wrong with it is said in one clear error."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from disks import mounted

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import (
    DiskFull,
    GraphLocked,
    GraphNotFound,
    GraphTooNew,
    InvalidInput,
    NotAGraph,
)
from remembrancer.ports.filters import TaskFilter
from remembrancer.stores.embedded.connection import load_engine
from remembrancer.stores.embedded.files.directory import database_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from remembrancer.model.task import ScheduledTask

    MakeTask = Callable[..., ScheduledTask]

HOLD = """
import asyncio, sys
from remembrancer.bootstrap import open_store
async def hold():
    store = await open_store(sys.argv[1])
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()
asyncio.run(hold())
"""


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder that may not be written, not even by root, whom no mode holds back."""
    if os.geteuid() == 0:
        with mounted(folder, "ro"):
            yield folder
    else:
        folder.mkdir(mode=0o500)
        yield folder


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Let another process have the graph open."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def fill(folder: Path) -> Path:
    filler = folder.parent / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


async def test_a_folder_that_is_a_file_is_no_graph(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"
    file.write_text("I am a file")
    with pytest.raises(NotAGraph, match="is a file"):
        await open_store(file)
    assert file.read_text() == "I am a file"


async def test_a_folder_of_other_files_is_no_graph_and_stays_unchanged(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(NotAGraph, match=r"holiday\.jpg"):
        await open_store(tmp_path)
    assert names(tmp_path) == ["holiday.jpg"]


async def test_a_folder_whose_parent_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(GraphNotFound, match="Create it first"):
        await open_store(tmp_path / "not" / "there")
    assert names(tmp_path) == []


async def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    with read_only(tmp_path / "closed") as folder:
        with pytest.raises(GraphNotFound, match="may not be written"):
            await open_store(folder)
        with pytest.raises(GraphNotFound, match="cannot be created"):
            await open_store(folder / "graph")


async def test_a_torn_schema_file_loses_nothing(tmp_path: Path, a_task: MakeTask) -> None:
    store = await open_store(tmp_path / "graph")
    await store.tasks.create([task := a_task()])
    await store.close()
    (database_path(tmp_path / "graph") / "schema.json").write_text("{ torn")
    store = await open_store(tmp_path / "graph")
    assert await store.tasks.get(task.task_id) == task
    await store.close()


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "ftp://localhost:7687", 7, None])
async def test_what_names_no_folder_is_refused_with_an_example(name: object) -> None:
    with pytest.raises(InvalidInput, match=r"db_path=.*Example"):
        await open_store(name)  # pyright: ignore[reportArgumentType]


async def test_a_graph_of_another_process_is_locked_until_released(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    with held(folder), pytest.raises(GraphLocked, match=r"held by another process.*serve"):
        await open_store(folder)
    await (await open_store(folder)).close()


async def test_a_graph_that_this_process_has_open_already_is_locked(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "graph")
    with pytest.raises(GraphLocked, match="this process"):
        await open_store(tmp_path / "graph")
    await store.close()


async def test_a_graph_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path, a_task: MakeTask) -> None:
    store = await open_store(tmp_path / "graph")
    await store.tasks.create([task := a_task()])
    await store.close()
    await asyncio.to_thread(set_version, tmp_path / "graph", 9999)
    for _ in range(2):
        with pytest.raises(GraphTooNew, match="9999"):
            await open_store(tmp_path / "graph")
    await asyncio.to_thread(set_version, tmp_path / "graph", 1)
    store = await open_store(tmp_path / "graph")
    assert await store.tasks.get(task.task_id) == task
    await store.close()


def set_version(folder: Path, version: int) -> None:
    database = load_engine().open_database(str(database_path(folder)))
    with database.transaction():
        database.command(
            "opencypher", "MATCH (g:remembrancer_graph) SET g.schema_version = $version", {"version": version}
        )
    database.close()


async def test_a_graph_in_memory_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, a_task: MakeTask
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = await open_store(":memory:")
    await store.tasks.create([a_task()])
    await store.close()
    assert names(tmp_path) == []
    again = await open_store(":memory:")
    assert list(await again.tasks.find(TaskFilter())) == []
    await again.close()


async def test_a_full_disk_refuses_the_write_whole_and_loses_nothing(tmp_path: Path, a_task: MakeTask) -> None:
    with mounted(tmp_path / "disk", "size=9m") as disk:
        store = await open_store(disk / "graph")
        kept = [a_task() for _ in range(5)]
        await store.tasks.create(kept)
        filler = fill(disk / "graph")
        big = [a_task(goal_description="x" * 20_000) for _ in range(200)]
        with pytest.raises(DiskFull, match="disk is full"):
            await store.tasks.create(big)
        assert len(await store.tasks.find(TaskFilter())) == 5
        filler.unlink()
        late = a_task()
        await store.tasks.create([late])
        await store.close()
        store = await open_store(disk / "graph")
        assert {task.task_id for task in await store.tasks.find(TaskFilter())} == {
            task.task_id for task in [*kept, late]
        }
        await store.close()


async def test_a_graph_is_not_begun_on_a_full_disk(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk, pytest.raises(DiskFull, match="disk is full"):
        await open_store(disk / "graph")


DAY = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from remembrancer import TaskSchedulerService
async def day():
    async with TaskSchedulerService(sys.argv[1]) as service:
        await service.schedule_task("a", "b", "c", "d", datetime.now(UTC))
        while not await service.history() or (await service.history())[0].status == "running":
            await asyncio.sleep(0.01)
asyncio.run(day())
"""


@pytest.mark.parametrize("graph", [":memory:", "graph"])
def test_the_engine_is_silent(tmp_path: Path, graph: str) -> None:
    name = graph if graph == ":memory:" else str(tmp_path / graph)
    command = [sys.executable, "-c", DAY, name]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize(("days", "mode"), [(None, "low"), (90, "high")])
def test_the_engine_reuses_space_only_with_retention(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float | None, mode: str
) -> None:
    settings = "ARCADEDB_NATIVE_ISOLATE_ARGS"
    monkeypatch.setenv(settings, "")  # so that it is put back afterwards
    monkeypatch.delenv(settings)
    TaskSchedulerService(tmp_path / "graph", options=SchedulerOptions(execution_retention_days=days))
    TaskSchedulerService(tmp_path / "other", options=SchedulerOptions(execution_retention_days=None if days else 90))

    assert f"-Darcadedb.bucketReuseSpaceMode={mode}" in os.environ[settings].split()  # the first of a process decides
