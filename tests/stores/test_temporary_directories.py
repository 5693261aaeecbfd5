"""A graph in memory leaves no folder behind: not at its end, and after a kill not beyond the next start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from remembrancer.bootstrap import open_store
from remembrancer.stores.embedded.files.directory import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import asyncio, sys
from remembrancer import TaskSchedulerService
async def main():
    async with TaskSchedulerService(":memory:"):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


@contextmanager
def holding(parent: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process have a graph in memory, whose folder is in *parent*."""
    surroundings = {**os.environ, "TMPDIR": str(parent)}
    command = [sys.executable, "-c", HOLD]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=surroundings, text=True, **pipes) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders of graphs in memory are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def open_and_close() -> None:
    await (await open_store(":memory:")).close()


async def test_a_killed_process_leaves_a_folder_until_the_next_start(parent: Path) -> None:
    with holding(parent):
        pass
    assert len(names(parent)) == 1

    await open_and_close()

    assert names(parent) == []


async def test_a_folder_that_is_in_use_is_left_alone(parent: Path) -> None:
    with holding(parent) as process:
        (held,) = names(parent)
        await open_and_close()

        assert names(parent) == [held]
        process.communicate("")
        assert process.returncode == 0
    assert names(parent) == []


async def test_a_folder_of_other_kinds_is_left_alone(parent: Path) -> None:
    with holding(parent):
        (left,) = names(parent)
    (parent / left).rename(parent / "remembrancer-kept")  # a copy that somebody wants to keep
    await (await open_store(parent / "remembrancer-graph")).close()
    (parent / "remembrancer-notes").mkdir()
    (parent / "remembrancer-file").write_text("x")
    (parent / "remembrancer-link").symlink_to(parent / "remembrancer-graph")
    (parent / "other").mkdir()
    (parent / "other" / TEMPORARY).write_text("other")
    before = names(parent)

    await open_and_close()

    assert names(parent) == before


async def test_many_leftovers_go_in_a_few_starts(parent: Path) -> None:
    for number in range(40):
        folder = parent / f"remembrancer-{number:08}"
        folder.mkdir()
        (folder / TEMPORARY).write_text(folder.name)

    await open_and_close()
    after_one = names(parent)
    await open_and_close()

    assert len(after_one) == 8
    assert names(parent) == []
