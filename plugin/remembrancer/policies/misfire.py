"""The misfire policy: occurrences that are found later than the task's grace."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.policy import Misfire
from remembrancer.policies.additions import pending_additions
from remembrancer.policies.decision import Skip
from remembrancer.policies.occurrences import OccurrenceRange, due_ms, last_of, next_of
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation
    from remembrancer.schedules.protocol import Schedule


def misfire(task: ScheduledTask, situation: Situation, context: PlanContext) -> Skip | None:
    """Skip the late occurrences that the task's `misfire` does not run; None if the first is on time, or runs.

    A one-time task runs, however late, unless its `misfire` is `skip`; an addition that runs late runs in any case.
    """
    del situation
    occurrence_ms, now_ms = due_ms(task), context.now_ms
    if now_ms - occurrence_ms <= task.misfire_grace_seconds * 1000:
        return None
    if task.is_single:
        only = OccurrenceRange(occurrence_ms, occurrence_ms, 1)
        if task.misfire is Misfire.SKIP:
            return _missed(task, only, None, now_ms)
        return _too_old(task, only, None) if _is_too_old(task, occurrence_ms, now_ms) else None
    schedule = remaining_schedule(task)
    latest_ms = ceil(now_ms - task.misfire_grace_seconds * 1000) - 1
    if task.additions is not None:
        exempt_ms = next((each.at_ms for each in pending_additions(task) if each.runs_late), latest_ms + 1)
        if exempt_ms <= occurrence_ms:
            return None
        latest_ms = min(latest_ms, exempt_ms - 1)
    if task.misfire is not Misfire.SKIP and _is_too_old(task, occurrence_ms, now_ms):
        return _out_of_age(task, schedule, occurrence_ms, latest_ms, now_ms)
    return _beyond_the_limit(task, schedule, occurrence_ms, latest_ms, now_ms)


def _beyond_the_limit(
    task: ScheduledTask, schedule: Schedule, occurrence_ms: int, latest_ms: int, now_ms: int
) -> Skip | None:
    """Skip the late occurrences before those that still run; None if each of them runs."""
    late = 1 + schedule.count(occurrence_ms + 1, latest_ms)
    still_run = _still_run(task, fresh=_is_due(schedule, max(latest_ms, occurrence_ms), now_ms))
    if late <= still_run:
        return None
    last_ms = last_of(schedule, occurrence_ms, late - still_run, latest_ms, after=still_run)
    missed = OccurrenceRange(occurrence_ms, last_ms, late - still_run)
    return _missed(task, missed, next_of(schedule, last_ms), now_ms)


def _is_too_old(task: ScheduledTask, occurrence_ms: int, now_ms: int) -> bool:
    age = task.misfire_age_seconds
    return age is not None and now_ms - occurrence_ms >= round(age * 1000)


def _out_of_age(task: ScheduledTask, schedule: Schedule, first_ms: int, latest_ms: int, now_ms: int) -> Skip:
    """Skip the occurrences from *first_ms* on that are too old."""
    assert task.misfire_age_seconds is not None  # noqa: S101 (the caller has looked)
    until_ms = min(latest_ms, now_ms - round(task.misfire_age_seconds * 1000))
    old = 1 + schedule.count(first_ms + 1, until_ms)
    last_ms = last_of(schedule, first_ms, old, until_ms)
    return _too_old(task, OccurrenceRange(first_ms, last_ms, old), next_of(schedule, last_ms))


def _too_old(task: ScheduledTask, old: OccurrenceRange, next_ms: int | None) -> Skip:
    reason = f"Found {task.misfire_age_seconds:g} s or more after its time: older than misfire_age_seconds."
    return Skip(old, ExecutionStatus.MISSED, Reason.MISFIRE_TOO_OLD, reason, next_ms, next_ms)


def _is_due(schedule: Schedule, after_ms: int, now_ms: int) -> bool:
    """Return whether an occurrence after *after_ms* is due by now."""
    following_ms = next_of(schedule, after_ms)
    return following_ms is not None and following_ms <= now_ms


def _still_run(task: ScheduledTask, *, fresh: bool) -> int:
    """Return how many of the late occurrences still run; *fresh* says that one on time runs in any case."""
    if task.misfire is Misfire.RUN_ALL:
        return task.misfire_limit
    return 1 if task.misfire is Misfire.RUN_ONCE and not fresh else 0


def _missed(task: ScheduledTask, late: OccurrenceRange, next_ms: int | None, now_ms: int) -> Skip:
    seconds = (now_ms - late.last_ms) / 1000
    grace = f"grace {task.misfire_grace_seconds:g} s, policy {task.misfire}"
    reason = f"Found {seconds:.0f} s or more after its time ({grace})."
    code = Reason.MISFIRE_SKIPPED if task.misfire is Misfire.SKIP else Reason.MISFIRE_COALESCED
    return Skip(late, ExecutionStatus.MISSED, code, reason, next_ms, next_ms)
