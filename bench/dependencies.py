"""Cost of the check for circles among dependencies: 10,000 tasks that depend on three others each.

    python bench/dependencies.py [GRAPH]

GRAPH is `:memory:` unless given, or the URI of an empty Neo4j database. Each task depends on three of the 300 before
it. The check asks whether the task that is to be depended on waits for the changed one: far away, not at all, and
through the middle of the graph.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from typing import TYPE_CHECKING

from remembrancer import InvalidInput, TaskSchedulerService
from remembrancer.model.request import ScheduleRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TASKS, EACH, NEAR, BATCH, ROUNDS = 10_000, 3, 300, 500, 20


async def build(service: TaskSchedulerService) -> list[str]:
    """Make the tasks; return their ids."""
    chance, ids = random.Random(1), list[str]()
    for start in range(0, TASKS, BATCH):
        words = [*ids, *(f"task {place}" for place in range(start, start + BATCH))]
        requests: list[ScheduleRequest] = []
        for place in range(start, start + BATCH):
            near = words[max(0, place - NEAR) : place]
            others = {*chance.sample(near, min(EACH - 1, len(near))), *near[-1:]}
            requests.append(ScheduleRequest(words[place], "g", "p", "t", "in 30d", depends_on=sorted(others)))
        ids += [each.task_id for each in await service.schedule_tasks(requests, fires=1)]
    return ids


async def measured(what: str, act: Callable[[int], Awaitable[object]]) -> None:
    """Print the median and the longest time of some rounds, and the processor time of this process in each."""
    times: list[float] = []
    await act(0)
    spent = time.process_time()
    for number in range(1, ROUNDS):
        begun = time.perf_counter()
        await act(number)
        times.append((time.perf_counter() - begun) * 1000)
    spent = (time.process_time() - spent) * 1000 / len(times)
    least, median, most = min(times), statistics.median(times), max(times)
    print(f"{what}: {median:.1f} ms ({least:.1f} to {most:.1f} ms); {spent:.1f} ms of processor time")


async def main(graph: str) -> None:
    """Build the graph, and measure."""
    async with TaskSchedulerService(graph) as service:
        ids = await build(service)
        store = service._graph()
        (edges,) = await service.cypher("MATCH ()-[d:DEPENDS_ON]->() RETURN count(d) AS edges")
        print(f"{len(ids):,} tasks, {edges['edges']:,} edges")
        await measured("a path across all", lambda n: store.dependencies.path(ids[-1 - n], ids[n]))
        await measured("no path, from the newest task", lambda n: store.dependencies.path(ids[n], ids[-1 - n]))
        await measured("no path, from the middle", lambda n: store.dependencies.path(ids[5000 + n], ids[8000 + n]))

        async def refused(number: int) -> None:
            try:
                await service.update_task(ids[number], depends_on=[ids[-1 - number]])
            except InvalidInput:
                return
            raise AssertionError("a circle was not refused")

        async def accepted(number: int) -> None:
            await service.update_task(ids[8000 + number], depends_on=[ids[5000 + number]])

        await measured("an update that is refused", refused)
        await measured("an update that is accepted", accepted)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ":memory:"))
