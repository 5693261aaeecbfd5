"""Dependencies while schedulers run: woken at once, and no circle, whoever writes at the same moment."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from remembrancer import Every, Failed, InvalidInput, ScheduleRequest, TaskSchedulerService, TaskUpdate, chain
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing

GENEROUS = 60.0


async def opened(stack: AsyncExitStack, graph: str, *, live: bool) -> list[TaskSchedulerService]:
    """Two services over a server, one over a folder."""
    fired = asyncio.Event()

    async def handle(firing: Firing) -> str:
        fired.set()
        return firing.task.name

    found: list[TaskSchedulerService] = []
    for _ in range(2 if graph.startswith(("bolt", "neo4j")) else 1):
        service = TaskSchedulerService(graph, None, 3600.0, handle)
        if live:
            await stack.enter_async_context(service)
        else:
            await service.open()
            stack.push_async_callback(service.close)
        found.append(service)
    return found


async def test_a_chain_runs_at_once_while_live(graph: str) -> None:
    async with AsyncExitStack() as stack:
        first, *_, last = [*await opened(stack, graph, live=True)] * 2
        requests = [ScheduleRequest(name, "g", "p", "t", "in 1s") for name in "abcde"]
        made = await first.schedule_tasks(chain(*requests))
        async with asyncio.timeout(GENEROUS):
            while (await last.get_task(made[-1].task_id)).is_open:  # noqa: ASYNC110 (the graph announces nothing)
                await asyncio.sleep(0.05)
        ends = [(await first.history(each.task_id))[0] for each in made]
        assert [each.result for each in ends] == list("abcde")
        assert [each.triggered_at for each in ends] == sorted(each.triggered_at for each in ends)


async def test_two_writers_close_no_circle_at_once(graph: str) -> None:
    async with AsyncExitStack() as stack:
        first, *_, last = [*await opened(stack, graph, live=False)] * 2
        for _ in range(5):
            requests = [ScheduleRequest(name, "g", "p", "t", "in 1d") for name in "abc"]
            a, b, c = [each.task_id for each in await first.schedule_tasks(requests)]
            answers = await asyncio.gather(
                first.update_task(a, depends_on=[b]),
                last.update_task(b, depends_on=[c]),
                first.update_task(c, depends_on=[a]),
                return_exceptions=True,
            )
            assert sorted(type(each).__name__ for each in answers) == ["InvalidInput", "TaskUpdate", "TaskUpdate"]
            (refused,) = (each for each in answers if isinstance(each, InvalidInput))
            assert refused.allowed.count("->") == 3
            assert len([each for each in answers if isinstance(each, TaskUpdate)]) == 2


async def test_a_task_that_waited_is_found_after_a_restart(graph: str) -> None:
    """What was settled while no scheduler ran: the next one looks at all that wait."""
    clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    failing = True

    async def handle(firing: Firing) -> Failed | str:
        return Failed("No.") if failing and firing.task.name == "a" else firing.task.name

    requests = [ScheduleRequest(name, "g", "p", "t", schedule=Every("24h"), defer_until="in 1m") for name in "ab"]
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handle), clock) as scheduler:
        a, b = await scheduler.service.schedule_tasks(chain(*requests))
        for _ in range(3):
            await scheduler.tick(timedelta(minutes=1))
        waiting = await scheduler.service.get_task(b.task_id)
        assert waiting.wait_key == f"task:{a.task_id}"
    failing = False
    opened = TaskSchedulerService(graph, clock, handler=handle)
    await opened.open()
    await opened.run_now(a.task_id)
    await opened.idle()
    await opened.close()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handle), clock) as scheduler:
        await scheduler.tick(timedelta(minutes=1))
        assert [each.status for each in await scheduler.service.history(b.task_id)] == ["completed"]
        assert (await scheduler.service.get_task(b.task_id)).wait_key is None
