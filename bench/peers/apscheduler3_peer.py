"""APScheduler 3 on SQLite with fsync: hourly jobs, all due at once; it keeps no history."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.base import BaseScheduler


class ByHand(BaseScheduler):
    """One that looks only when told."""

    def wakeup(self) -> None:
        """Stay asleep."""

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 (the peer's own signature)
        """Stop."""
        super().shutdown(wait)


def nothing() -> None:
    """Do nothing: the work of every task."""


def rates(folder: Path, count: int) -> tuple[float, float]:
    """Return how many jobs a second are added, and how many are fired."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'apscheduler.db'}")
    scheduler = ByHand(jobstores={"default": store}, executors={"default": DebugExecutor()}, timezone=UTC)
    scheduler.start()
    soon = datetime.now(UTC) + timedelta(seconds=1)
    began = time.perf_counter()
    for _ in range(count):
        scheduler.add_job(nothing, "interval", hours=1, next_run_time=soon, misfire_grace_time=None)
    created = time.perf_counter()
    time.sleep(max(0.0, 1.0 - (created - began)))
    began_firing = time.perf_counter()
    scheduler._process_jobs()
    ended = time.perf_counter()
    scheduler.shutdown()
    return count / (created - began), count / (ended - began_firing)


if __name__ == "__main__":
    creates, fires = rates(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"creates": creates, "fires": fires}))
