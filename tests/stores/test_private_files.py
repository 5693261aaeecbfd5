"""Folders and files of a graph are their owner's alone, whatever the umask of the process is."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.bootstrap.copies import copy_graph
from remembrancer.stores import private_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")

WORK = """
import asyncio, os, stat, sys, tempfile
from pathlib import Path
from remembrancer import TaskSchedulerService

os.umask(int(sys.argv[1], 8))
graph, fired = sys.argv[2], asyncio.Event()

def wide(*folders):
    return [
        f"{path} {stat.S_IMODE(path.lstat().st_mode):o}"
        for folder in folders for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077
    ]

async def handle(firing):
    fired.set()

async def main():
    homes = Path(os.environ["TMPDIR"]), Path(os.environ["REMEMBRANCER_LOG_DIR"])
    service = TaskSchedulerService(graph, handler=handle)
    folders = homes if graph == ":memory:" else (Path(graph), *homes)
    async with service:
        reply = await service.schedule_task("N", "g", "p", "t", defer_until="2090-01-01T00:00:00Z")
        await service.run_now(reply.task_id)
        await fired.wait()
        print(wide(*folders))
    print(wide(*(folder for folder in folders if folder.exists())))

asyncio.run(main())
"""


def wide(folder: Path) -> list[str]:
    """Return what others than its owner may do anything with."""
    found = (folder, *folder.rglob("*"))
    return [f"{path} {path.lstat().st_mode:o}" for path in found if path.lstat().st_mode & 0o077]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def surroundings(tmp_path: Path) -> dict[str, str]:
    temporary = tmp_path / "temporary"
    temporary.mkdir(0o700, exist_ok=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("ARCADEDB_")}  # set by this process
    return {**own, "TMPDIR": str(temporary), "REMEMBRANCER_LOG_DIR": str(tmp_path / "state" / "logs")}


@pytest.mark.parametrize("umask", ["000", "022"])
@pytest.mark.parametrize("graph", ["graph", ":memory:"])
def test_a_service_makes_nothing_that_others_can_open(tmp_path: Path, umask: str, graph: str) -> None:
    where = graph if graph == ":memory:" else str(tmp_path / graph)
    command = [sys.executable, "-W", "error", "-c", WORK, umask, where]
    ran = subprocess.run(command, env=surroundings(tmp_path), capture_output=True, text=True, timeout=120, check=False)

    assert (ran.stdout, ran.stderr, ran.returncode) == ("[]\n[]\n", "", 0)
    assert mode(tmp_path / "state") == 0o700


@pytest.mark.parametrize("umask", ["000", "022"])
def test_serve_makes_nothing_that_others_can_open(tmp_path: Path, umask: str) -> None:
    graph, logs = tmp_path / "graph", tmp_path / "state"
    serve = f"umask {umask}; exec {sys.executable} -m remembrancer serve --json --graph {graph}"
    with subprocess.Popen(["sh", "-c", serve], env=surroundings(tmp_path), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        during = wide(graph) + wide(logs)
        process.terminate()
        process.communicate(timeout=120)

    assert (told["event"], process.returncode) == ("serving", 0)
    assert (during, wide(graph) + wide(logs)) == ([], [])
    assert {"config", "log", "databases"} <= {path.name for path in graph.iterdir()}


async def test_a_copy_is_private_under_an_open_umask(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    before = os.umask(0)
    try:
        await (await open_store(source)).close()
        await copy_graph(source, target)
    finally:
        os.umask(before)

    assert wide(source) + wide(target) == []


async def test_a_wide_folder_is_told_once_and_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "my graph"
    folder.mkdir()
    folder.chmod(0o755)
    with caplog.at_level(logging.WARNING, logger="remembrancer"):
        for _ in range(3):
            store = await open_store(folder)
            await store.close()

    told = [record.getMessage() for record in caplog.records if "chmod" in record.getMessage()]
    assert len(told) == 1
    assert f"chmod -R go= '{folder}'" in told[0]
    assert mode(folder) == 0o755
    assert wide(folder)[1:] == [], "what is made in it is private all the same"


async def test_what_lay_in_a_wide_folder_keeps_its_modes(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    await (await open_store(folder)).close()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = {path for path in folder.rglob("*") if path.name.endswith((".bucket", ".dict")) or path.is_dir()}
    await (await open_store(folder)).close()

    assert {path for path in before if not path.stat().st_mode & 0o044} == set()


def test_the_command_that_is_shown_mends_a_wide_folder(tmp_path: Path) -> None:
    folder = tmp_path / "it's a graph"
    (folder / "databases").mkdir(parents=True)
    (folder / "databases" / "file").write_text("x")
    folder.chmod(0o777)
    said = private_files.exposure(folder)
    assert said is not None
    subprocess.run(["sh", "-c", said.rpartition(": ")[2]], check=True)

    assert (wide(folder), private_files.exposure(folder)) == ([], None)


async def test_the_doctor_warns_of_a_wide_folder(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    async with TaskSchedulerService(folder) as service:
        private = {each.check: each for each in await service.examine()}["database"]
        folder.chmod(0o750)
        exposed = {each.check: each for each in await service.examine()}["database"]

    assert "chmod" not in private.saw
    assert f"chmod -R go= {folder}" in exposed.saw
    assert exposed.health != "ok"


async def test_a_folder_under_way_is_mended_at_each_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remembrancer.stores.embedded.files.directory_lock._STAMP_SECONDS", 0.0)
    folder = tmp_path / "graph"
    store: Any = await open_store(folder)
    try:
        made = folder / "databases" / "remembrancer" / "made_by_the_engine.wal"
        made.write_text("x")
        made.chmod(0o666)
        await asyncio.wait_for(store.health.verify(), 60)

        assert mode(made) == 0o600
    finally:
        made.unlink()
        await store.close()
    shutil.rmtree(folder)
