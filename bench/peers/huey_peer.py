"""Huey on SQLite with fsync, and the work of a scheduler: tasks that wait for their moment.

A create puts a task into its schedule; a fire is what its consumer does with one whose moment has come: off the
schedule, into the queue, out of it, run. It keeps no history.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from huey import SqliteHuey


def nothing() -> None:
    """Do nothing: the work of every task."""


def rates(folder: Path, count: int) -> tuple[float, float]:
    """Return how many tasks a second are scheduled, and how many that are due are fired."""
    logging.getLogger("huey").setLevel(logging.WARNING)
    queue = SqliteHuey(filename=str(folder / "huey.db"), fsync=True)
    task = queue.task()(nothing)
    soon = datetime.now() + timedelta(seconds=1)  # noqa: DTZ005 (it compares with the machine's wall clock)
    began = time.perf_counter()
    for _ in range(count):
        task.schedule(eta=soon)
    created = time.perf_counter()
    time.sleep(max(0.0, 1.1 - (created - began)))
    began_firing = time.perf_counter()
    for due in queue.read_schedule():
        queue.enqueue(due)
    fired = 0
    while waiting := queue.dequeue():
        queue.execute(waiting)
        fired += 1
    ended = time.perf_counter()
    assert fired == count
    queue.storage.close()
    return count / (created - began), count / (ended - began_firing)


if __name__ == "__main__":
    creates, fires = rates(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"creates": creates, "fires": fires}))
