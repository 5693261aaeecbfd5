"""Inheritance of priority: a task that a more urgent one waits for is served with that one's priority."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Done, ScheduleRequest, SchedulerOptions, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
ONE = SchedulerOptions(max_concurrent_handlers=1)


async def scheduled(service: Any, name: str, when: str = "in 1h", **fields: Any) -> str:
    return (await service.schedule_task(name, "goal", "prompt", "thought", when, **fields)).task_id


async def served(service: Any, *task_ids: str) -> list[int]:
    return [5 if (level := (await service.get_task(each)).served_priority) is None else level for each in task_ids]


async def test_priority_is_inherited_through_others_and_given_back(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=lambda _: Done()), clock) as scheduler:
        service = scheduler.service
        low = await scheduled(service, "Low", priority=1)
        middle = await scheduled(service, "Middle", depends_on=[low])
        assert await served(service, low, middle) == [5, 5], "a usual task waits for the low one"
        urgent = await scheduled(service, "Urgent", priority=9, depends_on=[middle])
        other = await scheduled(service, "Other", priority=7, depends_on=[low])
        assert await served(service, low, middle, urgent, other) == [9, 9, 9, 7]
        assert (await service.get_task(low)).priority == 1, "its own stays"

        await service.update_task(urgent, priority=6)
        assert await served(service, low, middle, urgent) == [7, 6, 6]
        await service.update_task(other, depends_on=[])
        assert await served(service, low, middle) == [6, 6]
        await service.update_task(other, depends_on=[urgent])
        assert await served(service, low, middle, urgent) == [7, 7, 7]
        await service.update_task(urgent, priority=8)
        assert await served(service, low, middle, urgent) == [8, 8, 8]
        await service.update_task(urgent, priority=2)
        assert await served(service, low, middle, urgent) == [7, 7, 7], "what depends on it still asks for 7"
        await service.cancel_task(other)
        assert await served(service, low, middle, urgent) == [5, 5, 2]
        await service.cancel_task(middle)
        assert await served(service, low) == [1]


async def test_priority_inherited_is_given_back_at_every_end(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=lambda _: Done()), clock) as scheduler:
        service = scheduler.service
        every: dict[str, Any] = {"schedule": {"kind": "every", "every": "1h"}}
        hourly = (await service.schedule_task("Hourly", "goal", "prompt", "thought", priority=3, **every)).task_id
        urgent = await scheduled(
            service, "Urgent", "in 2h", priority=9, depends_on=[{"task": hourly, "window": "latest"}]
        )
        later = await scheduled(service, "Later", "in 1d")
        missed = await scheduled(service, "Missed", "in 2h", priority=8, depends_on=[later], deadline_seconds=60)
        assert await served(service, hourly, later) == [9, 8]
        await scheduler.tick(timedelta(hours=2, minutes=5))
        await scheduler.tick(MINUTE)
        assert (await service.get_task(urgent)).status == "COMPLETE"
        assert not (await service.get_task(missed)).is_open
        assert await served(service, hourly, later) == [3, 5]


@pytest.mark.parametrize("key", [None, "db"])
async def test_priority_inherited_goes_before_others(graph: str, clock: VirtualClock, key: str | None) -> None:
    begun: list[str] = []

    async def work(firing: Firing) -> Done:
        begun.append(firing.task.name)
        return Done()

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=work, options=ONE), clock) as scheduler:
        service = scheduler.service
        fields: dict[str, Any] = {} if key is None else {"concurrency_key": key}
        if key is not None:
            await service.set_limit(key, 0)
        for number in range(3):
            await scheduled(service, f"Plain {number}", f"in {10 + number}s", **fields)
        needed = await scheduled(service, "Needed", "in 30s", **fields)
        if key is not None:
            await scheduler.tick(MINUTE)
            assert begun == []
        await scheduled(service, "Urgent", "in 31s", priority=9, depends_on=[needed])
        if key is not None:
            await service.set_limit(key, 1)
        await scheduler.tick(MINUTE)
        await scheduler.tick(MINUTE)
        assert begun[0] == "Needed"
        assert set(begun) == {"Needed", "Urgent", "Plain 0", "Plain 1", "Plain 2"}


async def test_priority_is_inherited_down_a_chain_of_one_call(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        requests = [
            ScheduleRequest(
                f"Step {number}",
                "goal",
                "prompt",
                "thought",
                "in 1h",
                depends_on=[f"Step {number - 1}"] if number else [],
                priority=9 if number == 30 else None,
            )
            for number in range(31)
        ]
        made = [each.task_id for each in await service.schedule_tasks(requests)]
        assert await served(service, *made) == [9] * 31
        await service.cancel_task(made[30])
        assert await served(service, *made) == [5] * 30 + [9]
