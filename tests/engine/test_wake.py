"""Whatever arms a task wakes the checker, though it means to sleep for an hour: each act there is, in real time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, ScheduleRequest, SchedulerOptions, TaskSchedulerService
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer import Firing

    Act = Callable[[TaskSchedulerService], Awaitable[Any]]

pytestmark = pytest.mark.slow
GENEROUS = 60.0
"""Seconds that a busy machine may take; the checker would sleep for sixty times as long."""
ASLEEP: dict[str, Any] = {"check_interval_seconds": 3600.0}


def soon(seconds: float = 0.5) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


class Handler:
    """Answers each call as it is told; says when it was called."""

    def __init__(self, *answers: Callable[[], object]) -> None:
        self.answers = list(answers)
        self.called: asyncio.Queue[Firing] = asyncio.Queue()

    async def __call__(self, firing: Firing) -> Any:
        self.called.put_nowait(firing)
        return self.answers.pop(0)() if self.answers else None

    async def next(self) -> Firing:
        async with asyncio.timeout(GENEROUS):
            return await self.called.get()


async def schedule_one(service: TaskSchedulerService) -> None:
    await service.schedule_task("one", "goal", "prompt", "thought", soon())


async def schedule_many(service: TaskSchedulerService) -> None:
    requests = [ScheduleRequest(str(place), "goal", "prompt", "thought", soon(600 * place + 0.5)) for place in range(3)]
    await service.schedule_tasks(requests)


async def bring_back(service: TaskSchedulerService) -> None:
    await service.schedule_deferred_task("thought", "the agent's own", soon(), "Later")


async def defer_earlier(service: TaskSchedulerService) -> None:
    task = await service.schedule_task("one", "goal", "prompt", "thought", soon(600))
    await service.defer_task(task.task_id, soon(1200), "Much later")
    await service.defer_task(task.task_id, soon(601), "Sooner")
    await service.cancel_task(task.task_id)
    await service.schedule_deferred_task("thought", "another of its own", soon(86_400), "Tomorrow")
    await service.schedule_deferred_task("thought", "another of its own", soon(), "After all")


async def cancel_and_schedule(service: TaskSchedulerService) -> None:
    task = await service.schedule_task("one", "goal", "prompt", "thought", soon(600))
    await service.cancel_task(task.task_id)
    await service.schedule_task("one", "goal", "prompt", "thought", soon())


async def schedule_on_a_thread(service: TaskSchedulerService) -> None:
    await asyncio.to_thread(service.blocking.schedule_task, "one", "goal", "prompt", "thought", soon())


async def schedule_and_leave(service: TaskSchedulerService) -> None:
    """Give up waiting for the answer at once: the task is kept all the same."""
    left = asyncio.create_task(service.schedule_task("one", "goal", "prompt", "thought", soon()))
    for _ in range(20):
        await asyncio.sleep(0)
        if service._process.store._connection._writer._pending:  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
            break
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)


ACTS: list[Act] = [
    schedule_one,
    schedule_many,
    bring_back,
    cancel_and_schedule,
    schedule_on_a_thread,
    schedule_and_leave,
]


@pytest.mark.parametrize("act", [*ACTS, defer_earlier], ids=lambda act: act.__name__)
async def test_an_act_that_arms_wakes_a_sleeping_checker(act: Act) -> None:
    handler = Handler()
    async with TaskSchedulerService(handler=handler, **ASLEEP) as service:
        await asleep(service)
        await act(service)

        assert (await handler.next()).execution.triggered_at


@pytest.mark.parametrize("plain", [False, True])
async def test_a_handler_that_defers_is_called_again_in_time(*, plain: bool) -> None:
    handler = Handler(lambda: Defer(soon(), "Not yet"), lambda: Defer(soon(), "Still not"))

    async with TaskSchedulerService(handler=as_plain(handler) if plain else handler, **ASLEEP) as service:
        await schedule_one(service)
        fired = [await handler.next() for _ in range(3)]
        await service.idle()

        assert len({each.task.task_id for each in fired}) == 1
        assert sorted(each.status for each in await service.history()) == ["completed", "deferred", "deferred"]


def as_plain(handler: Handler) -> Callable[[Firing], Any]:
    loop = asyncio.get_running_loop()
    return lambda firing: asyncio.run_coroutine_threadsafe(handler(firing), loop).result(GENEROUS)


async def test_a_retry_of_what_was_lost_wakes_by_its_defer(tmp_path: Any) -> None:
    """Recovery starts the second attempt; when that defers, the task comes back in time."""
    dying = Handler()

    async def hang(firing: Firing) -> None:
        await dying(firing)
        await asyncio.sleep(600)

    options = SchedulerOptions(shutdown_timeout_seconds=0.1)
    first = TaskSchedulerService(tmp_path / "graph", handler=hang, options=options, **ASLEEP)
    await first.start()
    await first.schedule_task("one", "goal", "prompt", "thought", soon(), on_lost="retry", max_attempts=2)
    await dying.next()
    await first._process.store.close()  # pyright: ignore[reportOptionalMemberAccess]
    first._process.store = None
    await first.stop()
    handler = Handler(lambda: Defer(soon(), "Not yet"))
    async with TaskSchedulerService(tmp_path / "graph", handler=handler, **ASLEEP) as service:
        assert (await handler.next()).execution.attempt == 2
        assert (await handler.next()).execution.attempt == 1
        await service.idle()


async def test_an_every_second_task_fires_on_under_a_long_interval() -> None:
    handler = Handler()
    async with TaskSchedulerService(handler=handler, **ASLEEP) as service:
        await service.schedule_task("each", "g", "p", "t", schedule_cron="* * * * * *", seconds_field="first")

        assert len({(await handler.next()).execution.nominal_at for _ in range(3)}) == 3


async def test_every_write_that_arms_is_announced() -> None:
    """The law behind it: no write with a moment to act at passes by the place that wakes."""
    handler = Handler(lambda: Defer(soon(0.2), "Not yet"))
    async with TaskSchedulerService(handler=handler, **ASLEEP) as service:
        announced = watched(service)
        for act in [*ACTS, defer_earlier]:
            await act(service)
        await service.schedule_task("each", "g", "p", "t", schedule_cron="* * * * * *", seconds_field="first")
        for _ in range(len(ACTS) + 4):
            await handler.next()
        await service.idle()

        assert {name for name, _ in announced.arming} >= {
            *("create_tasks", "defer_tasks", "defer_settled", "claim_executions"),
        }
        assert [each for each in announced.arming if each[1] not in announced.moments] == []


class Announced:
    """The writes that arm, as (query, earliest moment), and the moments that were announced."""

    def __init__(self) -> None:
        self.arming: list[tuple[str, int]] = []
        self.moments: list[int] = []


def watched(service: TaskSchedulerService) -> Announced:
    store: Any = service._process.store
    told, write = Announced(), store._connection.write

    async def watching(statements: Any) -> Any:
        named = {each.name: moments for each in statements if (moments := moments_of(each.rows))}
        if named:
            earliest = min(moment for moments in named.values() for moment in moments)
            told.arming += [(name, earliest) for name in named]
        return await write(statements)

    store._connection.write = watching
    store.queue.on_armed.append(told.moments.append)
    return told


def moments_of(rows: list[dict[str, Any]]) -> list[int]:
    found = [each for row in rows for each in (row.get("next_run_ms"), row.get("task", {}).get("next_run_ms"))]
    return [each for each in found if each is not None]


async def asleep(service: TaskSchedulerService) -> None:
    """Wait until the checker has made a pass: it sleeps from then on."""
    scheduler: Any = service._process.scheduler
    async with asyncio.timeout(GENEROUS):
        while scheduler.last_tick_at is None:  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.01)


async def test_an_earlier_moment_wakes_under_a_clock_of_tests() -> None:
    clock, handler = VirtualClock(), Handler()
    async with TaskSchedulerService(time_service=clock, handler=handler, **ASLEEP) as service:
        await asleep(service)
        await service.schedule_task("one", "goal", "prompt", "thought", clock.now() + timedelta(minutes=1))
        clock.advance(timedelta(minutes=1))

        assert (await handler.next()).task.name == "one"
