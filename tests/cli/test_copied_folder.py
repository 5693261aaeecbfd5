"""A copy of a served folder is a graph of its own: no command given the copy reaches the scheduler of the first."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile, FolderIdentity, copied_from, read, remove

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Serve = Callable[..., Any]

pytestmark = pytest.mark.slow
DAILY = ("schedule", "Report", "--cron", "0 9 * * *", "--prompt", "Write it")


def copied(folder: Path, name: str) -> Path:
    """Return a copy with everything in it, as a backup makes it."""
    copy = folder.with_name(name)
    subprocess.run(["cp", "-a", str(folder), str(copy)], check=True)
    return copy


async def test_a_command_on_a_copy_acts_on_the_copy(terminal: Any, serve: Serve) -> None:
    terminal.json(*DAILY)
    serve()
    copy = copied(terminal.graph, "copy")
    (task,) = terminal.json("list", "--graph", str(copy))
    terminal.json("cancel", task["task_id"], "--graph", str(copy))
    terminal.json("schedule", "Only there", "--cron", "0 8 * * *", "--prompt", "x", "--graph", str(copy))

    assert [each["name"] for each in terminal.json("list")] == ["Report"]
    assert [each["name"] for each in terminal.json("list", "--graph", str(copy))] == ["Only there"]


async def test_a_link_to_a_served_folder_reaches_its_scheduler(terminal: Any, serve: Serve) -> None:
    serving = serve()
    link = terminal.graph.with_name("link")
    link.symlink_to(terminal.graph, target_is_directory=True)
    terminal.json(*DAILY, "--graph", str(link))

    assert len(terminal.json("list")) == 1
    assert serving.beacon["folder"] == FolderIdentity.of(link).model_dump()


async def test_a_scheduler_may_serve_the_copy_too(terminal: Any, serve: Serve) -> None:
    first = serve()
    copy = copied(terminal.graph, "copy")
    second = serve("--graph", str(copy))
    terminal.json(*DAILY, "--graph", str(copy))

    assert terminal.json("list") == []
    beacon = ConnectionFile.model_validate_json((copy / "serve.json").read_bytes())
    assert (beacon.pid, first.process.pid) == (second.process.pid, first.beacon["pid"])


async def test_a_copied_beacon_is_known_as_one(terminal: Any, serve: Serve) -> None:
    serve()
    copy = copied(terminal.graph, "copy")
    mine = read(terminal.graph)
    assert mine is not None
    remove(copy, mine)

    assert read(copy) is None
    assert copied_from(copy) == str(terminal.graph.resolve())
    assert (copied_from(terminal.graph), (copy / "serve.json").exists()) == (None, True)


@pytest.mark.parametrize("beacon", ["{}", "not json", '{"pid": 1, "host": "h", "control_port": 1, "token": "t"}'])
def test_a_beacon_without_a_folder_is_not_followed(tmp_path: Path, beacon: str) -> None:
    (tmp_path / "serve.json").write_text(beacon)

    assert (read(tmp_path), copied_from(tmp_path)) == (None, None)


async def test_a_scheduler_admits_only_who_asks_of_its_folder(terminal: Any, serve: Serve, tmp_path: Path) -> None:
    serve()
    beacon = read(terminal.graph)
    assert beacon is not None
    admitted = await RemoteScheduler.connect(beacon, FolderIdentity.of(terminal.graph))
    assert admitted is not None
    await admitted.close()

    (tmp_path / "control.sock").symlink_to(terminal.graph / "control.sock")
    assert await RemoteScheduler.connect(beacon, FolderIdentity.of(tmp_path)) is None
    beside = beacon.model_copy(update={"control_socket": str(terminal.graph / "control.sock")})
    assert await RemoteScheduler.connect(beside) is None


async def test_a_copy_that_cannot_be_opened_says_that_it_is_one(terminal: Any, serve: Serve) -> None:
    serve()
    copy = copied(terminal.graph, "copy")
    database = copy / "databases" / "remembrancer"
    shutil.rmtree(database)
    database.write_text("no folder")
    ran = terminal("list", "--graph", str(copy))

    assert ran.code == 4
    assert f"was copied from {terminal.graph.resolve()}" in " ".join(ran.err.split())
