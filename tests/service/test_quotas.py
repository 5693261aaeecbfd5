"""Quotas of open tasks: counted in the commit that makes a task, and refused with who holds them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Done, InvalidInput, QuotaReached, ScheduleRequest, SchedulerOptions, TaskSchedulerService
from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.engine.clock import SystemTime
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

TASK = ("goal", "prompt")


async def once(service: Any, name: str, origin: str = "thought") -> str:
    return (await service.schedule_task(name, *TASK, origin, "in 1h")).task_id


async def daily(service: Any, name: str, origin: str = "thought") -> str:
    return (await service.schedule_task(name, *TASK, origin, None, "0 9 * * *")).task_id


async def test_a_quota_of_recurring_tasks_is_refused_with_its_holders(graph: str, clock: VirtualClock) -> None:
    service = TaskSchedulerService(graph, clock, options=SchedulerOptions(max_cron_tasks=2))
    async with ManualScheduler(service, clock):
        first, second = [await daily(service, f"Daily {number}") for number in range(2)]
        await once(service, "Not counted")
        with pytest.raises(QuotaReached) as refused:
            await daily(service, "Daily 2")
        error = refused.value
        assert (error.limit, error.most, error.taken, error.asked) == ("open:recurring", 2, 2, 1)
        assert error.holders == [f"{first} (Daily 0)", f"{second} (Daily 1)"]
        assert "remembrancer limit open:recurring 3" in str(error)
        await service.cancel_task(first)
        await daily(service, "Daily 2")
        await service.set_limit("open:recurring", 3)  # an operator's word goes before the setting
        await daily(service, "Daily 3")
        assert [(each.key, each.slots, each.taken) for each in await service.list_limits()] == [
            ("open:recurring", 3, 3)
        ]
        await service.set_limit("open:recurring", None)
        await daily(service, "Daily 4")


async def test_tasks_of_one_call_are_made_all_or_none(graph: str, clock: VirtualClock) -> None:
    service = TaskSchedulerService(graph, clock)
    async with ManualScheduler(service, clock):
        await service.set_limit("open", 3)
        await once(service, "Task")
        with pytest.raises(QuotaReached) as refused:
            await service.schedule_tasks([ScheduleRequest(f"Task {n}", *TASK, "thought", "in 1h") for n in range(3)])
        assert (refused.value.taken, refused.value.asked) == (1, 3)
        assert len(await service.find_tasks()) == 1
        await service.schedule_tasks([ScheduleRequest(f"Task {n}", *TASK, "thought", "in 1h") for n in range(2)])
        with pytest.raises(InvalidInput, match="open"):
            await service.set_limit("opened:origin", 3)


async def test_each_origin_and_each_agent_has_a_count_of_its_own(graph: str, clock: VirtualClock) -> None:
    async def spawn(firing: Firing) -> Done:
        await once(service, "Spawned", "any thought")
        return Done()

    service = TaskSchedulerService(graph, clock, handler=spawn)
    async with ManualScheduler(service, clock) as scheduler:
        await service.set_limit("open:origin", 1)
        await service.set_limit("open:origin:thought_B", 2)
        root = await once(service, "Task", "thought_a")
        await once(service, "Task", "thought_B")
        await once(service, "Task", "thought_B")
        for origin in ("thought_a", "thought_B"):
            with pytest.raises(QuotaReached) as refused:
                await once(service, "Task", origin)
            assert refused.value.limit == f"open:origin:{origin}"
        await service.set_limit("open:origin", 2)
        await service.update_task(root, schedule_cron=None, defer_until="in 1m")
        await scheduler.tick(timedelta(minutes=1))  # it spawns a task of its own lineage, whatever thought it names
        await once(service, "Task", "thought_a")
        with pytest.raises(QuotaReached):
            await once(service, "Task", "thought_a")

        await service.set_limit("open:agent:ann", 1)
        for name in ("ann", "bob", "bob"):
            given = CURRENT_ACTOR.set(Actor("rest", name))
            try:
                await once(service, "Task", f"thought_{name}")
                if name == "ann":
                    with pytest.raises(QuotaReached) as held:
                        await once(service, "Task", "thought_ann")
                    assert (held.value.limit, held.value.taken) == ("open:agent:ann", 1)
            finally:
                CURRENT_ACTOR.reset(given)


@pytest.mark.neo4j
async def test_two_services_race_for_the_last_place(neo4j_server: Server) -> None:
    async with AsyncExitStack() as stack:
        options = SchedulerOptions(max_open_tasks_of_origin=5)
        services = [TaskSchedulerService(neo4j_server.graph, SystemTime(), options=options) for _ in range(2)]
        for each in services:
            await stack.enter_async_context(each)
        answers = await asyncio.gather(
            *(once(services[number % 2], f"Task {number}", "race") for number in range(30)), return_exceptions=True
        )
        made = [each for each in answers if isinstance(each, str)]
        assert len(made) == 5
        assert all(isinstance(each, QuotaReached) for each in answers if not isinstance(each, str))
        assert len(await services[0].find_tasks(limit=100)) == 5
