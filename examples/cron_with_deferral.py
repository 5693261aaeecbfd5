"""A recurring task in a time zone, one run of which the agent defers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from remembrancer import TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

FRIDAY = datetime(2027, 3, 26, 0, 0, tzinfo=UTC)
"""Two days before clocks in Berlin go forward."""


async def main() -> None:
    """Run from Friday to Monday on a virtual clock."""
    clock = VirtualClock(FRIDAY)
    service = TaskSchedulerService(":memory:", time_service=clock, handler=lambda _: "written")
    async with ManualScheduler(service, clock) as scheduler:
        report = await service.schedule_task(
            name="Daily report",
            goal_description="Keep the team informed",
            trigger_prompt="Write what changed today.",
            origin_thought_id="thought_reporting",
            schedule_cron="0 9 * * *",
            timezone="Europe/Berlin",
        )
        await _pass_hours(scheduler, 12)
        await service.defer_task(report.task_id, "2027-03-27T16:00:00Z", "The figures arrive in the afternoon.")
        await _pass_hours(scheduler, 72)
        for execution in reversed(await service.history(report.task_id)):
            began = f"{execution.triggered_at:%a %H:%M} UTC"
            became = execution.reason or execution.result
            print(f"{began}  {execution.execution_type:16}  {execution.status:9}  {became}")


async def _pass_hours(scheduler: ManualScheduler, hours: int) -> None:
    for _ in range(hours):
        await scheduler.tick(timedelta(hours=1))


if __name__ == "__main__":
    asyncio.run(main())
