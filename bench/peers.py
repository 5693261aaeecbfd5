"""Other schedulers at the same work, each as its own documentation sets it up, on SQLite with fsync."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HUEY = "Huey (SQLite, fsync)"
APSCHEDULER = "APScheduler 3 (SQLite)"
NOT_RUN = {
    "APScheduler 4": "it cannot be installed beside APScheduler 3",
    "procrastinate": "it needs a Postgres server",
    "DBOS": "it needs a Postgres server",
}


def nothing() -> None:
    """Do nothing: the work of every task."""


def huey(folder: Path, count: int) -> tuple[float, float]:
    """Return how many tasks a second Huey enqueues, and how many it dequeues and runs; it keeps no history."""
    from huey import SqliteHuey  # noqa: PLC0415 (a peer may be missing)

    logging.getLogger("huey").setLevel(logging.WARNING)
    queue = SqliteHuey(filename=str(folder / "huey.db"), fsync=True)
    task = queue.task()(nothing)
    began = time.perf_counter()
    for _ in range(count):
        task()
    created = time.perf_counter()
    while waiting := queue.dequeue():
        queue.execute(waiting)
    ended = time.perf_counter()
    queue.storage.close()
    return count / (created - began), count / (ended - created)


def apscheduler(folder: Path, count: int) -> tuple[float, float]:
    """Return how many jobs a second APScheduler 3 adds, and how many it fires; it keeps no history."""
    from apscheduler.executors.debug import DebugExecutor  # noqa: PLC0415
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # noqa: PLC0415
    from apscheduler.schedulers.base import BaseScheduler  # noqa: PLC0415

    class ByHand(BaseScheduler):
        """One that looks only when told."""

        def wakeup(self) -> None:
            """Stay asleep."""

        def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 (the peer's own signature)
            """Stop."""
            super().shutdown(wait)

    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'apscheduler.db'}")
    scheduler: Any = ByHand(jobstores={"default": store}, executors={"default": DebugExecutor()}, timezone=UTC)
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


def measured(folder: Path) -> tuple[dict[str, float], dict[str, float], list[str]]:
    """Return creates a second by peer, fires a second by peer, and which did not run and why."""
    creates: dict[str, float] = {}
    fires: dict[str, float] = {}
    missing = [f"{name}: not run, {why}." for name, why in NOT_RUN.items()]
    for name, run, count in ((HUEY, huey, 10_000), (APSCHEDULER, apscheduler, 1_000)):
        try:
            creates[name], fires[name] = run(folder, count)
        except ImportError as absent:
            missing.append(f"{name}: not run, it is not installed ({absent}).")
    return creates, fires, missing
