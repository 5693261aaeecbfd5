"""The real checker over a real graph, and conditions to wait for: nothing here is about how fast a machine is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer import Execution, TaskSchedulerService

GENEROUS = 60.0
"""Seconds that a busy machine may take."""
OUTCOMES = "MATCH (e:task_execution) WHERE e.status <> 'running' RETURN count(e) AS n"


async def schedule(service: TaskSchedulerService, name: str = "Task", seconds: float = 0, **choices: Any) -> str:
    """Schedule a task for a moment from now; return its id."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return (await service.schedule_task(name, "goal", "prompt", "thought", moment, **choices)).task_id


async def until(holds: Callable[[], bool]) -> None:
    """Return once *holds* is true."""
    async with asyncio.timeout(GENEROUS):
        while not holds():  # noqa: ASYNC110 (what is waited for happens on threads too)
            await asyncio.sleep(0.01)


async def outcomes(service: TaskSchedulerService, number: int) -> dict[str, Execution]:
    """Return the newest execution of each task, once so many executions are over."""
    async with asyncio.timeout(GENEROUS):
        while (await service.cypher(OUTCOMES))[0]["n"] < number:  # noqa: ASYNC110 (the graph tells nobody)
            await asyncio.sleep(0.02)
    return {each.task_id: each for each in reversed(await service.history(limit=1000))}
