"""A handler that completes, fails and defers, and the history that this leaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from remembrancer import Defer, Done, Failed, Firing, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

NOON = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)


async def handle(firing: Firing) -> Done | Failed | Defer:
    """Do what the task asks for; `firing.trigger_prompt` is what the agent wanted to be reminded of."""
    match firing.task.name:
        case "Answer Ada":
            return Done("Answered: Friday suits.")
        case "Order ink":
            return Failed("The shop's site is down.")
        case _ if firing.task.deferral_count == 0:
            return Defer(firing.execution.nominal_at + timedelta(hours=1), "Bob is in a meeting.")
    return Done("Bob agrees.")


async def main() -> None:
    """Play two hours on a virtual clock: nothing here waits."""
    clock = VirtualClock(NOON)
    service = TaskSchedulerService(":memory:", time_service=clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        for minute, name in enumerate(("Answer Ada", "Order ink", "Call Bob"), 1):
            due = NOON + timedelta(minutes=minute)
            await service.schedule_task(name, name, f"{name}, please.", "thought_1", defer_until=due)
        await scheduler.tick(timedelta(minutes=5))
        await scheduler.tick(timedelta(hours=2))
        for execution in reversed(await service.history()):
            task = await service.get_task(execution.task_id)
            print(f"{task.name:10}  {execution.status:9}  {execution.reason or execution.result}")


if __name__ == "__main__":
    asyncio.run(main())
