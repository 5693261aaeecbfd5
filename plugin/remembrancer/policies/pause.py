"""Pauses: their beginning and end, and the policy for the occurrences that one held. Pure functions.

A paused task keeps its place in its schedule and is armed for the end of its pause, or not at all. When the pause is
over, each occurrence that it held runs or is skipped, as the task's `misfire` or its resumption says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.policy import Misfire
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.decision import Skip, Wait
from remembrancer.policies.occurrences import (
    OccurrenceRange,
    due_ms,
    last_of,
    next_of,
    pending_occurrences,
    run_without_pause_ms,
    without_pause,
    young_from_ms,
)
from remembrancer.policies.run_when_due import run_when_due
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Run, Situation

_ENDED = {"paused_at": None, "paused_until": None, "pause_reason": None, "on_missed": None}
"""The fields of a task without a pause."""


def pause(task: ScheduledTask, situation: Situation, context: PlanContext) -> Run | Skip | Wait | None:
    """Decide about the occurrences that an ended pause held; None without any."""
    if task.paused_at is None:
        return None
    if task.paused_until is None or context.now < task.paused_until:
        return Wait("The task is paused.")
    end_ms = to_ms(task.paused_until)
    if task.deferral_id is not None:
        return _deferred(task, end_ms)
    first_ms = due_ms(task)
    held, kept = _held(task, first_ms, end_ms, context.now_ms)
    if held <= kept:
        return run_when_due(task, situation, context) if held else None
    if task.is_single:
        return _skipped(task, OccurrenceRange(first_ms, first_ms, 1), None)
    schedule = remaining_schedule(task)
    last_ms = last_of(schedule, first_ms, held - kept, end_ms - 1, after=kept)
    return _skipped(task, OccurrenceRange(first_ms, last_ms, held - kept), next_of(schedule, last_ms))


def paused(task: ScheduledTask, until: datetime | None, reason: str | None, now: datetime) -> ScheduledTask:
    """Return *task* as it is once it is paused until *until*, or until it is resumed."""
    begun = task.paused_at if task.is_paused(now) else now
    pausing = {"paused_at": begun, "paused_until": until, "pause_reason": reason, "on_missed": None}
    return armed_in_pause(task.model_copy(update=pausing), run_without_pause_ms(task))


def armed_in_pause(task: ScheduledTask, run_ms: int | None) -> ScheduledTask:
    """Return a paused task, armed for *run_ms* or the end of the pause, whichever is later; not at all without one."""
    until = task.paused_until
    next_ms = None if until is None or run_ms is None else max(to_ms(until), run_ms)
    return task.model_copy(update={"next_run_ms": next_ms})


def armed_at_first(task: ScheduledTask) -> ScheduledTask:
    """Return *task* armed for its first occurrence without an outcome, or as a live deferral or a pause has it."""
    if task.deferral_id is not None:
        return task
    if task.paused_at is not None:
        return armed_in_pause(task, task.nominal_ms)
    return task.model_copy(update={"next_run_ms": task.nominal_ms})


def resumed(task: ScheduledTask, on_missed: Misfire | None, now: datetime) -> ScheduledTask:
    """Return *task* as it is once its pause is ended at *now*.

    With occurrences that the pause held, it is due at once, and the policy decides about them.
    """
    run_ms, now_ms = run_without_pause_ms(task), to_ms(now)
    if run_ms is None or run_ms > now_ms:
        return task.model_copy(update={**_ENDED, "next_run_ms": run_ms, "failures_in_row": None})
    ending = {"paused_until": from_ms(now_ms), "on_missed": on_missed, "next_run_ms": now_ms, "failures_in_row": None}
    return task.model_copy(update=ending)


def without_ended_pause(task: ScheduledTask) -> ScheduledTask:
    """Return a task whose pause has ended by itself without the marks of it, unless it held a run that is still due."""
    run_ms, until = run_without_pause_ms(task), task.paused_until
    if task.paused_at is None or until is None or (run_ms is not None and run_ms < to_ms(until)):
        return task
    return unpaused(task)


def unpaused(task: ScheduledTask) -> ScheduledTask:
    """Return *task* without the marks of a pause."""
    return task.model_copy(update=_ENDED)


def missed(task: ScheduledTask, now_ms: int) -> tuple[int, int]:
    """Return how many occurrences the pause of *task* held that ended by *now_ms*, and how many of them run."""
    if task.paused_at is None or task.paused_until is None:
        return 0, 0
    end_ms = to_ms(task.paused_until)
    if task.deferral_id is not None:
        return _missed_deferred(task, end_ms, now_ms)
    if run_without_pause_ms(task) is None:
        return 0, 0
    held, kept = _held(task, due_ms(task), end_ms, now_ms)
    return held, min(held, kept)


def _missed_deferred(task: ScheduledTask, end_ms: int, now_ms: int) -> tuple[int, int]:
    """Return the same of a deferred task: the deferred run is one of them, and runs unless all are skipped."""
    pending = pending_occurrences(without_pause(task), end_ms - 1)
    until_ms = run_without_pause_ms(task)
    if pending is None or until_ms is None or until_ms >= end_ms or task.on_missed is Misfire.SKIP:
        return (0, 0) if pending is None else (pending.occurrences, 0)
    if task.is_single:
        return pending.occurrences, 1
    after_ms = next_of(remaining_schedule(task), max(until_ms, (task.nominal_ms or 0) - 1))
    if after_ms is None:
        return pending.occurrences, 1
    return pending.occurrences, 1 + min(_held(task, after_ms, end_ms, now_ms))


def _held(task: ScheduledTask, first_ms: int, end_ms: int, now_ms: int) -> tuple[int, int]:
    """Return how many occurrences from *first_ms* on the pause held, and how many of them run at most."""
    if first_ms >= end_ms:
        return 0, 0
    policy = task.on_missed or task.misfire
    young_ms = max(first_ms, young_from_ms(task, now_ms))
    if task.is_single:
        return 1, int(policy is not Misfire.SKIP and young_ms == first_ms)
    schedule = remaining_schedule(task)
    held = 1 + schedule.count(first_ms + 1, end_ms - 1)
    young = held if young_ms == first_ms else schedule.count(young_ms, end_ms - 1)
    if policy is Misfire.RUN_ALL:
        return held, min(task.misfire_limit, young)
    # An occurrence that is due on time after the pause makes up for it.
    after_ms = next_of(schedule, end_ms - 1)
    is_fresh = after_ms is not None and 0 <= now_ms - after_ms <= task.misfire_grace_seconds * 1000
    return held, int(policy is Misfire.RUN_ONCE and not is_fresh and young > 0)


def _deferred(task: ScheduledTask, end_ms: int) -> Skip | None:
    """Skip a deferred run that fell into the pause, if its resumption says so; else it runs when the pause is over."""
    until_ms = run_without_pause_ms(task)
    if task.on_missed is not Misfire.SKIP or until_ms is None or until_ms >= end_ms:
        return None
    pending = pending_occurrences(without_pause(task), end_ms - 1)
    assert pending is not None  # noqa: S101 (the deferred run is one)
    if task.is_single:
        after_ms = None
    elif task.nominal_ms is not None and task.nominal_ms >= end_ms:
        after_ms = task.nominal_ms
    else:
        after_ms = next_of(remaining_schedule(task), end_ms - 1)
    return _skipped(task, pending, after_ms, ends_deferral=True)


def _skipped(task: ScheduledTask, held: OccurrenceRange, next_ms: int | None, *, ends_deferral: bool = False) -> Skip:
    assert task.paused_at is not None  # noqa: S101 (the callers have looked)
    assert task.paused_until is not None  # noqa: S101
    because = f": {task.pause_reason}" if task.pause_reason else "."
    reason = f"The task was paused from {to_iso(task.paused_at)} until {to_iso(task.paused_until)}{because}"
    return Skip(held, ExecutionStatus.SKIPPED, Reason.HELD_BY_PAUSE, reason[:10_000], next_ms, next_ms, ends_deferral)
