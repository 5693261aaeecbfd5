"""A replica in a process of its own: `python bench/neo4j_replica.py`, the graph's URI as the first line it reads.

It says "ready", fires what is due until its input ends, and prints what it reached for, what it won, and how late its
handlers began, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from remembrancer import TaskSchedulerService

if TYPE_CHECKING:
    from remembrancer.ports.handler import Firing


CHECK_SECONDS = 1.0
"""Long before they are due, every replica has seen the tasks that another process has scheduled."""


async def main(graph: str) -> None:
    """Be a replica."""
    delays: list[float] = []
    counts = {"reached": 0, "won": 0}

    async def handle(firing: Firing) -> None:
        delays.append((time.time() - firing.execution.nominal_at.timestamp()) * 1000)

    service = TaskSchedulerService(graph, check_interval_seconds=CHECK_SECONDS, handler=handle)
    async with service:
        store: Any = service._process.store
        claim = store.queue.claim

        async def counted(claims: Any, lease: Any) -> Any:
            won = await claim(claims, lease)
            counts["reached"] += len(claims)
            counts["won"] += len(won)
            return won

        store.queue.claim = counted
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({**counts, "delays": delays}))


if __name__ == "__main__":
    asyncio.run(main(sys.stdin.readline().strip()))
