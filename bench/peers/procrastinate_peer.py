"""procrastinate on Postgres: a create is a deferral to now, a fire what a worker does; it keeps the finished jobs."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from procrastinate import App, PsycopgConnector

CONCURRENCY = 10  # jobs at a time, against 1 by itself; more make it no faster


async def nothing() -> None:
    """Do nothing: the work of every job."""


async def rates(address: str, count: int) -> tuple[float, float]:
    """Return how many jobs a second are deferred, and how many a worker fetches, runs and finishes."""
    app = App(connector=PsycopgConnector(conninfo=address))
    job = app.task(nothing)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        began = time.perf_counter()
        for _ in range(count):
            await job.defer_async()
        created = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY)
        ended = time.perf_counter()
        left = [found for found in await app.job_manager.list_jobs_async() if found.status != "succeeded"]
    assert not left
    return count / (created - began), count / (ended - created)


if __name__ == "__main__":
    creates, fires = asyncio.run(rates(sys.argv[1], int(sys.argv[2])))
    print(json.dumps({"creates": creates, "fires": fires}))
