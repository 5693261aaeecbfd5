"""A folder that is deleted, moved, replaced or set back under an open graph: nothing is acknowledged from then on."""

from __future__ import annotations

import asyncio
import gc
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.bootstrap import open_bolt, open_service, open_store
from remembrancer.errors import GraphReplaced
from remembrancer.operations.diagnostics.checks import Severity
from remembrancer.stores.embedded.files import directory_lock
from remembrancer.stores.embedded.files.directory import database_path
from remembrancer.stores.embedded.files.directory_lock import LOCK_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="an open file keeps its folder in place there"),
    pytest.mark.slow,
]
DAILY: Final = ScheduleRequest("Daily", "g", "p", "t", schedule_cron="0 9 * * *")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def copied(folder: Path) -> Path:
    """Return a copy of the folder, as `cp -a` makes it."""
    copy = folder.with_name("copy")
    subprocess.run(["cp", "-a", str(folder), str(copy)], check=True)
    return copy


def replace(folder: Path) -> None:
    copy = copied(folder)
    shutil.rmtree(folder)
    copy.rename(folder)


def replace_database(folder: Path) -> None:
    shutil.copytree(database_path(folder), folder / "saved")
    shutil.rmtree(database_path(folder))
    (folder / "saved").rename(database_path(folder))


def point_elsewhere(link: Path) -> None:
    other = link.resolve().with_name("other")
    shutil.copytree(link.resolve(), other)
    link.unlink()
    link.symlink_to(other, target_is_directory=True)


def replace_files(folder: Path) -> None:
    """Put a copy in the place of each data file, as a restore tool does: every folder stays."""
    for path in [path for path in database_path(folder).iterdir() if path.suffix != ".lck"]:
        copy = path.with_name(f"{path.name}.restored")
        shutil.copy2(path, copy)
        copy.replace(path)


