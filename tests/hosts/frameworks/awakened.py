"""One story for an agent of each framework: it is woken, asks, everything ends and begins again, it goes on.

Its model calls the tool `book`, which people permit, once for each prompt, and then says what the tool said.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from remembrancer import Firing, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from remembrancer.ports.handler import Handler

    Life = Callable[[Path, list[int]], AbstractAsyncContextManager[Handler]]
    """The handler of an agent that lives in a folder. It notes how many prompts its model is shown, at each call."""

MINUTE = timedelta(minutes=1)
BOOKED = []
"""The prices that were paid."""


def book(price: int) -> str:
    """Book a flight."""
    BOOKED.append(price)
    return f"booked for {price}"


@asynccontextmanager
async def scheduler_of(folder: Path, clock: VirtualClock, handler: Handler) -> AsyncIterator[ManualScheduler]:
    async with ManualScheduler(TaskSchedulerService(str(folder / "graph"), clock, handler=handler), clock) as scheduler:
        yield scheduler


async def asked_and_answered(life: Life, folder: Path, answer: str, paid: list[int], **choices: Any) -> None:
    """It asks, the service and the agent end, people answer the next ones, and it goes on where it was."""
    BOOKED.clear()
    clock, shown = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC)), list[int]()
    async with life(folder, shown) as handler, scheduler_of(folder, clock, handler) as scheduler:
        task = await scheduler.service.schedule_task("Lisbon", "g", "Book it.", "thought_1", "in 1m", **choices)
        await scheduler.tick(MINUTE)
        assert (shown, BOOKED) == ([1], [])
    async with life(folder, shown) as handler, scheduler_of(folder, clock, handler) as scheduler:
        [question] = await scheduler.service.questions()
        assert question.asked_of == ("ada",)
        assert re.search(r'book with \{"price": ?180\}\? Answer yes, or say why not\.$', question.question)
        await scheduler.service.answer_task(task.task_id, answer)
        await scheduler.tick(MINUTE)
        done, asked = await scheduler.service.history()
        assert (asked.status, asked.reason_code, asked.reason) == ("deferred", "asked", question.question)
        said = "booked for 180" if paid else answer
        assert (done.status, said in (done.result or "")) == ("completed", True), done.reason or done.result
        assert (shown, BOOKED) == ([1, 1], paid)


async def attempt_after_a_crash(life: Life, folder: Path) -> None:
    """What the agent has done is kept, though the outcome of its run was lost: nothing is done twice."""
    BOOKED.clear()
    clock, shown = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC)), list[int]()
    async with life(folder, shown) as handler:

        async def loses(firing: Firing) -> Any:
            answer: Any = handler(firing)
            made = await answer
            if firing.execution.attempt == 1:
                raise ConnectionError
            return made

        async with scheduler_of(folder, clock, loses) as scheduler:
            again = {"max_attempts": 2, "retry": "fixed 1s"}
            task = await scheduler.service.schedule_task("Lisbon", "g", "Book it.", "t", "in 1m", **again)
            await scheduler.tick(MINUTE)
            await scheduler.tick(MINUTE)
            assert (shown, len(await scheduler.service.questions())) == ([1], 1), await scheduler.service.history()
            await scheduler.service.answer_task(task.task_id, "yes")
            await scheduler.tick(MINUTE)
            await scheduler.tick(MINUTE)
            done = (await scheduler.service.history())[0]
            assert (done.status, done.attempt) == ("completed", 2)
            assert (shown, BOOKED) == ([1, 1], [180])


async def conversation_of_two_runs(life: Life, folder: Path, session: str, prompts: list[int]) -> None:
    """With `same` the second run goes on with the first one's conversation; else it begins one."""
    clock, shown = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC)), list[int]()
    async with life(folder, shown) as handler, scheduler_of(folder, clock, handler) as scheduler:
        task = await scheduler.service.schedule_task(
            "Lisbon", "g", "Book it.", "t", schedule_cron="0 * * * *", session=session
        )
        for _ in range(2):
            await scheduler.tick(timedelta(hours=1))
            await scheduler.service.answer_task(task.task_id, "yes")
            await scheduler.tick(MINUTE)
        made = [(each.status, each.reason, str(each.nominal_at)) for each in await scheduler.service.history()]
        assert [each[0] for each in made] == ["completed", "deferred"] * 2, (made, shown)
        assert shown == prompts


async def unanswered_call_is_left(life: Life, folder: Path) -> None:
    """After `no` the next run of the same conversation begins without the call that waited."""
    clock, shown = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC)), list[int]()
    async with life(folder, shown) as handler, scheduler_of(folder, clock, handler) as scheduler:
        task = await scheduler.service.schedule_task(
            "Lisbon", "g", "Book it.", "t", schedule_cron="0 * * * *", session="same"
        )
        await scheduler.tick(timedelta(hours=1))
        await scheduler.service.answer_task(task.task_id, "no")
        await scheduler.tick(timedelta(hours=1))
        await scheduler.service.answer_task(task.task_id, "yes")
        await scheduler.tick(MINUTE)
        assert (await scheduler.service.history())[0].status == "completed"
