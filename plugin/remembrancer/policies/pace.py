"""The pace of tasks whose handlers name their next check: one is ahead at a time. Pure functions.

The outcome of a run arms the next check, in the commit that writes it. A check that does not run arms the next one
with its claim. So a task has a check ahead, or a run under way that will arm one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import ExecutionType, Reason
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.additions import pending_additions
from remembrancer.policies.pause import armed_at_first
from remembrancer.ports.writes import NextCheck
from remembrancer.schedules.parsing import read_moment
from remembrancer.schedules.phrases import length_words
from remembrancer.schedules.reaction import pace_ms
from remembrancer.schedules.value_fields import read_length

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from remembrancer.model.execution import Execution
    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.reacting_schedules import Paced
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Skip

_LONGEST: Final = 10_000
_UNREADABLE: Final = (InvalidInput, ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""Errors of an answer that is no time; a handler may answer anything."""


class Pacing(NamedTuple):
    """The effect of an outcome on the next check: when it is, and a note for the record of the execution."""

    check: NextCheck | None = None
    code: Reason | None = None
    note: str | None = None


def pacing_of(task: ScheduledTask, execution: Execution, outcome: HandlerOutcome, now: datetime) -> Pacing:
    """Return the next check that follows from the outcome of a run, which ended at *now*."""
    asked = outcome.next_check
    if task.next_check_ms is None:
        return Pacing() if asked is None else _refused("its task is not of kind paced, and keeps its schedule.")
    if asked is None:
        return Pacing(_latest(task, execution, now))
    try:
        asked_ms = _asked_ms(asked, task, now)
    except _UNREADABLE as error:
        said = str(error) if isinstance(error, InvalidInput) else type(error).__name__
        return _refused(said)._replace(check=_latest(task, execution, now))
    least_ms, most_ms = (to_ms(now) + each for each in pace_ms(_value(task)))
    at_ms = min(max(asked_ms, least_ms), most_ms)
    check = NextCheck(at_ms, is_answer=True)
    if at_ms == asked_ms:
        return Pacing(check)
    bound = "least" if at_ms == least_ms else "most"
    length = length_words((at_ms - to_ms(now)) // 1000)
    note = f"The next check was asked for {to_iso(from_ms(asked_ms))}; it is {length} from the outcome, the {bound}."
    return Pacing(check, Reason.NEXT_CHECK_CLAMPED, note)


def check_after_loss(task: ScheduledTask, lost: Execution, now: datetime) -> NextCheck | None:
    """Return the next check after the end of a lost execution; None for a task of another kind."""
    return None if task.next_check_ms is None else _latest(task, lost, now)


def with_next_check(task: ScheduledTask, skip: Skip, now_ms: int) -> Skip:
    """Return *skip* with the next check of an agent-paced task, if nothing else is ahead of it."""
    if task.next_check_ms is None or skip.next_run_ms is not None:
        return skip
    at_ms = max(now_ms, skip.occurrences.last_ms) + pace_ms(_value(task))[1]
    gains = {**(skip.gains or {}), "next_check_ms": at_ms}
    return skip._replace(next_run_ms=at_ms, next_nominal_ms=at_ms, gains=gains)


def within_pace(task: ScheduledTask, now_ms: int) -> ScheduledTask:
    """Return an agent-paced task with a check ahead that its bounds allow from *now_ms* on; any other as it is."""
    check_ms = check_ahead_ms(task)
    if check_ms is None or check_ms <= (latest_ms := now_ms + pace_ms(_value(task))[1]):
        return task
    nominal_ms = min([latest_ms, *(each.at_ms for each in pending_additions(task))])
    return armed_at_first(task.model_copy(update={"next_check_ms": latest_ms, "nominal_ms": nominal_ms}))


def check_ahead_ms(task: ScheduledTask) -> int | None:
    """Return the time of the next check of *task*; None while none is ahead."""
    check_ms, begin_ms = task.next_check_ms, task.nominal_ms
    return check_ms if check_ms is not None and begin_ms is not None and begin_ms <= check_ms else None


def _latest(task: ScheduledTask, execution: Execution, now: datetime) -> NextCheck | None:
    """Return the check after an outcome that names none; a run by hand has none, since the scheduled ones go on."""
    if execution.execution_type is ExecutionType.MANUAL:
        return None
    return NextCheck(to_ms(now) + pace_ms(_value(task))[1], is_answer=False)


def _asked_ms(asked: datetime | timedelta | str, task: ScheduledTask, now: datetime) -> int:
    """Return the time that a handler named. Raises InvalidInput."""
    if isinstance(asked, str) and asked[:1].isdigit() and "-" not in asked:
        return to_ms(now) + read_length(asked, "next_check", "2h") * 1000
    return to_ms(read_moment(asked, "next_check", now=now, timezone=task.timezone))


def _refused(fault: str) -> Pacing:
    text = f"The next check was refused: {fault}"[:_LONGEST]
    return Pacing(None, Reason.NEXT_CHECK_REFUSED, text.encode("utf-8", "backslashreplace").decode()[:_LONGEST])


def _value(task: ScheduledTask) -> Paced:
    return cast("Paced", task.schedule)
