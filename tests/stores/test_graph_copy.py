"""A graph moves from engine to engine whole: whatever breaks off is gone on with, and nothing else is touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService, copy_graph
from remembrancer.bootstrap import open_store
from remembrancer.errors import (
    CopyIncomplete,
    CopyMismatch,
    CopyTargetNotEmpty,
    GraphLocked,
    GraphNotFound,
    GraphTooOld,
    InvalidInput,
)
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.ports.filters import TaskFilter
from remembrancer.stores.records import graph_copy
from remembrancer.testing import ManualScheduler, VirtualClock
from remembrancer_schema.kinds import APART, EDGES, KEYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from neo4j_server import Server

    from conftest import Life
    from remembrancer.model.task import ScheduledTask
    from remembrancer.operations.graph_copy import CopyResult, CopyStep

    MakeTask = Callable[..., ScheduledTask]

PARTS = [label for label in KEYS if label not in APART] + ["thought"] + [edge.kind for edge in EDGES]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graphs here are small: with pages as small, a copy of one has many places to break off at."""
    monkeypatch.setattr(graph_copy, "PAGE", 7)


@pytest.fixture(scope="module")
def one_life(tmp_path_factory: pytest.TempPathFactory, life: type[Life]) -> Path:
    """A graph with everything in it: summaries, a lost run and its retry, and one that still runs."""
    folder = tmp_path_factory.mktemp("life") / "lived"

    async def live() -> None:
        one = life(str(folder), 11)
        await one.live(1)
        service = TaskSchedulerService(folder, one.clock, handler=lambda _: "done")
        async with ManualScheduler(service, one.clock):
            await service.prune(0.8)
            store = service._graph()
            found = await store.tasks.find(TaskFilter(recurring=True, statuses=OPEN_STATUSES))
            crons = [task for task in found if task.schedule_cron]  # the others fire in years to come
            retried, other = sorted(crons, key=lambda task: task.on_lost)[::-1][:2]
            await one.lose_a_run(service, retried.task_id)
            await one.claim(store, other)

    asyncio.run(live())
    return folder


@pytest.fixture
def lived(one_life: Path, tmp_path: Path) -> Path:
    """That graph, in a folder of its own."""
    return Path(shutil.copytree(one_life, tmp_path / "lived"))


def digests(copied: CopyResult) -> dict[str, tuple[int, str]]:
    return {part.name: (part.count, part.digest) for part in copied.parts}


class Broken(Exception):
    """The copy is broken off here."""


def breaking_off_at(number: int) -> Callable[[CopyStep], None]:
    steps = iter(range(1, number + 1))

    def watch(_: CopyStep) -> None:
        if next(steps) == number:
            raise Broken

    return watch


async def test_a_graph_comes_back_as_it_was(lived: Path, graph: str, tmp_path: Path) -> None:
    there = await copy_graph(lived, graph)
    back = await copy_graph(graph, tmp_path / "back")
    again = await copy_graph(lived, tmp_path / "again")

    assert digests(back) == digests(there) == digests(again)
    assert list(digests(there)) == PARTS
    empty = {name for name, (count, _) in digests(there).items() if count == 0}
    assert empty == set()


async def test_what_is_copied_is_what_the_source_holds(lived: Path, graph: str) -> None:
    await copy_graph(lived, graph)
    told: list[object] = []
    for place in (str(lived), graph):
        store = await open_store(place)
        ids = sorted(task.task_id for task in await store.tasks.find(TaskFilter(limit=1000)))
        tasks = [await store.tasks.get(task_id) for task_id in ids]
        told.append([tasks, await store.tasks.history(None, 10_000), await store.retention.summaries(None, 1000)])
        told.append([(await store.statistics.lifetime()).counts, await store.queue.due(VirtualClock().now(), 100)])
        await store.close()

    assert told[0] == told[2]
    assert told[1] == told[3]


@pytest.mark.parametrize("number", [9, 40])
async def test_a_copy_that_was_broken_off_goes_on_and_ends_the_same(
    lived: Path, graph: str, tmp_path: Path, number: int
) -> None:
    whole = await copy_graph(lived, tmp_path / "whole")
    with pytest.raises(Broken):
        await copy_graph(lived, graph, watch=breaking_off_at(number))
    with pytest.raises(CopyIncomplete, match=r"copy of .*lived.* was interrupted.*remembrancer copy"):
        await open_store(graph)
    resumed = await copy_graph(lived, graph)

    assert resumed.went_on
    assert digests(resumed) == digests(whole)
    await (await open_store(graph)).close()


