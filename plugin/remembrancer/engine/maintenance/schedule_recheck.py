"""The recheck of armed times: recurring tasks are armed again after the clock went back.

No occurrence gets a second outcome by it. Each occurrence from a task's beginning up to its next one has an outcome.
So a task moves to a time before its beginning, as one does that was made while the clock was ahead; or to an occurrence
that was recorded as missed when the clock went ahead. Such a record is taken back as far as its occurrences are ahead
again. Occurrences that ran while the clock was ahead are excluded from the schedule.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.maintenance.armed_walk import moves_of, rearm
from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import to_iso, to_ms
from remembrancer.policies.additions import additions_of
from remembrancer.policies.occurrences import beginning_ms, held_ms
from remembrancer.policies.pause import armed_in_pause
from remembrancer.ports.armed_times import ArmedTimeChange, ChangeCause, Retraction
from remembrancer.schedules.composed.additions import ScheduleWithAdditions
from remembrancer.schedules.composed.exclusions import excluding, joined, pairs_of
from remembrancer.schedules.kinds import remaining_schedule, schedule_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.addition import Additions
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import MissedOccurrence
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.schedules.protocol import Schedule

_LOG: Final = logging.getLogger("remembrancer")
_WORTH: Final = timedelta(minutes=1)
"""A record at least as far in the future shows that the clock went back."""


class ScheduleRecheck:
    """Arms recurring tasks again, where their armed times no longer follow from their schedules.

    Args:
        store: The graph.
        clock: The time.
        replica_id: This replica, for the audit log.
    """

    def __init__(self, store: Graph, clock: Clock, replica_id: str) -> None:
        self._store = store
        self._clock = clock
        self._replica_id = replica_id

    async def begin(self) -> int:
        """Follow a clock that went back while no scheduler ran; return the number of moved tasks."""
        now, moved = self._clock.now(), 0
        if newest := await self._store.armed_times.newest_record_after(now + _WORTH):
            cause = f"The clock went back while no scheduler ran: {to_iso(newest)} is on record."
            moved = await self.run(cause, now)
        return moved

    async def run(self, cause: str, now: datetime) -> int:
        """Arm tasks for their first time after *now* without an outcome, if that is earlier; return their number."""
        now_ms, waiting = to_ms(now), 0

        async def derive(page: Sequence[ScheduledTask]) -> list[ArmedTimeChange]:
            nonlocal waiting
            ahead = [task for task in page if _lies_ahead(task, now_ms)]
            missed = await self._store.armed_times.missed_after([task.task_id for task in ahead], now)
            moves = await moves_of(ahead, lambda task: earlier(task, missed.get(task.task_id, ()), now_ms))
            waiting += len(ahead) - len(moves)
            return moves

        armed_times = self._store.armed_times
        reason = ChangeCause(cause, now, self._replica_id)
        moved = len(await rearm(armed_times, armed_times.recurring(), derive, reason))
        _LOG.log(
            logging.WARNING if moved or waiting else logging.DEBUG,
            "%s %d recurring tasks are armed again for the first time after %s; "
            "%d wait for a later one, because the occurrences before it have outcomes.",
            cause, moved, to_iso(now), waiting,
        )  # fmt: skip
        return moved


def earlier(task: ScheduledTask, missed: Sequence[MissedOccurrence], now_ms: int) -> ArmedTimeChange | None:
    """Return the move of *task* to its first occurrence after *now_ms* without an outcome; None if it stays.

    Records of *missed* occurrences after that one are taken back: these are ahead again.

    Args:
        task: An armed recurring task.
        missed: Its records of missed occurrences that reach beyond *now_ms*, oldest first.
        now_ms: The present.
    """
    schedule, armed_ms = remaining_schedule(task), task.nominal_ms
    if not schedule.recurring or armed_ms is None:
        return None
    begun_ms = beginning_ms(task)
    served = [*pairs_of(task.excluded_ms or ()), *_between(begun_ms, armed_ms, missed)]
    excluded_ms = joined([pair for pair in served if pair[1] > now_ms])
    ahead = _additions_ahead(task, missed, now_ms)
    again = ScheduleWithAdditions(excluding(schedule_of(task), excluded_ms), ahead.times_ms)
    time_ms = again.next_ms(max(now_ms, held_ms(task) - 1))
    if time_ms >= armed_ms:
        return None
    retractions = [_shortened(each, schedule, time_ms) for each in missed if each.last_ms >= time_ms]
    armed_ms = armed_in_pause(task, time_ms).next_run_ms if task.paused_at else time_ms
    begun_ms = min(begun_ms, time_ms)
    return ArmedTimeChange(task, armed_ms, time_ms, begun_ms, excluded_ms or None, ahead.text, task.skips, retractions)


def _additions_ahead(task: ScheduledTask, missed: Sequence[MissedOccurrence], now_ms: int) -> Additions:
    """Return the additions of *task* that have no outcome, or one of *missed* although they are ahead again."""
    additions, armed_ms = additions_of(task), task.nominal_ms or 0
    return additions.only(
        each
        for each in additions.items
        if each.at_ms >= armed_ms
        or (each.at_ms > now_ms and any(one.first_ms <= each.at_ms <= one.last_ms for one in missed))
    )


def _between(begin_ms: int, end_ms: int, missed: Sequence[MissedOccurrence]) -> list[tuple[int, int]]:
    """Return the spans from *begin_ms* up to *end_ms* (excluded) without a record of a missed occurrence."""
    begins = [begin_ms, *(max(begin_ms, each.last_ms + 1) for each in missed)]
    ends = [*(each.first_ms for each in missed), end_ms]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


def _shortened(missed: MissedOccurrence, schedule: Schedule, time_ms: int) -> Retraction:
    left = schedule.count(missed.first_ms, time_ms - 1)
    return Retraction(missed, schedule.last_ms(time_ms - 1, 1) if left else 0, left)


def _lies_ahead(task: ScheduledTask, now_ms: int) -> bool:
    """Return whether the schedule has an occurrence after *now_ms* before the one for which *task* is armed."""
    if task.deferral_id is not None or task.nominal_ms is None or task.nominal_ms != task.next_run_ms:
        return False  # a deferral ends at a fixed time, however the clock is set before that
    try:
        schedule = schedule_of(task)
        return schedule.recurring and schedule.next_ms(max(now_ms, held_ms(task) - 1)) < task.nominal_ms
    except InvalidInput:  # it is quarantined, with this error as the reason, when it is due
        return False
