"""The policy for occurrences whose time passed while the scheduler was halted. A pure function.

While a halt is in force no policy is asked: what is due stays due. Laws: after it, a recurring task runs once for all
occurrences that it held, or as often as `misfire` of `run_all` says; with `skip`, only if the last of them is not late.
The others are missed, with the halt as their reason. No occurrence is lost, and none from after the halt is touched,
nor is a task that was made after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.policy import Misfire
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.additions import pending_additions
from remembrancer.policies.decision import Skip
from remembrancer.policies.occurrences import OccurrenceRange, due_ms, last_of, next_of
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.halt import HaltSpan
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation


def halt(task: ScheduledTask, situation: Situation, context: PlanContext) -> Skip | None:
    """Skip the occurrences that the last halt held and that do not run; None without any."""
    span = situation.halt
    if span is None or task.deferral_id is not None:  # a deferred task has one run for all that it held
        return None
    first_ms = due_ms(task)
    if first_ms >= span.until_ms or to_ms(task.created_at) >= span.until_ms:  # made after it, for a time before
        return None
    if task.is_single:
        is_missed = task.misfire is Misfire.SKIP and not _is_on_time(task, first_ms, context)
        return _missed(span, OccurrenceRange(first_ms, first_ms, 1), None) if is_missed else None
    return _recurring(task, span, first_ms, context)


def _recurring(task: ScheduledTask, span: HaltSpan, first_ms: int, context: PlanContext) -> Skip | None:
    schedule, end_ms = remaining_schedule(task), span.until_ms
    if task.additions is not None:
        end_ms = min([end_ms, *(each.at_ms for each in pending_additions(task) if each.runs_late)])
        if end_ms <= first_ms:
            return None
    held = 1 + schedule.count(first_ms + 1, end_ms - 1)
    kept = _kept(task, next_of(schedule, end_ms - 1), context.now_ms)
    if task.misfire is Misfire.SKIP and kept:
        kept = int(_is_on_time(task, last_of(schedule, first_ms, held, end_ms - 1), context))
    if held <= kept:
        return None
    last_ms = last_of(schedule, first_ms, held - kept, end_ms - 1, after=kept)
    return _missed(span, OccurrenceRange(first_ms, last_ms, held - kept), next_of(schedule, last_ms))


def _is_on_time(task: ScheduledTask, occurrence_ms: int, context: PlanContext) -> bool:
    return context.now_ms - occurrence_ms <= task.misfire_grace_seconds * 1000


def _kept(task: ScheduledTask, after_ms: int | None, now_ms: int) -> int:
    """Return how many held occurrences run at most; one from after the halt that is due makes up for them."""
    if task.misfire is Misfire.RUN_ALL:
        return task.misfire_limit
    return 0 if after_ms is not None and after_ms <= now_ms else 1


def _missed(span: HaltSpan, held: OccurrenceRange, next_ms: int | None) -> Skip:
    since = "" if span.since_ms is None else f" from {to_iso(from_ms(span.since_ms))}"
    reason = f"The scheduler was halted{since} until {to_iso(from_ms(span.until_ms))}: {span.reason}"
    return Skip(held, ExecutionStatus.MISSED, Reason.HELD_BY_HALT, reason[:10_000], next_ms, next_ms)
