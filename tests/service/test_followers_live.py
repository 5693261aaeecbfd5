"""Followers while schedulers run: woken at once in one process, and shared by two replicas."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from remembrancer import After, Every, TaskSchedulerService

if TYPE_CHECKING:
    from remembrancer import Firing, ScheduledTask

GENEROUS = 60.0


async def ended(service: TaskSchedulerService, task_id: str) -> ScheduledTask:
    async with asyncio.timeout(GENEROUS):
        while (task := await service.get_task(task_id)).is_open:  # noqa: ASYNC110 (the graph announces nothing)
            await asyncio.sleep(0.05)
    return task


async def test_followers_run_once_for_each_outcome_while_live(graph: str) -> None:
    enough = asyncio.Event()
    fired: list[Firing] = []

    async def handle(firing: Firing) -> None:
        fired.append(firing)
        if len(fired) >= 6:
            enough.set()

    async with AsyncExitStack() as stack:
        count = 2 if graph.startswith(("bolt", "neo4j")) else 1
        services = [
            await stack.enter_async_context(TaskSchedulerService(graph, None, 3600.0, handle)) for _ in range(count)
        ]
        first, last = services[0], services[-1]
        source = await first.schedule_task("source", "g", "p", "t", schedule=Every("1s"))
        follower = await last.schedule_task("follower", "g", "p", "t", schedule=After(source.task_id))
        async with asyncio.timeout(GENEROUS):
            await enough.wait()
        await first.cancel_task(source.task_id)
        assert (await ended(last, follower.task_id)).status == "FAILED"
        done = [
            each.execution_id
            for each in await first.history(task_id=source.task_id)
            if each.status == "completed" and each.completed_at and each.completed_at >= follower.created_at
        ]
        followed = [(each.cause_detail or {})["execution_id"] for each in await first.history(task_id=follower.task_id)]
        assert sorted(followed) == sorted(done)
