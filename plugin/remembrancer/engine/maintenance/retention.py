"""Roll up what is older than it has to be kept: in small batches, while there is nothing else to do."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.context import Actor, current_actor
from remembrancer.engine.clock_steps import is_within
from remembrancer.errors import InvalidInput
from remembrancer.model.prune_result import PruneResult
from remembrancer.ports.writes import Change

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from remembrancer.ports.clock import Clock
    from remembrancer.ports.retention import ExecutionRetention, ExpiredExecution
    from remembrancer.settings import SchedulerOptions

_LARGEST: Final = 500
_SMALLEST: Final = 10
_BUDGET_SECONDS: Final = 0.02
"""The longest time one batch may occupy the graph's writer: due tasks wait for it."""
_BETWEEN_SWEEPS: Final = timedelta(hours=1)
_ALL: Final = ""
_MOST_DAYS: Final = 36_500


def days_to_keep(days: float, field: str = "execution_retention_days") -> timedelta:
    """Return the time that executions are kept, as *field* says. Raises InvalidInput for one that makes no sense."""
    if isinstance(days, bool) or not 0 <= days <= _MOST_DAYS:
        raise InvalidInput(field, days, f"a number of days, 0 to {_MOST_DAYS:,}", 90)
    return timedelta(days=days)


class Retention:
    """One replica's share of rolling up; several may do it at once.

    Args:
        past: What is over.
        clock: The time.
        options: How long executions are kept.
        replica_id: Who does it.
    """

    def __init__(self, past: ExecutionRetention, clock: Clock, options: SchedulerOptions, replica_id: str) -> None:
        self._past = past
        self._author = Actor("scheduler", replica_id)
        self._begun = False
        self._clock = clock
        self._keep = None if (days := options.execution_retention_days) is None else days_to_keep(days)
        self._after_id = _ALL
        self._limit = _SMALLEST
        self._swept_at: datetime | None = None

    async def work(self, until: datetime, wake: asyncio.Event, progress: Callable[[], None]) -> None:
        """Roll up batch after batch, until *wake* is set, *until* has come, or nothing is left that is old."""
        while self._keep is not None and not wake.is_set():
            now = self._clock.now()
            progress()
            if now >= until or is_within(now, self._swept_at, _BETWEEN_SWEEPS):
                return
            old = await self._past.oldest(now - self._keep, self._after_id, self._limit)
            if old and not self._begun:
                await self._past.begin(now - self._keep, _change(now, self._author))
                self._begun = True
            if len(old) < self._limit:
                self._after_id, self._swept_at, self._begun = _ALL, now, False
            else:
                self._after_id = old[-1].execution_id
            if old:
                await self._roll_up(old)

    async def _roll_up(self, old: Sequence[ExpiredExecution]) -> None:
        """Roll up a batch, and let the next be as large as the budget allows by what this one took."""
        began = time.monotonic()
        await self._past.roll_up(old)
        affordable = len(old) * _BUDGET_SECONDS / max(time.monotonic() - began, 0.001)
        self._limit = int(min(_LARGEST, max(_SMALLEST, affordable)))


async def prune(past: ExecutionRetention, now: datetime, keep_days: float, *, dry_run: bool) -> PruneResult:
    """Roll up everything that began more than *keep_days* before *now*, or with *dry_run* only say what that would be.

    Raises InvalidInput.
    """
    before = now - days_to_keep(keep_days, "keep_days")
    executions = occurrences = 0
    summaries: set[tuple[str, str]] = set()
    after_id = _ALL
    while old := await past.oldest(before, after_id, _LARGEST):
        if not dry_run and after_id == _ALL:
            await past.begin(before, _change(now, current_actor()))
        after_id = old[-1].execution_id
        executions += len(old) if dry_run else await past.roll_up(old)
        occurrences += sum(each.occurrences for each in old)
        summaries |= {(each.task_id, each.day) for each in old}
    return PruneResult(before, executions, occurrences, len(summaries))


def _change(now: datetime, author: Actor) -> Change:
    return Change("prune", now, author.surface, author.actor)
