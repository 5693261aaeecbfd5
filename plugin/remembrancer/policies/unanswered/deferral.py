"""Deferrals: the request for one, and the policy for the occurrences that a live one holds. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_id, read_reason
from remembrancer.model.deferral import Deferral
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import new_id
from remembrancer.model.question import answer_from, question_from
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.claims import skip_claim
from remembrancer.policies.decision import PlanContext, Run, Skip
from remembrancer.policies.occurrences import (
    OccurrenceRange,
    deferred_run_ms,
    first_ms,
    is_scheduled_at,
    next_of,
    occurrences_from,
    run_without_pause_ms,
    without_pause,
)
from remembrancer.policies.unanswered.deferral_limits import PLAIN_TERMS, chain_of, check_limits, most_in_row
from remembrancer.ports.writes import Reschedule
from remembrancer.schedules.kinds import remaining_schedule
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.handler_result import Defer
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Situation
    from remembrancer.policies.unanswered.deferral_limits import DeferralTerms
    from remembrancer.ports.writes import Claim


def deferral(task: ScheduledTask, situation: Situation, context: PlanContext) -> Run | Skip | None:
    """Skip the occurrences that a live deferral held, then run once for all of them; None without a deferral.

    A deferred one-time task has one occurrence left, for which the next policies decide.
    """
    del situation, context
    if task.deferral_id is None:
        return None
    until_ms, nominal_ms = run_without_pause_ms(task), first_ms(task)
    assert until_ms is not None  # noqa: S101 (only an armed task is due)
    assert nominal_ms is not None  # noqa: S101
    recurring = not task.is_single
    if nominal_ms < until_ms:
        schedule = remaining_schedule(task)
        held = occurrences_from(schedule, nominal_ms, until_ms - 1)
        return _held(held, until_ms, until_ms, next_of(schedule, held.last_ms) if recurring else until_ms)
    if not recurring:
        return None
    after_ms = nominal_ms if nominal_ms > until_ms else next_of(remaining_schedule(task), until_ms)
    return Run(nominal_ms, after_ms, ExecutionType.DEFERRED, _DEFERRED)


def defer(
    task: ScheduledTask, wish: Defer, now: datetime, original: datetime | None, terms: DeferralTerms = PLAIN_TERMS
) -> Reschedule:
    """Return the deferral of *task* that *wish* asks for.

    *original* is the time that is deferred: of the execution that answers so, or None for the task's next run.
    A deferred task may be deferred again, to an earlier time too, under the same rule: a time before the occurrence
    that is held would make a run too many, because the schedule is still to serve that occurrence. The task keeps its
    place in its schedule: the occurrences that are held are accounted for when its time comes. The time of an earlier
    deferral is not in the schedule; if it has come, it is accounted for here.

    Raises:
        InvalidInput: `until` is no time, has passed, or is not later than the run that it defers.
        DeferralsExhausted: It lies beyond the limits of deferrals in a row.
    """
    until = read_moment(wish.until, "until", now=now, timezone=task.timezone)
    until_ms = to_ms(until)
    least = max(now, from_ms(_deferred_ms(task, by_handler=original is not None)))
    if until_ms <= to_ms(least):
        allowed = f"a time after {to_iso(least)}, that is after now and after the run that is deferred"
        raise InvalidInput("until", to_iso(until), allowed, to_iso(from_ms(to_ms(least) + 3_600_000)))
    asked_by = None if wish.thought_id is None else read_id("thought_id", wish.thought_id)
    return rescheduled(task, Waiting(until, read_reason(wish.reason), asked_by), now, original, terms)


class Waiting(NamedTuple):
    """The end of a deferral, None for one without a time, its reason, and the thought that asks."""

    until: datetime | None
    reason: str
    thought_id: str | None


def rescheduled(
    task: ScheduledTask, wait: Waiting, now: datetime, original: datetime | None, terms: DeferralTerms
) -> Reschedule:
    """Return the deferral of *task* as it is written; its arguments are checked.

    Raises:
        InvalidInput: The task has an open question.
        DeferralsExhausted: The deferral lies beyond the limits of deferrals in a row.
    """
    check_no_question(task)
    deferred_ms, now_ms = run_without_pause_ms(task), to_ms(now)
    original_time = original or (None if deferred_ms is None else from_ms(deferred_ms))
    until_ms = None if wait.until is None else to_ms(wait.until)
    chain = chain_of(task, original_time, now, of_deferred_run=terms.of_deferred_run)
    check_limits(task, chain, until_ms, terms.limits)
    made = Deferral(
        deferral_id=new_id("defer", now_ms),
        task_id=task.task_id,
        deferred_at=from_ms(now_ms),
        original_time=original_time,
        deferred_until=wait.until,
        reason=wait.reason,
        requested_by=wait.thought_id,
        context=terms.context,
    )
    again = _deferred_again(task, until_ms, now_ms)
    of_run, most = terms.of_deferred_run, most_in_row(task, terms.limits)
    return Reschedule(made, until_ms, again, task.deferral_id, chain.since_ms, of_run, most)


def check_no_question(task: ScheduledTask) -> None:
    """Refuse to move a run that waits for an answer: it would begin without one. Raises InvalidInput."""
    if task.question_id is not None:
        allowed = "a task without an open question: answer it, or cancel the task"
        raise InvalidInput("task_id", task.task_id, allowed, None)


def standing(task: ScheduledTask, now: datetime) -> str | None:
    """Return the decision of a caller that a handler's wish does not undo, in words; None without one.

    That is an open question, an answer whose run has not begun, and a deferral by a call to a time ahead: a handler
    began before it was made, or runs beside it, and does not know of it. Among those of handlers, the last one holds.
    """
    if task.deferral_id is None:
        return None
    if task.question_id is not None:
        return f"the task waits for an answer to: {question_from(task.question or '').question}"
    if task.answer is not None and answer_from(task.answer).question_id == task.deferral_id:
        return "the question of the task was answered, and that run is still to come"
    if task.session_key is not None or task.defer_until is None or task.defer_until <= now:
        return None
    return f"the task was deferred until {to_iso(task.defer_until)} by a call"


def deferred(task: ScheduledTask, reschedule: Reschedule) -> ScheduledTask:
    """Return *task* as it is once *reschedule* is written."""
    entry = reschedule.deferral.history_entry(task.deferred_task_id)
    chain = chain_of(task, None, from_ms(reschedule.since_ms), of_deferred_run=reschedule.of_deferred_run)
    goes_on = chain.deferrals > 0
    question = reschedule.deferral.question
    gained = {
        "question_id": None if question is None else reschedule.deferral.deferral_id,
        "question": question,
        "answer": None,
        "last_deferral_id": (task.deferral_id or task.last_deferral_id) if goes_on else None,
        "chain_deferrals": chain.deferrals + 1,
        "chain_since_ms": chain.since_ms,
        "session_key": task.session_key if goes_on else None,
        "next_run_ms": reschedule.next_run_ms,
        "defer_until": reschedule.deferral.deferred_until,
        "deferral_id": reschedule.deferral.deferral_id,
        "deferral_count": task.deferral_count + 1,
        "deferral_history": [*task.deferral_history, entry],
        "fence": (reschedule.outstanding.execution.fence if reschedule.outstanding else task.fence) + 1,
    }
    return task.model_copy(update=gained)


def _deferred_ms(task: ScheduledTask, *, by_handler: bool) -> int:
    """Return the time other than now that a deferral must be after; 0 without one.

    That is the first occurrence which a live deferral holds; without one, the next run, unless a handler defers its
    own.
    """
    if task.deferral_id is None:
        return 0 if by_handler else task.next_run_ms or 0
    held = task.nominal_ms is not None and task.next_run_ms is not None and task.nominal_ms <= task.next_run_ms
    return (task.nominal_ms or 0) if held else 0


def _deferred_again(task: ScheduledTask, until_ms: int | None, now_ms: int) -> Claim | None:
    """Account for the run of an earlier deferral whose time has come before the run was claimed.

    A pause may have held that run: it is an occurrence at its own time, not at the end of the pause. The task stays
    armed as it is, because the deferral itself arms it, and a pause that goes on is not over.
    """
    before_ms = deferred_run_ms(without_pause(task))
    if before_ms is None or before_ms > now_ms or is_scheduled_at(task, before_ms):
        return None
    held = _held(OccurrenceRange(before_ms, before_ms, 1), until_ms, before_ms, task.nominal_ms)
    claim = skip_claim(task, held, PlanContext(now_ms, None))
    ends_pause = claim.ends_pause and not task.is_paused(from_ms(now_ms))
    return replace(claim, next_run_ms=task.next_run_ms, ends_pause=ends_pause)


def _held(held: OccurrenceRange, until_ms: int | None, next_run_ms: int, next_nominal_ms: int | None) -> Skip:
    """Skip occurrences that passed while their task was deferred until *until_ms*."""
    end = "it has an answer" if until_ms is None else to_iso(from_ms(until_ms))
    reason = f"The task was deferred until {end}."
    return Skip(held, ExecutionStatus.DEFERRED, Reason.HELD_BY_DEFERRAL, reason, next_run_ms, next_nominal_ms)


_DEFERRED: Final = "The time has come that it was deferred to."
