"""Plain handlers have threads of their own: a hung one delays no other, and holds nothing up but its slot."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from real import GENEROUS, outcomes, schedule, until

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.context import CURRENT_ACTOR
from remembrancer.engine.execution.handler_threads import Ended, HandlerThreads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from remembrancer import Firing

pytestmark = pytest.mark.slow
HUNG = 50
"""More than any pool of threads of a small machine has."""


class Hangs:
    """A plain handler that hangs for tasks called "hung" until it is let go."""

    def __init__(self) -> None:
        self.began: dict[str, int] = {}
        self.gate = threading.Event()

    def __call__(self, firing: Firing) -> str:
        name = firing.task.name
        self.began[name] = self.began.get(name, 0) + 1
        if name == "hung":
            self.gate.wait(GENEROUS * 2)
        return f"{name} as {CURRENT_ACTOR.get()}"


@contextmanager
def hanging() -> Iterator[Hangs]:
    """A handler whose threads end with the test."""
    handler = Hangs()
    try:
        yield handler
    finally:
        handler.gate.set()


async def test_a_quick_handler_runs_beside_many_hung_ones() -> None:
    with hanging() as handler:
        options = SchedulerOptions(shutdown_timeout_seconds=0.1)
        async with TaskSchedulerService(handler=handler, options=options) as service:
            for _ in range(HUNG):
                await schedule(service, "hung")
            await until(lambda: handler.began.get("hung") == HUNG)
            quick = await schedule(service, "quick", timeout_seconds=GENEROUS)
            ended = await outcomes(service, 1)

            assert ended[quick].status == "completed"
            assert (ended[quick].result or "").startswith("quick as handler: exec_")


async def test_a_deadline_settles_a_hung_handler_that_keeps_its_slot() -> None:
    with hanging() as handler:
        options = SchedulerOptions(max_concurrent_handlers=2, shutdown_timeout_seconds=0.1)
        async with TaskSchedulerService(handler=handler, options=options) as service:
            scheduler = service._process.running_scheduler()
            hung = await schedule(service, "hung", timeout_seconds=0.2)
            ended = await outcomes(service, 1)
            told = scheduler.trouble
            assert (ended[hung].status, ended[hung].reason_code) == ("failed", "timed_out")
            assert told == (
                "1 of 2 handler slots are held by handlers that ran past their deadline and cannot be interrupted"
            )
            assert scheduler.running == 0
            assert scheduler._dispatch.room == 1

            handler.gate.set()
            await until(lambda: scheduler._dispatch.room == 2)
            assert scheduler.trouble is None
            assert (await service.history(hung))[0].reason_code == "timed_out", "a late answer is not heard"


async def test_a_hung_handler_reads_that_it_should_stop() -> None:
    stopped = threading.Event()

    def handle(firing: Firing) -> None:
        while not firing.stop_requested:
            time.sleep(0.01)
        stopped.set()

    async with TaskSchedulerService(handler=handle) as service:
        await schedule(service, timeout_seconds=0.2)
        await outcomes(service, 1)

        await until(stopped.is_set)


async def test_a_thread_of_the_default_pool_is_not_needed() -> None:
    with hanging() as handler:
        async with TaskSchedulerService(handler=handler) as service:
            pool = [asyncio.get_running_loop().run_in_executor(None, handler.gate.wait) for _ in range(40)]
            task_id = await schedule(service, "quick")
            ended = await outcomes(service, 1)
            handler.gate.set()
            await asyncio.gather(*pool)

        assert ended[task_id].status == "completed"


async def test_a_thread_is_used_again_and_ends_when_idle() -> None:
    threads = HandlerThreads(idle_seconds=0.2)
    ended: list[Ended] = []
    marked: contextvars.ContextVar[int] = contextvars.ContextVar("marked")
    for number in range(20):
        marked.set(number)
        threads.run(lambda: (threading.current_thread(), marked.get()), ended.append)
        await until(lambda number=number: len(ended) == number + 1)
        await until(lambda: len(threads._idle) > 0)
    (thread,) = {each.answer[0] for each in ended}  # pyright: ignore[reportIndexIssue]

    assert thread.daemon
    assert [each.answer[1] for each in ended] == list(range(20))  # pyright: ignore[reportIndexIssue]
    await until(lambda: not thread.is_alive())


PROGRAM = """
import asyncio, sys, time
from datetime import UTC, datetime
from remembrancer import SchedulerOptions, TaskSchedulerService
def handle(firing):
    begun.append(firing.task.name)
    time.sleep(3600)
begun = []
async def main():
    service = TaskSchedulerService(sys.argv[1], handler=handle, options=SchedulerOptions(shutdown_timeout_seconds=0.1))
    async with service:
        for _ in range(8): await service.schedule_task("hung", "g", "p", "th", datetime.now(UTC))
        while len(begun) < 8: await asyncio.sleep(0.01)
    await service.open()
    print([(each.status.value, each.reason_code.value) for each in await service.history()])
    await service.close()
asyncio.run(main())
"""


def test_a_program_ends_beside_handlers_that_hang_for_an_hour(tmp_path: Path) -> None:
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "graph")]
    ended = subprocess.run(program, check=True, timeout=GENEROUS * 2, capture_output=True, text=True)

    assert ended.stdout.strip() == str([("failed", "shutdown")] * 8)
