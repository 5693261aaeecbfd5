"""DBOS on Postgres: a create is an enqueued workflow, a fire its run off the queue; it keeps the finished workflows."""

from __future__ import annotations

import json
import sys
import time

from dbos import DBOS, DBOSConfig

QUEUE = "bench"
POLLING_SECONDS = 0.05  # it asks every second by itself, and takes all there is: a second more or less says nothing


@DBOS.workflow()
def nothing() -> None:
    """Do nothing: the work of every workflow."""


def launch(config: DBOSConfig, queues: list[str]) -> None:
    """Start DBOS; it runs what is in *queues* and only that."""
    DBOS(config=config)
    DBOS.listen_queues(queues)
    DBOS.launch()


def rates(address: str, count: int) -> tuple[float, float]:
    """Return how many workflows a second are enqueued, and how many are dequeued, run and recorded."""
    config = DBOSConfig(name="bench", system_database_url=address, log_level="WARNING")
    launch(config, [])
    DBOS.register_queue(QUEUE, polling_interval_sec=POLLING_SECONDS)
    began = time.perf_counter()
    for _ in range(count):
        DBOS.enqueue_workflow(QUEUE, nothing)
    created = time.perf_counter()
    DBOS.destroy()
    launch(config, [QUEUE])
    launched = time.perf_counter()
    while DBOS.list_workflows(status=["ENQUEUED", "PENDING"], limit=1):
        time.sleep(0.01)
    ended = time.perf_counter()
    assert len(DBOS.list_workflows(status="SUCCESS")) == count
    DBOS.destroy()
    return count / (created - began), count / (ended - launched)


if __name__ == "__main__":
    creates, fires = rates(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"creates": creates, "fires": fires}))
