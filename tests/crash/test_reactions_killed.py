"""Tasks that react, in a process that is killed between an outcome and what follows from it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from remembrancer import Done, TaskSchedulerService

if TYPE_CHECKING:
    from remembrancer import Firing

GENEROUS = 90.0
PROGRAM = """
import asyncio, os, signal, sys

from remembrancer import After, Done, Paced, TaskSchedulerService
from remembrancer.stores.graph.watches import GraphWatches


async def die(self, *_):
    os.kill(os.getpid(), signal.SIGKILL)


async def handle(firing):
    {handled}
    return Done(next_check="1h")


async def main():
    GraphWatches.write = die
    async with TaskSchedulerService(sys.argv[1], handler=handle) as service:
        source = await service.schedule_task("source", "g", "p", "t", schedule={schedule})
        {follower}
        await asyncio.sleep(60)


asyncio.run(main())
"""
FOLLOWED = PROGRAM.format(
    handled="pass",
    schedule='{"kind": "every", "every": "1s"}',
    follower='await service.schedule_task("follower", "g", "p", "t", schedule=After(source.task_id))',
)
PACED = PROGRAM.format(
    handled="os.kill(os.getpid(), signal.SIGKILL)",
    schedule="Paced()",
    follower="pass",
)


async def done(firing: Firing) -> Done:
    del firing
    return Done()


async def killed(graph: str, program: str) -> None:
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, graph], timeout=GENEROUS, capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


async def test_a_kill_before_a_reaction_loses_and_doubles_nothing(graph: str) -> None:
    await killed(graph, FOLLOWED)
    async with TaskSchedulerService(graph, None, 3600.0, done) as service:
        source, follower = sorted(await service.find_tasks(), key=lambda each: each.name, reverse=True)
        await service.cancel_task(source.task_id)
        async with asyncio.timeout(GENEROUS):
            while (await service.get_task(follower.task_id)).is_open:  # noqa: ASYNC110 (the graph announces nothing)
                await asyncio.sleep(0.05)
        owed = [each.execution_id for each in await service.history(source.task_id) if each.status == "completed"]
        followed = [(each.cause_detail or {})["execution_id"] for each in await service.history(follower.task_id)]
        assert owed
        assert sorted(followed) == sorted(owed)


async def test_a_kill_within_a_check_leaves_the_next_one_armed(graph: str) -> None:
    await killed(graph, PACED)
    async with TaskSchedulerService(graph, None, 3600.0, done) as service:
        (task,) = await service.find_tasks()
        async with asyncio.timeout(GENEROUS):
            while (await service.get_task(task.task_id)).next_run_ms is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (lost,) = await service.history(task.task_id)
        assert (task.on_lost, lost.status, lost.reason_code) == ("fail", "failed", "lease_expired")
        assert lost.next_check_at is not None
