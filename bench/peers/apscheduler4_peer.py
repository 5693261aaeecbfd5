"""APScheduler 4 on SQLite with fsync: hourly schedules, all due at once; it keeps no history unless asked."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path

from apscheduler import AsyncScheduler, JobOutcome, JobReleased
from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
from apscheduler.triggers.interval import IntervalTrigger

AT_ONCE = 10  # jobs of the task, against 1 by itself; more make it no faster


async def nothing() -> None:
    """Do nothing: the work of every job."""


async def rates(folder: Path, count: int) -> tuple[float, float]:
    """Return how many schedules a second are added, and how many are fired: made a job, run, released."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    released: list[JobReleased] = []
    all_released = asyncio.Event()

    def see(event: JobReleased) -> None:
        released.append(event)
        if len(released) == count:
            all_released.set()

    store = SQLAlchemyDataStore(f"sqlite+aiosqlite:///{folder / 'apscheduler4.db'}")
    async with AsyncScheduler(store) as scheduler:
        await scheduler.configure_task("nothing", func=nothing, max_running_jobs=AT_ONCE)
        scheduler.subscribe(see, JobReleased)
        began = time.perf_counter()
        for _ in range(count):
            await scheduler.add_schedule("nothing", IntervalTrigger(hours=1))
        created = time.perf_counter()
        await scheduler.start_in_background()
        await all_released.wait()
        ended = time.perf_counter()
    assert all(event.outcome is JobOutcome.success for event in released)
    return count / (created - began), count / (ended - created)


if __name__ == "__main__":
    creates, fires = asyncio.run(rates(Path(sys.argv[1]), int(sys.argv[2])))
    print(json.dumps({"creates": creates, "fires": fires}))
