"""Execution retention: old executions become daily summaries, in small batches, while nothing is due."""

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
_INTERVAL: Final = timedelta(hours=1)
_ALL: Final = ""
_MOST_DAYS: Final = 36_500


def retention_time(days: float, field: str = "execution_retention_days") -> timedelta:
    """Return the time for which executions are kept, from *field*. Raises InvalidInput: it is out of range."""
    if isinstance(days, bool) or not 0 <= days <= _MOST_DAYS:
        raise InvalidInput(field, days, f"a number of days, 0 to {_MOST_DAYS:,}", 90)
    return timedelta(days=days)


class Retention:
    """The pruning of one replica; several may prune at once.

    Args:
        executions: The executions of the graph.
        clock: The time.
        options: The time for which executions are kept.
        replica_id: This replica, for the audit log.
    """

    def __init__(
        self, executions: ExecutionRetention, clock: Clock, options: SchedulerOptions, replica_id: str
    ) -> None:
        self._executions = executions
        self._actor = Actor("scheduler", replica_id)
        self._begun = False
        self._clock = clock
        self._keep_time = None if (days := options.execution_retention_days) is None else retention_time(days)
        self._after_id = _ALL
        self._limit = _SMALLEST
        self._finished_at: datetime | None = None

    async def work(self, until: datetime, wake: asyncio.Event, progress: Callable[[], None]) -> None:
        """Summarize batch after batch, until *wake* is set, *until* has come, or no old execution is left."""
        while self._keep_time is not None and not wake.is_set():
            now = self._clock.now()
            progress()
            if now >= until or is_within(now, self._finished_at, _INTERVAL):
                return
            old = await self._executions.oldest(now - self._keep_time, self._after_id, self._limit)
            if old and not self._begun:
                await self._executions.begin(now - self._keep_time, _change(now, self._actor))
                self._begun = True
            if len(old) < self._limit:
                self._after_id, self._finished_at, self._begun = _ALL, now, False
            else:
                self._after_id = old[-1].execution_id
            if old:
                await self._prune_batch(old)

    async def _prune_batch(self, old: Sequence[ExpiredExecution]) -> None:
        """Summarize a batch, and set the size of the next so that it fits the time budget."""
        began = time.monotonic()
        await self._executions.summarize(old)
        affordable = len(old) * _BUDGET_SECONDS / max(time.monotonic() - began, 0.001)
        self._limit = int(min(_LARGEST, max(_SMALLEST, affordable)))


async def prune(store: ExecutionRetention, now: datetime, keep_days: float, *, dry_run: bool) -> PruneResult:
    """Summarize all executions that began more than *keep_days* before *now*; with *dry_run*, only count them.

    Raises InvalidInput.
    """
    before = now - retention_time(keep_days, "keep_days")
    executions = occurrences = 0
    summaries: set[tuple[str, str]] = set()
    after_id = _ALL
    while old := await store.oldest(before, after_id, _LARGEST):
        if not dry_run and after_id == _ALL:
            await store.begin(before, _change(now, current_actor()))
        after_id = old[-1].execution_id
        executions += len(old) if dry_run else await store.summarize(old)
        occurrences += sum(each.occurrences for each in old)
        summaries |= {(each.task_id, each.day) for each in old}
    return PruneResult(before, executions, occurrences, len(summaries))


def _change(now: datetime, actor: Actor) -> Change:
    return Change("prune", now, actor.surface, actor.actor)
