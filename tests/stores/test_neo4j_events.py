"""The event log of a graph that many schedulers write at once, over a network that breaks."""

from __future__ import annotations

import asyncio
import random
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from bolt_proxy import BoltProxy, Cut
from planned import plan

from remembrancer.bootstrap import open_store
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.event_feed import EventFeed
from remembrancer.ports.writes import Lease, Settlement

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from neo4j_server import Server

    from remembrancer.model.event import Event
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.graph.bundle import ConnectedGraph
    from remembrancer.testing import VirtualClock

    MakeTask = Callable[..., ScheduledTask]

pytestmark = pytest.mark.neo4j

REPLICAS = 4
GENEROUS = 900.0


async def work(store: ConnectedGraph, tasks: list[ScheduledTask], name: str, now: datetime) -> None:
    """Create, claim and settle, a few at a time, as a replica does."""
    for start in range(0, len(tasks), 5):
        some = tasks[start : start + 5]
        await store.tasks.create(some)
        lease = Lease(f"lease_{name}_{start}", name, now)
        won = await store.queue.claim([plan(task, to_ms(now), name) for task in some], lease)
        await store.queue.settle(
            [Settlement(each, ExecutionStatus.COMPLETED, now, 0.1) for each in won], [lease.lease_id]
        )


async def follow(store: ConnectedGraph, clock: VirtualClock, count: int, seed: int) -> list[Event]:
    """Read until so many events have come, in pages of any size, each by a reader that begins anew at the cursor."""
    chance, cursor, events = random.Random(seed), "0", []
    async with asyncio.timeout(GENEROUS):
        while len(events) < count:
            page = await EventFeed(store.events, clock).page(cursor, limit=chance.randint(1, 60), wait_seconds=0.5)
            keep = page.events[: chance.randint(0, len(page.events))]  # the rest is lost on the way
            events += keep
            cursor = keep[-1].cursor if keep else cursor
    return events


@pytest.mark.parametrize("seed", range(3))
async def test_readers_with_random_breaks_read_each_event_once(
    neo4j_server: Server, clock: VirtualClock, a_task: MakeTask, now: datetime, seed: int
) -> None:
    replicas = [await open_store(neo4j_server.graph) for _ in range(REPLICAS)]
    tasks = [[a_task() for _ in range(30)] for _ in replicas]
    count = 3 * 30 * REPLICAS
    working = [work(store, mine, f"r{n}", now) for n, (store, mine) in enumerate(zip(replicas, tasks, strict=True))]
    readers = [follow(store, clock, count, seed * 10 + n) for n, store in enumerate(replicas[:2])]
    *_, one, other = await asyncio.gather(*working, *readers)
    extents = await replicas[0].events.ranges()
    logged = {
        (stream, numbered.number): numbered.event
        for stream in extents
        for numbered in await replicas[0].events.read(stream, 0, 10_000)
    }
    for store in replicas:
        await store.close()

    assert len(logged) == count
    assert sorted(logged) == [(s, n) for s in sorted(extents) for n in range(1, extents[s].newest + 1)]
    for events in (one, other):
        told = [(event.kind, event.task_id, event.execution_id) for event in events]
        assert sorted(map(str, told)) == sorted(
            str((event.kind, event.task_id, event.execution_id)) for event in logged.values()
        )
        assert len({event.cursor for event in events}) == count
        for stream in extents:
            mine = [event for (s, _), event in sorted(logged.items()) if s == stream]
            places = [told.index((event.kind, event.task_id, event.execution_id)) for event in mine]
            assert places == sorted(places), f"stream {stream} is out of order"


async def test_a_commit_whose_answer_was_lost_is_told_once(
    neo4j_server: Server, clock: VirtualClock, a_task: MakeTask
) -> None:
    async with BoltProxy(neo4j_server.graph) as proxy:
        store = await open_store(proxy.graph)
        proxy.cuts = cycle([Cut.BEFORE, Cut.NOT, Cut.AFTER])
        tasks = [a_task() for _ in range(12)]
        for task in tasks:
            await store.tasks.create([task])
        proxy.cuts = iter(())
        page = await EventFeed(store.events, clock).page("0")
        await store.close()

    assert proxy.cut >= 8
    assert sorted(str(event.task_id) for event in page.events) == sorted(task.task_id for task in tasks)