KILLED = """
import asyncio, os, signal, sys
from remembrancer import copy_graph
from remembrancer.stores.records import graph_copy
graph_copy.PAGE = 7
left = int(sys.argv[3])
def watch(step):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(copy_graph(sys.argv[1], sys.argv[2], watch=watch))
"""


async def test_a_copy_that_was_killed_goes_on_and_ends_the_same(lived: Path, graph: str, tmp_path: Path) -> None:
    for number in ("5", "20"):
        killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(lived), graph, number)
        assert await killed.wait() == -signal.SIGKILL
    resumed = await copy_graph(lived, graph)

    assert digests(resumed) == digests(await copy_graph(lived, tmp_path / "whole"))


async def test_a_copy_goes_on_behind_the_last_page_that_it_wrote(lived: Path, graph: str) -> None:
    whole: list[CopyStep] = []
    with pytest.raises(Broken):
        await copy_graph(lived, graph, watch=lambda step: (whole.append(step), breaking_off_at(1)(step))[1])
    rest: list[CopyStep] = []
    await copy_graph(lived, graph, watch=rest.append)

    first, second = whole[-1], next(step for step in rest if step.phase == "copy")
    assert (first.part, first.done) == (PARTS[0], 7)
    assert second.part == PARTS[0]
    assert second.done == first.done  # the first page is not copied again


async def test_a_target_with_other_content_is_refused_and_unchanged(lived: Path, graph: str, a_task: MakeTask) -> None:
    store = await open_store(graph)
    await store.tasks.create([task := a_task()])
    await store.close()
    with pytest.raises(CopyTargetNotEmpty, match=r"holds 1 time, 1 scheduled_task, .* already"):
        await copy_graph(lived, graph)

    store = await open_store(graph)
    assert list(await store.tasks.find(TaskFilter())) == [task]
    await store.close()


async def test_a_copy_of_another_graph_is_no_continuation(lived: Path, graph: str, tmp_path: Path) -> None:
    await copy_graph(lived, tmp_path / "other")
    with pytest.raises(Broken):
        await copy_graph(lived, graph, watch=breaking_off_at(3))
    with pytest.raises(CopyTargetNotEmpty, match=r"a copy of .*lived"):
        await copy_graph(tmp_path / "other", graph)


async def test_a_repeated_copy_never_undoes_later_changes(lived: Path, graph: str, a_task: MakeTask) -> None:
    first = await copy_graph(lived, graph)
    second = await copy_graph(lived, graph)
    assert (first.went_on, second.went_on, digests(first)) == (False, True, digests(second))

    store = await open_store(graph)
    await store.tasks.create([task := a_task()])
    await store.close()
    with pytest.raises(CopyMismatch, match="scheduled_task"):
        await copy_graph(lived, graph)
    store = await open_store(graph)
    assert await store.tasks.get(task.task_id) == task
    await store.close()


async def test_the_copy_of_a_crashed_graph_recovers_its_executions(lived: Path, graph: str, now: datetime) -> None:
    await copy_graph(lived, graph)
    clock = VirtualClock(now.replace(year=2027))
    service = TaskSchedulerService(graph, clock, handler=lambda _: "done")
    async with ManualScheduler(service, clock):
        assert {each.status for each in await service.history(limit=1000)} >= {"failed", "completed"}
        assert "running" not in {each.status for each in await service.history(limit=1000)}
        assert {each.replica_id for each in await service.history(limit=1000)} >= {"replica_dead"}


async def test_a_source_that_is_held_is_refused(lived: Path, tmp_path: Path) -> None:
    store = await open_store(lived)
    with pytest.raises(GraphLocked, match="lived"):
        await copy_graph(lived, tmp_path / "target")
    await store.close()

    assert not (tmp_path / "target").exists()


async def test_an_impossible_copy_is_refused_before_it_begins(lived: Path, tmp_path: Path) -> None:
    with pytest.raises(GraphNotFound, match="nowhere"):
        await copy_graph(tmp_path / "nowhere", tmp_path / "target")
    with pytest.raises(InvalidInput, match="another graph than the source"):
        await copy_graph(lived, lived / ".." / "lived")
    with pytest.raises(InvalidInput, match="a graph that stays"):
        await copy_graph(lived, ":memory:")

    assert not (tmp_path / "target").exists()
    assert not (tmp_path / "nowhere").exists()


