"""Queries of a user's own, beside the checker's: however long they take, tasks fire and the scheduler stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from remembrancer import Firing

pytestmark = pytest.mark.slow

ENDLESS = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a, b WHERE a + b < 0 RETURN count(*) AS n"
GENEROUS = 60


async def test_queries_without_end_stop_neither_fires_nor_the_stop() -> None:
    fired: asyncio.Queue[Firing] = asyncio.Queue()
    service = TaskSchedulerService(handler=fired.put)
    await service.start()
    asked = [asyncio.create_task(service.cypher(ENDLESS)) for _ in range(3)]
    await service.schedule_task("each", "goal", "prompt", "thought", schedule_cron="* * * * * *", seconds_field="first")
    async with asyncio.timeout(GENEROUS):
        for _ in range(3):
            await fired.get()

    assert not any(each.done() for each in asked)
    assert await service.is_healthy()
    async with asyncio.timeout(GENEROUS):
        await service.stop()
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(each, GraphUnavailable) for each in answers)
