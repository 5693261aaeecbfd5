"""A clock that plays a day in seconds, and waits while a task that it woke is at work."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

BERLIN: Final = ZoneInfo("Europe/Berlin")
_STEP_SECONDS: Final = 0.01


class FastClock:
    """Simulated time for the scheduler, the handlers and the story alike.

    It never passes a time that a task waits for, and does not go on before the tasks that it woke wait again or are
    done: everything happens at the right minute, on a slow machine too.

    It begins to run when its maker waits for the first time.

    Args:
        start: Where the day begins, aware.
        speed: Simulated seconds for each real one.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self._now = start
        self._step = timedelta(seconds=speed * _STEP_SECONDS)
        self._awaited: dict[asyncio.Event, datetime] = {}
        self._at_work: set[asyncio.Task[object] | None] = {asyncio.current_task()}

    def now(self) -> datetime:
        """Return the present moment of the simulated day."""
        return self._now

    async def wait(self, until: datetime, wake: asyncio.Event) -> None:
        """Return when *until* has come or *wake* is set, whichever is first."""
        me = asyncio.current_task()
        self._at_work.discard(me)
        reached = asyncio.Event()
        self._awaited[reached] = until
        waiting = [asyncio.ensure_future(event.wait()) for event in (reached, wake)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            self._awaited.pop(reached, None)
            self._at_work.add(me)

    async def sleep(self, minutes: float) -> None:
        """Let so many simulated minutes pass."""
        await self.wait(self._now + timedelta(minutes=minutes), asyncio.Event())

    async def until(self, wall: str) -> None:
        """Return at *wall* o'clock in Berlin, today; such as "09:40"."""
        await self.wait(at(self._now, wall), asyncio.Event())

    async def run(self) -> None:
        """Let time pass, for ever."""
        while True:
            await asyncio.sleep(_STEP_SECONDS)
            self._at_work = {task for task in self._at_work if task and not task.done()}
            if self._awaited and not self._at_work:
                self._now = max(self._now, min(self._now + self._step, *self._awaited.values()))
                for reached, until in self._awaited.items():
                    if until <= self._now:
                        reached.set()


def at(day: datetime, wall: str) -> datetime:
    """Return *wall* o'clock in Berlin on *day*."""
    hour, minute = wall.split(":")
    return day.astimezone(BERLIN).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
