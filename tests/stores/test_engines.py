"""The engines: one table by scheme, through which every opening goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remembrancer import InvalidInput, TaskSchedulerService, backup_graph, check_graph, copy_graph
from remembrancer.bootstrap import engines, shown
from remembrancer.bootstrap.engines import Engine, Place, in_folder

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.migrations import OpenMode


@pytest.fixture
def modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[OpenMode]:
    """Each opening of a graph by an engine that is added to the table, under the scheme `other`."""
    opened: list[OpenMode] = []

    def place(graph: str) -> Place:
        name = graph.removeprefix("other://")
        kept = in_folder(tmp_path / name)

        async def open_it(use: OpenMode) -> GraphConnection:
            opened.append(use)
            return await kept.open(use)

        return Place(f"other://{name}", open_it)

    added = Engine(place, lambda: ["CREATE INDEX"])
    monkeypatch.setattr(engines, "ENGINES", {**engines.ENGINES, "other": added})
    return opened


async def test_an_added_engine_is_opened_by_every_operation(tmp_path: Path, modes: list[OpenMode]) -> None:
    async with TaskSchedulerService("other://one", handler=lambda _: None) as service:
        task = await service.schedule_task("Tea", "goal", "prompt", "thought", schedule_cron="0 9 * * *")
    copied = await copy_graph("other://one", "other://two")
    checked = await check_graph("other://two")
    kept = await backup_graph("other://two", tmp_path / "kept")
    async with TaskSchedulerService("other://two", handler=lambda _: None) as again:
        assert (await again.get_task(task.task_id)).name == "Tea"

    assert (copied.source, copied.target, kept.source) == ("other://one", "other://two", "other://two")
    assert checked.is_sound
    assert [mode.name for mode in modes] == ["SERVE", "COPY_SOURCE", "COPY_TARGET", "CHECK", "COPY_SOURCE", "SERVE"]
    assert shown("other://one") == "other://one"


def test_a_scheme_of_no_engine_is_refused() -> None:
    with pytest.raises(InvalidInput, match="neo4j"):
        engines.find_place("other://user:secret@one")
