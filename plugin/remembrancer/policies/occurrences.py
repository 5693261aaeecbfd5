"""The occurrences of a task that have no outcome yet. Pure functions of (task, now)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.protocol import Schedule


class OccurrenceRange(NamedTuple):
    """Occurrences in a row: the first, the last, and how many they are."""

    first_ms: int
    last_ms: int
    occurrences: int


def due_ms(task: ScheduledTask) -> int:
    """Return the occurrence that a due task is due for: the time it is deferred to, or its first without an outcome."""
    deferred = task.nominal_ms is None or task.deferral_id is not None
    occurrence_ms = task.next_run_ms if deferred else task.nominal_ms
    assert occurrence_ms is not None, "only an armed task is due"  # noqa: S101
    return occurrence_ms


def first_ms(task: ScheduledTask) -> int | None:
    """Return the first occurrence without an outcome; a deferred task may have none but the run it is deferred to."""
    return task.next_run_ms if task.nominal_ms is None else task.nominal_ms


def run_without_pause_ms(task: ScheduledTask) -> int | None:
    """Return the time that the task would be armed for if it had never been paused; None with no run ahead."""
    if task.paused_at is None:
        return task.next_run_ms
    if task.deferral_id is not None and task.defer_until is not None:
        return to_ms(task.defer_until)
    return task.nominal_ms if task.question_id is None else None


def without_pause(task: ScheduledTask) -> ScheduledTask:
    """Return the task as it would be armed if it had never been paused."""
    return task if task.paused_at is None else task.model_copy(update={"next_run_ms": run_without_pause_ms(task)})


def held_ms(task: ScheduledTask) -> int:
    """Return the time at which a recurring task was to begin when it was made; 0 without one."""
    return 0 if task.defer_until is None or task.deferral_id is not None else to_ms(task.defer_until)


def beginning_ms(task: ScheduledTask) -> int:
    """Return the time from which each occurrence of the schedule has an outcome, up to the task's next one."""
    return max(to_ms(task.created_at) + 1, held_ms(task)) if task.outcomes_since_ms is None else task.outcomes_since_ms


def pending_occurrences(task: ScheduledTask, now_ms: int) -> OccurrenceRange | None:
    """Return the occurrences of *task* up to *now_ms* without an outcome: its schedule's, and one it is deferred to.

    Raises InvalidInput for a schedule that cannot be read.
    """
    scheduled, deferred_ms = _scheduled(task, now_ms), deferred_run_ms(task)
    if deferred_ms is None or deferred_ms > now_ms:
        return scheduled
    if scheduled is None:
        return OccurrenceRange(deferred_ms, deferred_ms, 1)
    is_counted = deferred_ms == scheduled.first_ms or is_scheduled_at(task, deferred_ms)
    both = scheduled.occurrences + (not is_counted)
    return OccurrenceRange(min(scheduled.first_ms, deferred_ms), max(scheduled.last_ms, deferred_ms), both)


def deferred_run_ms(task: ScheduledTask) -> int | None:
    """Return the time that a run is deferred to, whether or not the schedule names it; None without a deferral."""
    deferred = task.deferral_id is not None or (task.next_run_ms or 0) < (first_ms(task) or 0)
    return task.next_run_ms if deferred else None


def holds_occurrences(task: ScheduledTask) -> bool:
    """Return whether a live deferral holds occurrences from before its time, which have no outcome yet."""
    until_ms = run_without_pause_ms(task) if task.deferral_id is not None else None
    return until_ms is not None and task.nominal_ms is not None and task.nominal_ms < until_ms


def is_scheduled_at(task: ScheduledTask, occurrence_ms: int) -> bool:
    """Return whether the schedule of *task* names this time, and it has no outcome yet."""
    if task.nominal_ms is None or occurrence_ms < task.nominal_ms:
        return False
    return occurrence_ms == remaining_schedule(task).next_after(occurrence_ms - 1)


def occurrences_from(schedule: Schedule, first_ms: int, until_ms: int) -> OccurrenceRange:
    """Return the occurrences from *first_ms*, which is one, up to *until_ms*."""
    occurrences = 1 + schedule.count(first_ms + 1, until_ms)
    return OccurrenceRange(first_ms, last_of(schedule, first_ms, occurrences, until_ms), occurrences)


def next_of(schedule: Schedule, after_ms: int) -> int | None:
    """Return the occurrence after *after_ms*; None after the last of a schedule that ends.

    Raises InvalidInput for one that is meant to go on and has none.
    """
    return schedule.next_after(after_ms) if schedule.is_finite else schedule.next_ms(after_ms)


def last_of(schedule: Schedule, first_ms: int, occurrences: int, until_ms: int, *, after: int = 0) -> int:
    """Return the last of *occurrences* in a row from *first_ms* on, if *after* more follow it up to *until_ms*."""
    return first_ms if occurrences == 1 else schedule.last_ms(until_ms, after + 1)


def young_from_ms(task: ScheduledTask, now_ms: int) -> int:
    """Return the earliest time (epoch ms) of an occurrence that may still be caught up with; 0 without a bound."""
    bounds = [each for each in (task.misfire_age_seconds, task.deadline_seconds) if each is not None]
    return now_ms - round(min(bounds) * 1000) + 1 if bounds else 0


def _scheduled(task: ScheduledTask, now_ms: int) -> OccurrenceRange | None:
    """Return the occurrences of the schedule without an outcome, up to *now_ms*; None without any."""
    occurrence_ms = first_ms(task)
    if task.is_single and task.next_run_ms is not None:
        now_ms = min(now_ms, task.next_run_ms)  # deferred to before its only occurrence, it has that one no longer
    if occurrence_ms is None or occurrence_ms > now_ms:
        return None
    return occurrences_from(remaining_schedule(task), occurrence_ms, now_ms)
