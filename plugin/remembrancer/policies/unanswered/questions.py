"""Questions: a run that waits for an answer, and the policy for a question whose time is over. Pure functions.

A question is a live deferral without an end of its own. Its task is armed for the time at which `on_no_answer` has its
effect, or not at all. Laws: a run that waits never begins without an answer. No answer is never a refusal: each has a
reason code of its own. An answer outranks the clock: it closes the question, and a claim or a reminder that was decided
before it is lost, because the answer has moved the fence.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_TEXT, read_id, read_line, read_text, read_word
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.question import Answer, OnNoAnswer, Question, answer_from, question_from
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.decision import Remind, Skip, Wait
from remembrancer.policies.occurrences import OccurrenceRange, run_without_pause_ms
from remembrancer.policies.pause import armed_in_pause
from remembrancer.policies.unanswered.deferral import Waiting, deferral, rescheduled
from remembrancer.schedules.value_fields import read_length

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.handler_result import Ask
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation
    from remembrancer.policies.unanswered.deferral_limits import DeferralTerms
    from remembrancer.ports.writes import Change, Reschedule

MOST_ASKED_OF: Final = 20
"""The most people or roles that one question is asked of."""
LONGEST_NAME_OF: Final = 200
"""Characters of one of them."""
MOST_REMINDERS: Final = 1000
"""The most reminders of one question."""
_CENTURY: Final = timedelta(days=36_500)


def unanswered(task: ScheduledTask, situation: Situation, context: PlanContext) -> Skip | Remind | Wait | None:
    """Decide about a run that waits for an answer, or was refused by one; None for any other.

    When the time for an answer is over, the question is asked again, or the run is skipped as `no_answer`. A run that
    was answered with no is skipped as `answered_no`. The occurrences that passed meanwhile are held by the deferral.
    """
    if task.question_id is None:
        return None if task.answer is None else _refused(task, situation, context)
    question = question_from(task.question or "")
    if question.answer_by is None or to_ms(question.answer_by) > context.now_ms:
        return Wait("The task waits for an answer.")
    again = asked_again(question, context.now)
    if again is not None:
        return Remind(again, is_escalation=again.asked_of != question.asked_of)
    reason = f"No answer came by {to_iso(question.answer_by)} to: {question.question}"
    return _ended(task, situation, context, (Reason.NO_ANSWER, reason, TaskStatus.FAILED))


def ask(task: ScheduledTask, wish: Ask, now: datetime, original: datetime | None, terms: DeferralTerms) -> Reschedule:
    """Return the deferral of *task* until it has an answer; *original* is as in `defer`.

    Raises:
        InvalidInput: A field of *wish* is wrong, or the task has an open question.
        DeferralsExhausted: The deferral lies beyond the limits of deferrals in a row.
    """
    asked, policy, within, thought_id = wish_of(wish)
    until = None if within is None else from_ms(to_ms(now + within))
    made = rescheduled(task, Waiting(until, asked, thought_id), now, original, terms)
    run_at = made.deferral.original_time or made.deferral.deferred_at
    question = Question(
        question_id=made.deferral.deferral_id,
        task_id=task.task_id,
        task=task.name,
        question=asked,
        asked_of=_names("of", wish.of),
        asked_at=made.deferral.deferred_at,
        run_at=run_at,
        answer_by=until,
        within_seconds=None if within is None else within.total_seconds(),
        on_no_answer=policy,
        reminders_left=_reminders(wish.reminders) if policy is OnNoAnswer.REMIND else 0,
        escalate_to=_escalation(wish) if policy is OnNoAnswer.ESCALATE else (),
    )
    return made.asking(question)


def wish_of(wish: Ask) -> tuple[str, OnNoAnswer, timedelta | None, str | None]:
    """Return the text, the policy, the time and the thought of a question. Raises InvalidInput: a field is wrong."""
    text = read_text("question", wish.question, LONGEST_TEXT, _EXAMPLE)
    within = None if wish.within is None else _length(wish.within)
    _names("of", wish.of)
    _names("escalate_to", wish.escalate_to)
    _reminders(wish.reminders)
    thought_id = None if wish.thought_id is None else read_id("thought_id", wish.thought_id)
    return text, _policy(wish), within, thought_id


def answer_text(given: object) -> str:
    """Check the text of an answer; `yes` and `no` in small letters. Raises InvalidInput."""
    said = read_text("answer", given, LONGEST_TEXT, "yes").strip()
    return said.lower() if said.lower() in {"yes", "no"} else said


def asked_again(question: Question, now: datetime) -> Question | None:
    """Return the question as it is asked again at *now*; None if it is given up."""
    if question.within_seconds is None:
        return None
    by = from_ms(to_ms(now) + int(question.within_seconds * 1000))
    if question.reminders_left > 0:
        return question.model_copy(update={"answer_by": by, "reminders_left": question.reminders_left - 1})
    if question.escalate_to:
        return question.model_copy(update={"answer_by": by, "asked_of": question.escalate_to, "escalate_to": ()})
    return None


def answered(task: ScheduledTask, text: str, change: Change) -> tuple[ScheduledTask, Answer]:
    """Return *task* as it is once its question is answered, and the answer.

    The run that waited is due at its own time, or now if that has passed; a paused task keeps to its pause.

    Raises:
        InvalidInput: The task has no open question, or the answer is no text.
    """
    if task.question_id is None or task.question is None:
        raise InvalidInput("task_id", task.task_id, f"a task with an open question{_said(task)}", None)
    question, now_ms = question_from(task.question), to_ms(change.at)
    word = answer_text(text)
    planned_ms = to_ms(question.run_at)
    run_ms = planned_ms if planned_ms > now_ms else max(now_ms, planned_ms + 1)  # no occurrence has that time yet
    answer = Answer(
        question_id=question.question_id,
        question=question.question,
        text=word,
        is_refusal=word == "no",
        answered_by=change.actor,
        surface=change.surface,
        answered_at=change.at,
        run_at=from_ms(run_ms),
    )
    closed = {"question_id": None, "question": None, "answer": answer.model_dump_json(), "defer_until": answer.run_at}
    after = task.model_copy(update={**closed, "next_run_ms": run_ms})
    return (after if task.paused_at is None else armed_in_pause(after, run_ms)), answer


def is_answered(task: ScheduledTask) -> bool:
    """Return whether the next run of a task waited for an answer, and has one."""
    return None not in (task.answer, task.deferral_id) and _answer(task).question_id == task.deferral_id


def is_refused(task: ScheduledTask) -> bool:
    """Return whether the run of a task waited for an answer, and that was no."""
    return is_answered(task) and _answer(task).is_refusal


def _answer(task: ScheduledTask) -> Answer:
    return answer_from(task.answer or "")


def _refused(task: ScheduledTask, situation: Situation, context: PlanContext) -> Skip | None:
    """Skip the run of a question that was answered with no; None for any other answer, or an earlier one."""
    if not is_refused(task):
        return None
    answer = _answer(task)
    who = answer.answered_by or "A caller"
    reason = f"{who} answered no to: {answer.question}"
    return _ended(task, situation, context, (Reason.ANSWERED_NO, reason, TaskStatus.CANCELLED))


def _ended(
    task: ScheduledTask, situation: Situation, context: PlanContext, how: tuple[Reason, str, TaskStatus]
) -> Skip:
    """Skip the run that waited, once those before it that it held are accounted for."""
    code, reason, status = how
    run = deferral(task, situation, context)
    if isinstance(run, Skip):
        return run
    run_ms = run_without_pause_ms(task)
    assert run_ms is not None  # noqa: S101 (only an armed task is due)
    next_ms = None if run is None else run.next_ms
    one = OccurrenceRange(run_ms, run_ms, 1)
    skipped = Skip(one, ExecutionStatus.SKIPPED, code, reason[:10_000], next_ms, next_ms)
    return skipped._replace(ends_deferral=True, ends_as=status)


def _policy(wish: Ask) -> OnNoAnswer:
    given = wish.on_no_answer
    usual = OnNoAnswer.WAIT if wish.within is None else OnNoAnswer.GIVE_UP
    policy = usual if given is None else read_word("on_no_answer", given, OnNoAnswer, usual.value)
    if policy is OnNoAnswer.WAIT and wish.within is not None:
        raise InvalidInput(
            "within", str(wish.within), "no time beside on_no_answer=wait, which waits without an end", None
        )
    if policy is not OnNoAnswer.WAIT and wish.within is None:
        raise InvalidInput(
            "within", None, f"the time for an answer, after which on_no_answer={policy} has its effect", "2d"
        )
    return policy


def _length(given: timedelta | str) -> timedelta:
    length = given if isinstance(given, timedelta) else timedelta(seconds=read_length(given, "within", "2d"))
    if not timedelta(seconds=1) <= length <= _CENTURY:
        raise InvalidInput("within", str(given), "a length of time from 1 second to 100 years", "2d")
    return length


def _names(field: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, str | list | tuple):
        raise InvalidInput(field, given, "the name of a person or a role, or a list of them", ["ada"])
    names = (given,) if isinstance(given, str) else tuple(cast("Sequence[object]", given))
    if len(names) > MOST_ASKED_OF:
        raise InvalidInput(field, len(names), f"at most {MOST_ASKED_OF} people or roles", ["ada"])
    return tuple(dict.fromkeys(read_line(field, each, LONGEST_NAME_OF, "ada") for each in names))


def _escalation(wish: Ask) -> tuple[str, ...]:
    names = _names("escalate_to", wish.escalate_to)
    if not names:
        raise InvalidInput("escalate_to", None, "the people or roles that are asked next", ["on-call"])
    return names


def _reminders(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_REMINDERS:
        raise InvalidInput("reminders", given, f"a whole number from 1 to {MOST_REMINDERS:,}", 3)
    return given


def _said(task: ScheduledTask) -> str:
    """Return the answer that the last question of a task has, in words; nothing without one."""
    if task.answer is None:
        return ""
    answer = answer_from(task.answer)
    by = f" by {answer.answered_by}" if answer.answered_by else ""
    return f"; its last one was answered{by} at {to_iso(answer.answered_at)}"


_EXAMPLE: Final = "May I book the flight?"
