"""What is asked while the scheduler writes is answered: a read that meets a commit half done looks again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing

pytestmark = pytest.mark.slow
GRAPHS = 12
"""About every fifth met it, when a read that met a commit half done was an error."""
TASKS = 200
MINUTE = timedelta(minutes=1)


async def handle(firing: Firing) -> str:
    return firing.task.name


async def test_history_is_answered_at_any_moment_of_a_new_graph() -> None:
    for _ in range(GRAPHS):
        clock = VirtualClock()
        service = TaskSchedulerService(time_service=clock, handler=handle)
        async with ManualScheduler(service, clock):
            soon = clock.now() + MINUTE
            asked = [
                ScheduleRequest(f"{number}", "goal", "prompt", "thought", defer_until=soon) for number in range(TASKS)
            ]
            await service.schedule_tasks(asked)
            clock.advance(MINUTE)
            ticking = asyncio.ensure_future(service.tick())
            await asyncio.gather(*(read_until(ticking, service) for _ in range(2)))

            assert await ticking == TASKS


async def read_until(done: asyncio.Future[int], service: TaskSchedulerService) -> None:
    """Ask again and again."""
    while not done.done():
        assert len(await service.history()) <= TASKS
