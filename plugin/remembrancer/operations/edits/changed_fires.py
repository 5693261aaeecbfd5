"""Tasks with other occurrences than their schedules name, as callers ask for. Pure functions of (task, wish, now)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.addition import MOST_ADDITIONS, Addition
from remembrancer.model.execution import Reason
from remembrancer.model.skip_mark import MOST_SKIPPED, SkipMark, skips_text
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.additions import additions_of, is_deferred_beyond, pending_additions, with_additions
from remembrancer.policies.occurrences import beginning_ms, run_without_pause_ms
from remembrancer.policies.skips import pending_skips
from remembrancer.schedules.kinds import firing_schedule, remaining_schedule

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.addition import Cause
    from remembrancer.model.task import ScheduledTask

_HOUR_MS: Final = 3_600_000
_NAMED: Final = 5
"""Occurrences that a refusal names."""


def with_skips(task: ScheduledTask, number: int, reason: str) -> ScheduledTask:
    """Return *task* with its next *number* occurrences marked to be skipped, in place of those marked so before.

    Raises:
        InvalidInput: The task is deferred, or has no occurrence ahead.
    """
    _refuse_deferred(task)
    moved = [mark for mark in pending_skips(task) if mark.code is Reason.RESCHEDULED]
    ahead = _ahead(task, number, {mark.at_ms for mark in moved})
    if number and not ahead:
        raise InvalidInput("task_id", task.task_id, "a task with an occurrence ahead", "wait until it has ended")
    text = skips_text([*moved, *(SkipMark(each, Reason.SKIP_REQUESTED, reason) for each in ahead)])
    before = [mark.at_ms for mark in pending_skips(task) if mark.code is Reason.SKIP_REQUESTED]
    return task if ahead == before else task.model_copy(update={"skips": text})


def with_addition(
    task: ScheduledTask,
    at: datetime,
    cause: Cause,
    detail: Mapping[str, object],
    *,
    now: datetime,
    taken: Collection[int],
) -> ScheduledTask:
    """Return *task* with one more occurrence: *at*, or now if that has passed; a time that is taken moves it by 1 ms.

    Args:
        task: An open task.
        at: The time.
        cause: Recorded with the execution.
        detail: The same.
        now: The present.
        taken: Times at which the task has executions.

    Raises:
        InvalidInput: A deferral of the task would hold it, or the task has too many additions.
    """
    at_ms, now_ms = to_ms(at), to_ms(now)
    if is_deferred_beyond(task, max(at_ms, now_ms)):
        until_ms = run_without_pause_ms(task) or now_ms
        allowed = f"a time after {to_iso(from_ms(until_ms))}, until which the task is deferred"
        raise InvalidInput("at", to_iso(at), allowed, to_iso(from_ms(until_ms + _HOUR_MS)))
    _refuse_too_many(task, 1)
    (free_ms,) = free_times(task, max(at_ms, now_ms), 1, taken, step=-1 if at_ms <= now_ms else 1)
    return with_additions(task, [Addition(free_ms, cause, detail, runs_late=at_ms <= now_ms)], now_ms)


def free_times(task: ScheduledTask, begin_ms: int, number: int, taken: Collection[int], *, step: int) -> list[int]:
    """Return the first *number* times from *begin_ms* on, *step* milliseconds apart, at which *task* has nothing."""
    schedule, added, begun_ms = remaining_schedule(task), additions_of(task), beginning_ms(task)
    found: list[int] = []
    while len(found) < number:
        is_named = begin_ms >= begun_ms and schedule.next_after(begin_ms - 1) == begin_ms
        if not is_named and begin_ms not in taken and not added.at(begin_ms):
            found.append(begin_ms)
        begin_ms += step
    return found


def with_move(task: ScheduledTask, occurrence: datetime, reason: str) -> ScheduledTask:
    """Return *task* with this occurrence marked to be skipped, as it is moved.

    Raises:
        InvalidInput: The task is deferred, or has no such occurrence ahead; the message names the next ones.
    """
    _refuse_deferred(task)
    occurrence_ms, begin_ms = to_ms(occurrence), task.nominal_ms
    is_ahead = begin_ms is not None and begin_ms <= occurrence_ms
    if not is_ahead or firing_schedule(task).next_after(occurrence_ms - 1) != occurrence_ms:
        following = [to_iso(from_ms(each)) for each in _firing(task, _NAMED)]
        allowed = f"an occurrence that is ahead: {', '.join(following) or 'there is none'}"
        raise InvalidInput("occurrence", to_iso(occurrence), allowed, next(iter(following), None))
    marks = [*pending_skips(task), SkipMark(occurrence_ms, Reason.RESCHEDULED, reason)]
    if len(marks) > MOST_SKIPPED:
        allowed = f"a task with at most {MOST_SKIPPED} occurrences to skip"
        raise InvalidInput("task_id", task.task_id, allowed, "update its schedule")
    return task.model_copy(update={"skips": skips_text(marks)})


def with_backfill(task: ScheduledTask, additions: Sequence[Addition], now: datetime) -> ScheduledTask:
    """Return *task* with the additions of a backfill. Raises InvalidInput for a deferred or paused task."""
    _refuse_deferred(task)
    if task.is_paused(now):
        raise InvalidInput("task_id", task.task_id, "a task that is not paused", "resume it before")
    _refuse_too_many(task, len(additions))
    return with_additions(task, additions, to_ms(now))


def _ahead(task: ScheduledTask, number: int, left_out: Collection[int]) -> list[int]:
    """Return the next *number* occurrences without an outcome, *left_out* not among them."""
    schedule, found = remaining_schedule(task), list[int]()
    occurrence_ms = None if task.nominal_ms is None else schedule.next_after(task.nominal_ms - 1)
    while occurrence_ms is not None and len(found) < number:
        if occurrence_ms not in left_out:
            found.append(occurrence_ms)
        occurrence_ms = schedule.next_after(occurrence_ms)
    return found


def _firing(task: ScheduledTask, number: int) -> list[int]:
    return _ahead(task, number, {mark.at_ms for mark in pending_skips(task)})


def _refuse_deferred(task: ScheduledTask) -> None:
    if task.deferral_id is not None:
        raise InvalidInput("task_id", task.task_id, "a task whose next run is not deferred", "wait for that run")


def _refuse_too_many(task: ScheduledTask, more: int) -> None:
    if len(pending_additions(task)) + more > MOST_ADDITIONS:
        allowed = f"a task with at most {MOST_ADDITIONS} additions ahead"
        raise InvalidInput("task_id", task.task_id, allowed, "wait until some have run")
