"""One process at a time has a graph's folder, whatever else reads it, forks or dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService, copy_graph
from remembrancer.bootstrap import open_bolt, open_service, open_store
from remembrancer.errors import GraphLocked
from remembrancer.stores.embedded.files.directory_lock import LOCK_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="flock and fork are of POSIX"), pytest.mark.slow]

OPEN = """
import asyncio, sys
from remembrancer import TaskSchedulerService
async def main():
    service = TaskSchedulerService(sys.argv[1])
    try:
        await service.open()
    except Exception as error:
        print(type(error).__name__, error)
    else:
        print("opened")
        await service.close()
asyncio.run(main())
"""
HOLD = """
import asyncio, os, sys, time
from remembrancer import TaskSchedulerService
async def main():
    service = TaskSchedulerService(sys.argv[1])
    await service.open()
    child = os.fork() if sys.argv[2:] == ["fork"] else "held"
    if child == 0:
        time.sleep(600)
    print(child, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await service.close()
asyncio.run(main())
"""
FORK = """
import asyncio, os, sys
from remembrancer import TaskSchedulerService

def tell(what, work):
    try:
        asyncio.run(asyncio.wait_for(work, 60))
    except Exception as error:
        print(what, type(error).__name__, error, flush=True)
    else:
        print(what, "done", flush=True)

async def other():
    async with TaskSchedulerService(sys.argv[1] + "-other") as service:
        await service.find_tasks()

async def main():
    service = TaskSchedulerService(sys.argv[1])
    await service.open()
    if not (child := os.fork()):
        asyncio._set_running_loop(None)
        tell("schedule", service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *"))
        tell("list", service.get_scheduled_tasks())
        tell("close", service.close())
        tell("another", other())
        os._exit(0)
    await asyncio.to_thread(os.waitpid, child, 0)
    await service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *")
    print("parent", len(await service.get_scheduled_tasks()))
    await service.close()
asyncio.run(main())
"""


def second(folder: Path) -> str:
    """Return what another process says of opening the folder."""
    return run(OPEN, folder)


def run(code: str, folder: Path) -> str:
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


@contextmanager
def holding(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Let another process hold the folder; yield it, and the first line that it says."""
    command = [sys.executable, "-c", HOLD, str(folder), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()
        process.kill()


def read_all(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hashlib.sha256(path.read_bytes())


def archive(folder: Path) -> None:
    with tarfile.open(f"{folder}.tar", "w") as archived:
        archived.add(folder)


def lock_like_the_engine(folder: Path) -> None:
    for path in (folder / LOCK_FILE, folder / "databases" / "remembrancer" / "database.lck"):
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


WAYS: dict[str, Callable[[Path], object]] = {
    "every file is read": read_all,
    "the folder is copied": lambda folder: shutil.copytree(folder, f"{folder}-copy"),
    "the folder is archived": archive,
    "its files are locked and unlocked": lock_like_the_engine,
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_lock_outlives_whatever_reads_the_folder(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "graph"
    async with TaskSchedulerService(folder) as service:
        WAYS[way](folder)
        answer = second(folder)
        await service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *")

    assert answer.startswith("GraphLocked")
    assert f"process {os.getpid()}" in answer
    assert second(folder) == "opened"


async def test_a_served_graph_is_held_until_its_server_stops(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    bolt = open_bolt(folder)
    bolt.start()
    service = open_service(folder, opened=bolt.open_folder)
    await service.open()
    read_all(folder)
    while_open = second(folder)
    await service.close()
    read_all(folder)
    while_served = second(folder)
    await bolt.close()

    assert [each.split()[0] for each in (while_open, while_served)] == ["GraphLocked", "GraphLocked"]
    assert second(folder) == "opened"


async def test_a_copy_takes_the_lock_of_both_folders(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    store = await open_store(folder)
    await store.close()
    for source, target in ((folder, tmp_path / "new"), (tmp_path / "new", folder)):
        await (await open_store(source)).close()
        with holding(folder) as (process, _), pytest.raises(GraphLocked, match=f"process {process.pid}"):
            await copy_graph(source, target)
        shutil.rmtree(tmp_path / "new", ignore_errors=True)


def test_a_symlinked_path_is_the_same_lock(tmp_path: Path) -> None:
    folder, link = tmp_path / "graph", tmp_path / "link"
    assert second(folder) == "opened"
    link.symlink_to(folder, target_is_directory=True)
    for held, other in ((folder, link), (link, folder)):
        with holding(held) as (_, said):
            assert said == "held"
            assert second(other).startswith("GraphLocked")
    assert second(link) == "opened"


async def test_two_services_of_one_process_are_told_apart(tmp_path: Path) -> None:
    async with TaskSchedulerService(tmp_path / "graph"):
        read_all(tmp_path / "graph")
        with pytest.raises(GraphLocked, match="in this process already"):
            await TaskSchedulerService(tmp_path / "graph").open()
    async with TaskSchedulerService(tmp_path / "graph") as service:
        assert await service.get_scheduled_tasks() == []


def test_a_lock_ends_with_its_process_not_with_a_fork_of_it(tmp_path: Path) -> None:
    with holding(tmp_path / "graph", "fork") as (process, child):
        process.kill()
        process.wait(60)
        after_the_parent = second(tmp_path / "graph")
        os.kill(int(child), signal.SIGKILL)

    assert after_the_parent == "opened"


def test_the_end_of_a_fork_leaves_the_lock_of_its_parent(tmp_path: Path) -> None:
    with holding(tmp_path / "graph", "fork") as (_, child):
        os.kill(int(child), signal.SIGKILL)

        assert second(tmp_path / "graph").startswith("GraphLocked")


def test_a_fork_is_refused_the_graph_of_its_parent_in_words(tmp_path: Path) -> None:
    said = run(FORK, tmp_path / "graph").splitlines()

    assert [line.split()[:2] for line in said] == [
        ["schedule", "NotRunning"],
        ["list", "NotRunning"],
        ["close", "done"],
        ["another", "GraphUnavailable"],
        ["parent", "1"],
    ]
    assert all("forked off" in line and "spawn" in line for line in said if "GraphUnavailable" in line)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "holder": 7}', "\0" * 300])
def test_a_lock_file_of_whatever_content_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / LOCK_FILE).write_text(text)

    assert second(tmp_path / "graph") == "opened"
    assert (tmp_path / "graph" / LOCK_FILE).stat().st_mode & 0o777 in {0o600, 0o644}
