"""A working scheduler to be killed: it prints every write that was acknowledged, one JSON line each."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from remembrancer import Defer, Failed, Firing, TaskSchedulerService

if TYPE_CHECKING:
    from remembrancer.model.outcome import Outcome


def acknowledged(**what: str) -> None:
    """Say what was written; called after the service has answered."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def handle(firing: Firing) -> Outcome | None:
    """Take a while, and now and then fail or put it off."""
    await asyncio.sleep(random.uniform(0, 0.3))
    fate = random.random()
    if fate < 0.1:
        return Failed("The dice said so.")
    if fate < 0.2 and firing.task.deferral_count < 3:
        return Defer(datetime.now(UTC) + timedelta(seconds=0.3), "The dice said later.")
    return None


async def work(folder: str) -> None:
    """Schedule, cancel and put off until killed."""
    async with TaskSchedulerService(folder, check_interval_seconds=0.5, handler=handle) as service:
        for name in ("fail", "retry"):
            await service.schedule_task(
                f"Every second, {name}", "crash", "tick", "crash_test",
                schedule_cron="* * * * * *", seconds="last", on_lost=name, dedup_key=f"every-second-{name}",
            )  # fmt: skip
        acknowledged(ready=folder)
        while True:
            soon = datetime.now(UTC) + timedelta(milliseconds=random.randint(1, 500))
            lost = random.choice(["fail", "retry"])
            task = await service.schedule_task("Once", "crash", "tock", "crash_test", soon, on_lost=lost)
            acknowledged(scheduled=task.task_id)
            later = await service.schedule_task("Later", "crash", "tock", "crash_test", soon + timedelta(hours=1))
            acknowledged(scheduled=later.task_id)
            if random.random() < 0.5:
                if await service.cancel_task(later.task_id):
                    acknowledged(cancelled=later.task_id)
            else:
                put_off = await service.defer_task(later.task_id, soon + timedelta(hours=2), "crash test")
                acknowledged(deferred=later.task_id, deferral=str(put_off.deferral_id))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
