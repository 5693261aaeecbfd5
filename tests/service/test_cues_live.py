"""Cues while schedulers run: beside hostile queries, shared by two replicas, and after a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Cue, TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from remembrancer import Firing

GENEROUS = 60.0
LIT = "MATCH (t:scheduled_task) WHERE t.goal_description = 'lit' RETURN t.name AS match"
ENDLESS = (
    "MATCH (t:scheduled_task {goal_description: 'lit'}) UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b "
    "WITH t, a, b WHERE a * b = -$n RETURN count(*) AS match"
)
HUGE = "MATCH (t:scheduled_task {goal_description: 'lit'}) UNWIND range(1, 2000) AS a RETURN a, t"
LONG = "MATCH (t:scheduled_task {goal_description: 'lit'}) RETURN range(1, 3000) AS match"
DYING = """
import asyncio, os, signal, sys
from remembrancer import Cue, TaskSchedulerService

async def handle(firing):
    pass

async def main():
    async with TaskSchedulerService(sys.argv[1], handler=handle) as service:
        connection = service._graph().tasks._connection
        write = connection.write

        async def dying(statements):
            is_addition = any(each.name == "add_reactions" for each in statements)
            if is_addition and sys.argv[2] == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answers = await write(statements)
            if is_addition:
                os.kill(os.getpid(), signal.SIGKILL)
            return answers

        connection.write = dying
        await service.schedule_task("cue", "g", "p", "t", schedule=Cue("UNWIND [1, 2, 3] AS n RETURN n AS match"))
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not await holds():  # noqa: ASYNC110 (the graph announces nothing)
            await asyncio.sleep(0.05)


async def matches(service: TaskSchedulerService, task_id: str) -> Counter[str]:
    found = await service.history(task_id=task_id, limit=1000)
    return Counter(str((each.cause_detail or {}).get("match")) for each in found if each.status == "completed")


async def test_hostile_queries_delay_nothing_else(graph: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fired: list[str] = []

    async def handle(firing: Firing) -> None:
        fired.append(firing.task.name)

    from remembrancer.stores.graph import watches

    monkeypatch.setattr(watches, "CUE_LIMITS", watches.QueryLimits(2.0, 1_000, 1024 * 1024, are_settings=False))
    async with TaskSchedulerService(graph, None, 3600.0, handle) as service:

        async def make(name: str, **fields: Any) -> str:
            return (await service.schedule_task(name, "g", "p", "t", **fields)).task_id

        bad = [await make(f"endless {n}", schedule=Cue(ENDLESS, {"n": n}, "1s")) for n in range(5)]
        bad += [await make("huge", schedule=Cue(HUGE, every="1s")), await make("long", schedule=Cue(LONG, every="1s"))]
        good = await make("good", schedule=Cue(LIT, every="1s"))
        for name in ("one", "two"):
            lamp = await make(name, schedule_cron="0 0 1 1 *")
            await service.update_task(lamp, goal_description="lit")
            await make(f"plain {name}", in_="1s")

            async def came(name: str = name) -> bool:
                return f"plain {name}" in fired and (await matches(service, good))[name] == 1

            await until(came)

        async def told() -> bool:
            return all([(await service.get_task(each)).check_error for each in bad])

        await until(told)
        errors = [(await service.get_task(each)).check_error or "" for each in bad]
        assert all("at most 2 seconds" in each for each in errors[:5])
        assert "1,000 rows" in errors[5] or "at most 2 seconds" in errors[5]
        assert await matches(service, good) == {"one": 1, "two": 1}


async def test_two_live_schedulers_share_cues(graph: str) -> None:
    async def handle(firing: Firing) -> None:
        del firing

    async with AsyncExitStack() as stack:
        count = 2 if graph.startswith(("bolt", "neo4j")) else 1
        services = [
            await stack.enter_async_context(TaskSchedulerService(graph, None, 3600.0, handle)) for _ in range(count)
        ]
        first, last = services[0], services[-1]
        cues = [
            (await last.schedule_task(f"cue {n}", "g", "p", "t", schedule=Cue(LIT, every="1s"))).task_id
            for n in range(6)
        ]
        for name in ("one", "two"):
            lamp = await first.schedule_task(name, "g", "p", "t", schedule_cron="0 0 1 1 *")
            await first.update_task(lamp.task_id, goal_description="lit")

            async def came(name: str = name) -> bool:
                return all([(await matches(first, each))[name] for each in cues])

            await until(came)
        for each in cues:
            assert await matches(first, each) == {"one": 1, "two": 1}


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_kill_at_the_write_loses_no_match(tmp_path: Path, place: str) -> None:
    graph = str(tmp_path / "graph")
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", DYING, graph, place],
        env=dict(os.environ),
        timeout=GENEROUS,
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    async def handle(firing: Firing) -> None:
        del firing

    async with TaskSchedulerService(graph, None, 3600.0, handle) as service:
        (cue,) = await service.find_tasks()

        async def came() -> bool:
            return (await matches(service, cue.task_id)).keys() >= {"1", "2", "3"}

        await until(came)
        await asyncio.sleep(timedelta(seconds=1).total_seconds())
        assert await matches(service, cue.task_id) == {"1": 1, "2": 1, "3": 1}
