"""The dependencies policy: an occurrence waits for outcomes of other tasks. A pure function.

The laws:

- An occurrence whose dependencies allow it runs, however long it has waited for them; it is late only if it was not
  claimed within the grace from then on.
- One that waits is parked under the task in its way, with the reason.
- One whose dependency has an outcome that cancels does not run, with the reason `dependency_failed`; a one-time task
  ends as CANCELLED.
- One that still waits when a later occurrence of its task is due does not run, with the reason `dependency_unmet`,
  unless its `misfire` is `run_all`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.addition import Cause
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.policy import Misfire
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import LAST_MS, from_ms, to_iso
from remembrancer.policies.additions import additions_of, pending_additions
from remembrancer.policies.decision import Park, Run, Skip, Wait
from remembrancer.policies.dependencies.joins import told, verdict
from remembrancer.policies.occurrences import OccurrenceRange, due_ms, holds_occurrences, last_of, next_of
from remembrancer.policies.pause import pause
from remembrancer.policies.run_when_due import run_when_due
from remembrancer.policies.unanswered.questions import is_refused
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation
    from remembrancer.policies.dependencies.joins import Verdict

TASK_KEY: Final = "task:"
"""The beginning of the wait key of a task that waits for another one: the id of that follows."""
_LONGEST: Final = 1000
"""Characters of a reason."""


def dependencies(task: ScheduledTask, situation: Situation, context: PlanContext) -> Run | Skip | Park | None:
    """Let an occurrence wait for the tasks that its task depends on; None if they allow it, or there are none."""
    if not task.depends_on or _is_exempt(task, situation, context):
        return None
    joints = situation.dependencies.get(task.task_id)
    if joints is None:  # nothing was read about it: it must not run
        return Park(f"{TASK_KEY}{task.depends_on[0].task}", "Its dependencies are not known yet.")
    answer = verdict(task.trigger_rule, joints)
    if answer.is_cancelled:
        return _skipped(task, due_ms(task), Reason.DEPENDENCY_FAILED, told(task.trigger_rule, answer))
    if answer.ready_ms is not None and answer.ready_ms <= context.now_ms:
        return _released(task, situation, context, answer.ready_ms)
    return _unmet(task, context) or _parked(task, answer)


def _parked(task: ScheduledTask, answer: Verdict) -> Park:
    """Let an occurrence wait for the task in its way, or until its delay is over."""
    if answer.waits_for is None:
        at = to_iso(from_ms(answer.ready_ms or 0))
        return Park(
            f"{TASK_KEY}{task.depends_on[0].task}", f"The outcomes that it depends on have come; it runs at {at}."
        )
    return Park(f"{TASK_KEY}{answer.waits_for.dependency.task}", told(task.trigger_rule, answer)[:_LONGEST])


def _is_exempt(task: ScheduledTask, situation: Situation, context: PlanContext) -> bool:
    """Return whether an occurrence waits for none.

    It makes up for a past one, does not run because of a pause, waits for an answer or was refused by one, or is one
    that a live deferral held.
    """
    if task.question_id is not None or is_refused(task) or holds_occurrences(task):
        return True
    if task.paused_at is not None and isinstance(pause(task, situation, context), Skip | Wait):
        return True
    if task.additions is None or task.deferral_id is not None:
        return False
    addition = additions_of(task).at(due_ms(task))
    return addition is not None and addition.cause is Cause.BACKFILL


def _released(task: ScheduledTask, situation: Situation, context: PlanContext, ready_ms: int) -> Run | None:
    """Run an occurrence that has waited and is its task's only one that is due; None leaves it to other policies."""
    occurrence_ms = due_ms(task)
    if ready_ms <= occurrence_ms or task.deferral_id is not None or task.paused_at is not None:
        return None
    if context.now_ms - ready_ms > task.misfire_grace_seconds * 1000:
        return None
    if task.is_single:
        return run_when_due(task, situation, context)
    next_ms = next_of(remaining_schedule(task), occurrence_ms)
    return None if next_ms is not None and next_ms <= context.now_ms else run_when_due(task, situation, context)


def _unmet(task: ScheduledTask, context: PlanContext) -> Skip | None:
    """Give up the occurrences before the latest one that is due; None if there is one, or each waits in its turn."""
    if task.misfire is Misfire.RUN_ALL or task.is_single or task.deferral_id is not None or task.paused_at is not None:
        return None
    schedule, occurrence_ms, latest_ms = remaining_schedule(task), due_ms(task), context.now_ms
    for each in pending_additions(task) if task.additions is not None else ():
        if each.runs_late:
            latest_ms = min(latest_ms, each.at_ms - 1)
    if latest_ms <= occurrence_ms or not (later := schedule.count(occurrence_ms + 1, latest_ms)):
        return None
    last_ms = last_of(schedule, occurrence_ms, later, latest_ms, after=1)
    reason = "The outcomes that it depends on had not come when the next occurrence was due."
    unmet = OccurrenceRange(occurrence_ms, last_ms, later)
    next_ms = next_of(schedule, last_ms)
    return Skip(unmet, ExecutionStatus.MISSED, Reason.DEPENDENCY_UNMET, reason, next_ms, next_ms)


def _skipped(task: ScheduledTask, occurrence_ms: int, code: Reason, reason: str) -> Skip:
    """Return the end of an occurrence that its dependencies cancel."""
    next_ms = None if task.is_single else next_of(remaining_schedule(task), occurrence_ms)
    only = OccurrenceRange(occurrence_ms, occurrence_ms, 1)
    return Skip(
        only,
        ExecutionStatus.CANCELLED,
        code,
        reason[:_LONGEST],
        next_ms,
        next_ms,
        ends_deferral=task.deferral_id is not None,
        ends_as=TaskStatus.CANCELLED,
    )


def task_waited_for(task: ScheduledTask) -> str | None:
    """Return the task for which a task waits; None if it waits for none."""
    return None if task.wait_key is None else task_in(task.wait_key)


def task_in(wait_key: str) -> str | None:
    """Return the task that a wait key names; None for a wait for something else."""
    return wait_key.removeprefix(TASK_KEY) if wait_key.startswith(TASK_KEY) else None


def asked_again_ms(task: ScheduledTask, situation: Situation, context: PlanContext) -> int:
    """Return when a task that waits is to be asked about again: its delay is over, or it is due once more."""
    answer = verdict(task.trigger_rule, situation.dependencies.get(task.task_id, ()))
    times = [LAST_MS if answer.ready_ms is None else answer.ready_ms]
    if not task.is_single and task.misfire is not Misfire.RUN_ALL:
        times.append(next_of(remaining_schedule(task), due_ms(task)) or LAST_MS)
    return min((each for each in times if each > context.now_ms), default=LAST_MS)
