"""Several replicas that take over at once: each tells of what it recorded itself, and together of what was lost."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.engine.clock import SystemTime
from remembrancer.model.task import ScheduledTask
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.writes import Lease

if TYPE_CHECKING:
    from datetime import datetime

    from neo4j_server import Server

pytestmark = pytest.mark.neo4j

LOST = 20


def task_of(place: int, now: datetime) -> ScheduledTask:
    return ScheduledTask(
        task_id=f"task_{place:03}",
        name="Report",
        goal_description="goal",
        trigger_prompt="prompt",
        origin_thought_id="thought",
        created_at=now,
        next_run_ms=to_ms(now) - 60_000,
        nominal_ms=to_ms(now) - 60_000,
    )


async def test_losses_are_told_once_however_many_take_over(
    neo4j_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_store(neo4j_server.graph)
    now = (await store.replicas.snapshot()).now
    tasks = [task_of(place, now) for place in range(LOST)]
    await store.tasks.create(tasks)
    dead = Lease("lease_dead", "replica_dead", from_ms(to_ms(now) - 1000))
    await store.queue.claim([plan(task, to_ms(now), "replica_dead") for task in tasks], dead)
    async with AsyncExitStack() as stack:
        services = [TaskSchedulerService(neo4j_server.graph, SystemTime()) for _ in range(5)]
        for each in services:
            await each.open()
            stack.push_async_callback(each.close)
        with caplog.at_level(logging.WARNING, "remembrancer"):
            counted = await asyncio.gather(*(each.recover() for each in services))

    said = [int(found[1]) for found in re.finditer(r"(\d+) executions were left unfinished", caplog.text)]
    assert sum(counted) == sum(said) == LOST
    assert len(await store.tasks.history(None, 100)) == LOST
    await store.close()