async def test_a_source_of_an_older_version_is_not_changed_but_refused(
    lived: Path, tmp_path: Path, add_migration: Callable[[str, str], None]
) -> None:
    add_migration("CREATE PROPERTY thought.mood IF NOT EXISTS STRING;", "")
    with pytest.raises(GraphTooOld, match="remembrancer status"):
        await copy_graph(lived, tmp_path / "target")

    await (await open_store(lived)).close()
    await copy_graph(lived, tmp_path / "target")


@pytest.mark.neo4j
async def test_thoughts_of_the_agent_are_linked_and_never_copied(
    lived: Path, neo4j_server: Server, tmp_path: Path
) -> None:
    neo4j_server.run(
        "CREATE (:thought {thought_id: 'thought_1', words: 'mine', at: localdatetime()}), (:thought {words: 'no id'}), "
        "(:thought {thought_id: 'unrelated'})"
    )
    theirs = "MATCH (h:thought) WHERE h.recorded_by IS NULL RETURN properties(h) AS h ORDER BY h.thought_id"
    before = neo4j_server.run(theirs)
    there = await copy_graph(lived, neo4j_server.graph)
    assert neo4j_server.run(theirs) == before
    assert neo4j_server.run("MATCH (h {words: 'mine'})<-[:CREATED_BY]-(t) RETURN count(t) > 0 AS linked")[0]["linked"]

    back = await copy_graph(neo4j_server.graph, tmp_path / "back")
    assert digests(back) == digests(there)
    store = await open_store(tmp_path / "back")
    assert await store.query("MATCH (h:thought {thought_id: 'thought_1'}) RETURN h") == [
        {"h": {"thought_id": "thought_1"}}
    ]
    await store.close()


async def test_a_cursor_of_the_source_gets_a_gap_in_the_copy(lived: Path, graph: str) -> None:
    source = TaskSchedulerService(lived)
    async with ManualScheduler(source, VirtualClock()):
        early = (await source.read_events("0", limit=3)).cursor
        told = await source.read_events(early, limit=1000)
        await source.create_token("ada", "read")
    await copy_graph(lived, graph)
    copied = TaskSchedulerService(graph)
    async with ManualScheduler(copied, VirtualClock()):
        (gap,) = (await copied.read_events(early, limit=1000)).events
        nothing_new = (await copied.read_events(gap.cursor, limit=1000)).events
        tokens = await copied.list_tokens()

    assert len(told.events) > 3
    assert (gap.kind, gap.lost) == ("gap", len(told.events))
    assert (list(nothing_new), tokens) == ([], [])


@pytest.mark.neo4j
async def test_a_served_graph_is_neither_copied_nor_written(lived: Path, neo4j_server: Server, tmp_path: Path) -> None:
    async with TaskSchedulerService(neo4j_server.graph) as served:
        task = await served.schedule_task("a", "g", "p", "thought", "2099-01-01T00:00:00Z")
        for source, target in ((lived, neo4j_server.graph), (neo4j_server.graph, tmp_path / "target")):
            with pytest.raises(GraphLocked, match=f"is being served by replica_.* {os.getpid()} "):
                await copy_graph(source, target)

    await copy_graph(neo4j_server.graph, tmp_path / "later")
    store = await open_store(tmp_path / "later")
    assert [each.task_id for each in await store.tasks.find(TaskFilter())] == [task.task_id]
    await store.close()


def test_every_label_and_edge_of_the_schema_is_known_to_a_copy() -> None:
    from remembrancer_schema.catalog import migrations

    declared = [text.split() for step in migrations("embedded") for text in step.statements]
    assert {words[3] for words in declared if words[:2] == ["CREATE", "VERTEX"]} == set(KEYS)
    assert {words[3] for words in declared if words[:2] == ["CREATE", "EDGE"]} == {edge.kind for edge in EDGES}


@pytest.mark.parametrize("released", [False, True])
async def test_a_copy_of_a_halted_graph_is_halted(tmp_path: Path, clock: VirtualClock, *, released: bool) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    async with ManualScheduler(TaskSchedulerService(source, clock), clock) as checker:
        await checker.service.halt("It writes to the wrong people.", stop_running=True)
        told = await (checker.service.release() if released else checker.service.halt_state())
    await copy_graph(str(source), str(target))
    async with ManualScheduler(TaskSchedulerService(target, clock), clock) as checker:
        assert await checker.service.halt_state() == told
        assert told.is_halted is not released
