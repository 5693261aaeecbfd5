"""Huey on SQLite with fsync: a create is an enqueue, a fire a dequeue and the run; it keeps no history."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from huey import SqliteHuey


def nothing() -> None:
    """Do nothing: the work of every task."""


def rates(folder: Path, count: int) -> tuple[float, float]:
    """Return how many tasks a second are enqueued, and how many are dequeued and run."""
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


if __name__ == "__main__":
    creates, fires = rates(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"creates": creates, "fires": fires}))
