"""A connection that breaks in a commit loses nothing and doubles nothing: its outcome is looked up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from bolt_proxy import BoltProxy, Cut
from planned import plan

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import DuplicateTask, OutcomeUnknown
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.filters import TaskFilter
from remembrancer.ports.writes import Lease, Settlement
from remembrancer.stores.commits.statistics import CommitStatistics
from remembrancer.stores.neo4j import writer
from remembrancer.testing import ManualScheduler, VirtualClock
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.graph.bundle import ConnectedGraph

    MakeTask = Callable[..., ScheduledTask]

pytestmark = [pytest.mark.neo4j, pytest.mark.lock_limits]
AT_ONCE = 5


@pytest.fixture
async def proxy(neo4j_server: Server) -> AsyncIterator[BoltProxy]:
    async with BoltProxy(neo4j_server.graph) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: BoltProxy) -> AsyncIterator[ConnectedGraph]:
    store = await open_store(proxy.graph)
    yield store
    await store.close()


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_a_task_is_stored_once_after_a_lost_commit_or_answer(
    store: ConnectedGraph, proxy: BoltProxy, a_task: MakeTask, cut: Cut
) -> None:
    proxy.cuts = iter([cut])
    await store.tasks.create([task := a_task()])

    assert proxy.cut == 1
    assert await store.tasks.get(task.task_id) == task
    assert (
        ((await store.statistics.lifetime()).counts)["tasks_created"] == store.statistics.totals["tasks_created"] == 1
    )


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_a_claim_and_an_outcome_are_written_once_and_known_to_be(
    store: ConnectedGraph, proxy: BoltProxy, a_task: MakeTask, now: datetime, cut: Cut
) -> None:
    await store.tasks.create([task := a_task()])
    proxy.cuts = iter([cut, cut])
    (won,) = await store.queue.claim([plan(task, to_ms(now), "replica_a")], Lease("lease_a", "replica_a", now))
    settlement = Settlement(won, ExecutionStatus.COMPLETED, now, 1.0, ends_task=TaskStatus.COMPLETE)
    settled = await store.queue.settle([settlement])

    assert (proxy.cut, settled) == (2, [True])
    assert [each.status for each in await store.tasks.history(None, 10)] == [ExecutionStatus.COMPLETED]
    counted = (await store.statistics.lifetime()).counts
    assert (counted["executions_started"], counted["executions_completed"], counted["tasks_completed"]) == (1, 1, 1)
    assert dict(store.statistics.totals) == counted


async def test_writes_over_a_breaking_network_are_each_stored_once(
    store: ConnectedGraph, proxy: BoltProxy, a_task: MakeTask
) -> None:
    proxy.cuts = cycle([Cut.BEFORE, Cut.NOT, Cut.AFTER, Cut.NOT, Cut.NOT])
    tasks = [a_task(dedup_key=f"key {place % 100}") for place in range(110)]

    async def create(place: int) -> str:
        try:
            await store.tasks.create([tasks[place]])
        except DuplicateTask:
            return "taken"
        return "kept"

    answers: list[str] = []
    for first in range(0, len(tasks), AT_ONCE):  # not all in one commit, on however fast a machine
        answers += await asyncio.gather(*(create(place) for place in range(first, first + AT_ONCE)))
    proxy.cuts = iter(())

    assert proxy.cut >= 4
    assert (answers.count("kept"), answers.count("taken")) == (100, 10)
    assert len(await store.tasks.find(TaskFilter())) == 100
    assert (
        ((await store.statistics.lifetime()).counts)["tasks_created"] == store.statistics.totals["tasks_created"] == 100
    )


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_an_unknown_outcome_is_reported_and_learned_later(
    store: ConnectedGraph, proxy: BoltProxy, a_task: MakeTask, monkeypatch: pytest.MonkeyPatch, cut: Cut
) -> None:
    proxy.cuts, proxy.down_after_a_cut = iter([cut]), True
    with monkeypatch.context() as while_down:
        while_down.setattr(writer, "LOOK_UP_SECONDS", 0.2)
        with pytest.raises(OutcomeUnknown, match=r"Look before you repeat it.* get_task") as unknown:
            await store.tasks.create([task := a_task()])
    await proxy.up()
    await store.tasks.create([another := a_task()])

    made = 1 if cut is Cut.BEFORE else 2
    async with asyncio.timeout(30):
        while store.statistics.totals["tasks_created"] < made:  # the writer learns it beside the one that goes on
            await store.tasks.get(task.task_id if cut is Cut.AFTER else another.task_id)
    assert (
        ((await store.statistics.lifetime()).counts)["tasks_created"]
        == store.statistics.totals["tasks_created"]
        == made
    )
    assert unknown.value.task_ids == [task.task_id]
    kept = [each.task_id for each in await store.tasks.find(TaskFilter())]
    assert (task.task_id in kept) == (cut is Cut.AFTER)


async def test_a_service_does_not_repeat_a_schedule_in_doubt(
    proxy: BoltProxy, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = TaskSchedulerService(proxy.graph, VirtualClock(now))
    proxy.cut_text = b"goal of the report"
    async with ManualScheduler(service, VirtualClock(now)):
        for key in (None, "daily"):
            asked = ScheduleRequest(
                "Report", "goal of the report", "prompt", "thought", now + timedelta(hours=1), dedup_key=key
            )
            proxy.cuts, proxy.down_after_a_cut = iter([Cut.AFTER]), True
            with monkeypatch.context() as while_down:
                while_down.setattr(writer, "LOOK_UP_SECONDS", 0.2)
                with pytest.raises(OutcomeUnknown) as unknown:
                    await service.schedule_tasks([asked])
            await proxy.up()
            await service.schedule_tasks([replace(asked, name="Meanwhile", dedup_key="meanwhile")])
            (kept,) = [task.task_id for task in await service.find_tasks() if task.dedup_key == key]
            assert unknown.value.task_ids == [kept]
        (again,) = await service.schedule_tasks([asked])

        assert again.task_id == kept
        assert len(await service.find_tasks()) == 3


async def test_a_commit_that_the_server_still_works_on_is_waited_for(
    store: ConnectedGraph, neo4j_server: Server
) -> None:
    session = store._connection
    writer = session._writer(lambda: None)
    tally = CommitStatistics()
    row = {"task_id": "task_1", "name": "Task", "status": "PENDING", "created_ms": 0, "task_type": "one_time"}
    tally.add("create_tasks", [row])
    writer._counters.learn(writer._counters.unknown(tally), [])
    entry = writer._counters.enter(tally, [], counter_id=writer.counter_id, commit_number=1)
    with neo4j_server.driver.session(database=neo4j_server.database) as session:
        unfinished = session.begin_transaction()
        unfinished.run(query("write_statistics"), rows=[entry.row]).consume()
        writer._number = 1
        looking = asyncio.ensure_future(writer._look_up(entry))
        await asyncio.to_thread(neo4j_server.until_blocked)
        assert not looking.done()
        await asyncio.to_thread(unfinished.commit)

    assert await looking
    assert store.statistics.totals["tasks_created"] == 1
