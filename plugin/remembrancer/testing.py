"""Test tools for a user's own tasks: a clock that moves on command, and a scheduler that ticks on command."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from remembrancer.engine.clock_steps import ClockSteps
from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import MOST_ASKED
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.model.timestamps import Moment, from_ms, to_iso
from remembrancer.schedules.parsing import read_moment
from remembrancer.service.service import SchedulerService

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """A clock that moves only when it is moved.

    Args:
        start: Where it begins, aware.
    """

    def __init__(self, start: datetime = _START) -> None:
        self._now = _aware(start)
        self._moved = asyncio.Event()
        self.steps = ClockSteps()
        """The times that it was set back."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Advance by *by*, and wake what waits for a time up to then."""
        self.set(self._now + by)

    def set(self, moment: datetime) -> None:
        """Set the clock to *moment*, aware; an earlier one is a clock that was set back, for the scheduler too."""
        before, self._now = self._now, _aware(moment)
        if self._now < before:
            self.steps.add((self._now - before).total_seconds())
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def wait(self, until: datetime, wake: asyncio.Event) -> None:
        """Return when *until* has come, *wake* is set, or the clock was set back: whichever is first."""
        stepped = self.steps.count
        while self._now < until and not wake.is_set() and self.steps.count == stepped:
            first = {asyncio.ensure_future(self._moved.wait()), asyncio.ensure_future(wake.wait())}
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in first:
                    waiting.cancel()


class ManualScheduler:
    """A service that ticks on command, so that tests of schedules need no sleep.

    Args:
        service: Not started; made with `time_service=clock`.
        clock: The clock it was made with.
    """

    def __init__(self, service: SchedulerService, clock: VirtualClock) -> None:
        self.service = service
        self.clock = clock

    async def __aenter__(self) -> Self:
        """Open the graph, and recover what a former process left."""
        await self.service.open()
        await self.service.recover()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the graph."""
        await self.service.close()

    async def tick(self, by: timedelta = timedelta(0)) -> int:
        """Advance the clock, run due tasks, wait for their handlers; return the number of occurrences."""
        self.clock.advance(by)
        done = 0
        while accounted := await self.service.tick():
            done += accounted
        return done

    async def run_until(self, until: Moment) -> int:
        """Run everything that is armed up to *until*, each at its time; return the number of occurrences.

        The clock stops at each time for which a task is armed, and ends at *until*: a datetime, a timedelta, or text
        such as `in 2h`. Raises InvalidInput: it is no time, or earlier than the clock.
        """
        end = read_moment(until, "until", now=self.clock.now())
        if end < self.clock.now():
            raise InvalidInput("until", to_iso(end), f"a time not before {to_iso(self.clock.now())}", "in 2h")
        done = await self.tick()
        while (armed := await self._next_armed()) is not None and armed <= end:
            self.clock.set(armed)
            done += await self.tick()
        self.clock.set(end)
        return done + await self.tick()

    async def _next_armed(self) -> datetime | None:
        """Return the next time after now for which a task is armed, or an attempt or a run waits.

        A task that waits may be armed for an earlier time.
        """
        waiting = [each for each in (self.service.next_waiting_at,) if each is not None and each > self.clock.now()]
        for limit in (1, MOST_ASKED):
            found = await self.service.find_tasks(statuses=OPEN_STATUSES, limit=limit)
            times = [from_ms(task.next_run_ms) for task in found if task.next_run_ms is not None]
            if ahead := [each for each in times if each > self.clock.now()]:
                return min([*ahead, *waiting])
            if len(times) < limit:
                break
        return min(waiting, default=None)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidInput("start", moment, "an aware datetime", "datetime(2026, 1, 1, tzinfo=UTC)")
    return moment.astimezone(UTC)