WAYS: dict[str, Callable[[Path], object]] = {
    "deleted": shutil.rmtree,
    "moved": lambda folder: folder.rename(folder.with_name("moved")),
    "replaced": replace,
    "its database deleted": lambda folder: shutil.rmtree(database_path(folder)),
    "its database replaced": replace_database,
    "its files replaced": replace_files,
    "its files deleted": lambda folder: [path.unlink() for path in database_path(folder).iterdir()],
    "its lock deleted": lambda folder: (folder / LOCK_FILE).unlink(),
    "a link pointed elsewhere": point_elsewhere,
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def folder(tmp_path: Path, way: str) -> Path:
    """Where the graph is to be: by a link, where that is what changes."""
    if way != "a link pointed elsewhere":
        return tmp_path / "graph"
    (tmp_path / "real").mkdir()
    (tmp_path / "graph").symlink_to(tmp_path / "real", target_is_directory=True)
    return tmp_path / "graph"


async def test_a_folder_that_is_gone_acknowledges_nothing(folder: Path, way: str) -> None:
    service = TaskSchedulerService(folder)
    await service.open()
    await service.schedule_tasks([DAILY])
    WAYS[way](folder)

    for _ in range(2):
        with pytest.raises(GraphReplaced, match="deleted, moved or replaced"):
            await service.schedule_tasks([DAILY])
    with pytest.raises(GraphReplaced, match="start again"):
        await service.get_scheduled_tasks()
    await service.close()


async def test_a_check_finds_a_folder_that_is_gone(folder: Path, way: str) -> None:
    store = await open_store(folder)
    await store.health.verify()
    WAYS[way](folder)

    for _ in range(2):
        with pytest.raises(GraphReplaced):
            await store.health.verify()
    await store.close()


async def test_the_doctor_says_that_the_folder_is_gone(folder: Path, way: str) -> None:
    async with TaskSchedulerService(folder, check_interval_seconds=3600) as service:
        WAYS[way](folder)
        database = next(each for each in await service.examine() if each.check == "database")

    assert database.health is Severity.CRITICAL
    assert "deleted, moved or replaced" in database.saw


async def test_closing_leaves_what_lies_in_its_place_alone(folder: Path, way: str) -> None:
    service = TaskSchedulerService(folder)
    await service.open()
    WAYS[way](folder)
    with pytest.raises(GraphReplaced):
        await service.schedule_tasks([DAILY])
    before = contents(folder)
    await service.close()
    await service.close()
    del service
    gc.collect()

    if "lock" not in way:
        assert contents(folder) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder but the logs of the engine's server."""
    files = [path for path in folder.rglob("*") if path.is_file() and "log" not in path.parent.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


async def test_a_served_folder_that_is_gone_is_let_go(folder: Path, way: str) -> None:
    bolt = open_bolt(folder)
    bolt.start()
    service = open_service(folder, opened=bolt.open_folder)
    await service.open()
    WAYS[way](folder)
    with pytest.raises(GraphReplaced):
        await service.schedule_tasks([DAILY])
    before = contents(folder)
    await service.close()
    await bolt.close()
    del service, bolt
    gc.collect()

    if "lock" not in way:
        assert contents(folder) == before


@pytest.mark.parametrize("tool", ["cp -a {}/. {}", "tar -C {} -cf - . | tar -C {} -xf -"])
async def test_an_older_copy_put_back_in_place_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    folder = tmp_path / "graph"
    monkeypatch.setattr(directory_lock, "_STAMP_SECONDS", 0)
    store = await open_store(folder)
    copy = copied(folder)
    await store.health.verify()  # leaves a stamp that the copy does not have
    await asyncio.to_thread(subprocess.run, tool.format(copy, folder), shell=True, check=True)

    with pytest.raises(GraphReplaced):
        await store.health.verify()
    await store.close()


async def test_a_copy_of_an_earlier_session_put_back_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    await (await open_store(folder)).close()
    copy = copied(folder)
    store = await open_store(folder)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", f"{copy}/.", str(folder)], check=True)

    with pytest.raises(GraphReplaced):
        await store.health.verify()
    await store.close()


async def test_a_folder_that_was_put_back_is_still_refused(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    service = TaskSchedulerService(folder)
    await service.open()
    folder.rename(tmp_path / "moved")
    with pytest.raises(GraphReplaced):
        await service.schedule_tasks([DAILY])
    (tmp_path / "moved").rename(folder)

    with pytest.raises(GraphReplaced):
        await service.schedule_tasks([DAILY])
    await service.close()


HARMLESS: dict[str, Callable[[Path], object]] = {
    "touched": lambda folder: [path.touch() for path in [folder, *folder.rglob("*")]],
    "copied": copied,
    "linked": lambda folder: subprocess.run(["cp", "-al", folder, folder.with_name("hard")], check=True),
    "its modes changed": lambda folder: [path.chmod(0o700) for path in [folder, *folder.rglob("*")]],
    "given a file": lambda folder: (folder / "backups").mkdir(),
    "its parent renamed and back": lambda folder: folder.parent.rename(f"{folder.parent}-away").rename(folder.parent),
}


@pytest.mark.parametrize("what", HARMLESS)
async def test_a_folder_that_stays_is_not_taken_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    folder = tmp_path / "inner" / "graph"
    folder.parent.mkdir()
    for seconds in (3600, 0):
        monkeypatch.setattr(directory_lock, "_STAMP_SECONDS", seconds)
        service = TaskSchedulerService(folder)
        await service.open()
        await service._graph().health.verify()
        await asyncio.to_thread(HARMLESS[what], folder)
        await service._graph().health.verify()
        await service.schedule_tasks([DAILY])
        await service._graph().health.verify()
        await service.close()
        for left in ("copy", "hard"):
            shutil.rmtree(folder.with_name(left), ignore_errors=True)
        shutil.rmtree(folder / "backups", ignore_errors=True)


async def test_a_new_graph_may_be_made_where_one_was_deleted(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    await service.open()
    shutil.rmtree(tmp_path / "graph")
    with pytest.raises(GraphReplaced):
        await service.schedule_tasks([DAILY])
    await service.close()

    async with TaskSchedulerService(tmp_path / "graph") as fresh:
        assert len(await fresh.schedule_tasks([DAILY])) == 1


async def test_a_graph_in_memory_notices_that_its_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    service = TaskSchedulerService(":memory:")
    await service.open()
    (left,) = names(tmp_path)
    shutil.rmtree(tmp_path / left)

    with pytest.raises(GraphReplaced):
        await service.schedule_tasks([DAILY])
    await service.close()
    assert names(tmp_path) == []
