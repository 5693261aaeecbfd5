"""A check says the same of a graph on every engine, and a repair mends the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from remembrancer import AnyOf, Calendar, Cron, Except, TaskSchedulerService, TaskTimes
from remembrancer.bootstrap import open_store
from remembrancer.bootstrap.backups import backup_graph, restore_graph
from remembrancer.bootstrap.checks import check_graph, repair_graph
from remembrancer.errors import GraphLocked
from remembrancer.stores.integrity.record_check import READERS, WALKED

if TYPE_CHECKING:
    from pathlib import Path

    from neo4j_server import Server

    from conftest import Life


@pytest.fixture
async def lived(graph: str, life: type[Life]) -> str:
    """A graph with something of everything."""
    await life(graph, 7).live(1)
    return graph


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a repair of a graph on a server keeps, it keeps in the working folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


async def write(graph: str, text: str) -> None:
    store = await open_store(graph)
    session = store._connection
    if store.exclusive:
        with session._database.transaction():  # pyright: ignore[reportAttributeAccessIssue]
            session._database.command("opencypher", text)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        await session.run_idempotent(text, {})  # pyright: ignore[reportAttributeAccessIssue]
    await store.close()


def test_every_label_that_is_walked_has_a_parser() -> None:
    assert set(READERS) == set(WALKED)


async def test_a_graph_that_lived_is_sound(lived: str) -> None:
    report = await check_graph(lived)

    assert list(report.findings) == []
    assert report.read["task_execution"] > 0


async def test_missing_executions_are_found_and_repaired(lived: str) -> None:
    await write(lived, "MATCH (e:task_execution) WHERE e.status = 'completed' WITH e LIMIT 3 DETACH DELETE e")
    await write(lived, "MATCH (:task_execution)-[x:EXECUTION_OF]->() WITH x LIMIT 2 DELETE x")
    await write(lived, "MATCH (d:task_deferral) WITH d LIMIT 1 SET d.deferred_at = 'once'")
    repaired = await repair_graph(lived)

    assert {each.part for each in repaired.before.findings} == {"edge", "statistics", "record"}
    assert repaired.before.has_loss
    assert list(repaired.after.findings) == []
    assert repaired.apart == {"task_deferral": 1}


async def test_stray_slots_are_found_and_freed(lived: str) -> None:
    await write(
        lived, "MERGE (l:concurrency_limit {limit_key: 'key:x'}) SET l.is_set = true, l.holders = ['exec_gone']"
    )
    repaired = await repair_graph(lived)

    (found,) = repaired.before.findings
    assert (found.part, list(found.examples)) == ("slot", ["key:x: exec_gone"])
    assert not found.loss
    assert list(repaired.after.findings) == []


async def test_a_backup_comes_back_on_every_engine(lived: str, graph: str, tmp_path: Path) -> None:
    made = await backup_graph(lived, tmp_path / "backup")
    again = await restore_graph(tmp_path / "backup", tmp_path / "restored")

    assert made.counts == again.counts
    assert (await check_graph(tmp_path / "restored")).is_sound
    assert (await check_graph(tmp_path / "backup")).is_sound


@pytest.mark.neo4j
async def test_a_backup_of_a_folder_is_restored_onto_a_server(
    neo4j_server: Server, life: type[Life], tmp_path: Path
) -> None:
    await life(str(tmp_path / "graph"), 3).live(1)
    made = await backup_graph(tmp_path / "graph", tmp_path / "backup")
    await restore_graph(tmp_path / "backup", neo4j_server.graph)
    report = await check_graph(neo4j_server.graph)

    assert report.is_sound
    assert report.read["task_execution"] == made.counts["task_execution"]


@pytest.mark.neo4j
async def test_a_missing_constraint_is_found_and_made_again(neo4j_server: Server) -> None:
    await (await open_store(neo4j_server.graph)).close()
    (first,) = neo4j_server.run(
        "SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH 'remembrancer_' RETURN name LIMIT 1"
    )
    neo4j_server.run(f"DROP CONSTRAINT {first['name']}")
    repaired = await repair_graph(neo4j_server.graph)

    assert [each.part for each in repaired.before.findings] == ["index"]
    assert repaired.after.is_sound


@pytest.mark.neo4j
async def test_a_server_that_is_worked_on_is_checked_and_no_more(neo4j_server: Server, tmp_path: Path) -> None:
    async with TaskSchedulerService(neo4j_server.graph) as service:
        await service.schedule_task("a", "g", "p", "thought", "2099-01-01T00:00:00Z")
        assert (await check_graph(neo4j_server.graph)).is_sound
        with pytest.raises(GraphLocked, match=f"served by replica_.* {os.getpid()} "):
            await backup_graph(neo4j_server.graph, tmp_path / "backup")

    assert not (tmp_path / "backup").exists()


async def test_a_priority_that_does_not_follow_is_repaired(graph: str) -> None:
    async with TaskSchedulerService(graph) as service:
        first, second = [
            (await service.schedule_task(name, "goal", "prompt", "thought", "in 1h")).task_id for name in "AB"
        ]
        await service.schedule_task("C", "goal", "prompt", "thought", "in 1h", priority=8, depends_on=[first])
        await service.update_task(first, depends_on=[second])
    await write(graph, f"MATCH (t:scheduled_task {{task_id: '{second}'}}) SET t.served_priority = null")
    await write(graph, f"MATCH (t:scheduled_task {{task_id: '{first}'}}) SET t.served_priority = 3")

    (found,) = (await check_graph(graph)).findings
    assert (found.part, found.loss, list(found.examples)) == ("index", False, [first])

    repaired = await repair_graph(graph)
    assert repaired.after.is_sound
    async with TaskSchedulerService(graph) as service:
        assert [(await service.get_task(each)).served_priority for each in (first, second)] == [8, 8]


async def test_a_task_with_several_edges_of_a_kind_is_sound(graph: str) -> None:
    async with TaskSchedulerService(graph) as service:
        others = [
            (await service.schedule_task(name, "goal", "prompt", "thought", None, "0 9 * * *")).task_id for name in "AB"
        ]
        for name in ("moves", "fairs"):
            await service.define_calendar(name, dates=["2080-05-01"])
        work = Except(Except(Cron("0 9 * * *"), Calendar("moves")), Calendar("fairs"))
        both = AnyOf([TaskTimes(each) for each in others])
        for schedule in (work, both):
            await service.schedule_task("C", "goal", "prompt", "thought", schedule=schedule, depends_on=others)
    assert list((await check_graph(graph)).findings) == []
