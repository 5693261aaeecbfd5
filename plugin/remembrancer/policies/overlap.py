"""Overlap: what becomes of an occurrence that comes while another execution under its overlap key is under way.

The overlap key is a limit of one slot, which the claim itself takes. So no two executions under one key run at once, on
whichever replicas. The first that waits for its next attempt after a failure counts as under way: its occurrence has no
outcome yet. What has waited for another to end is not late: the misfire policy does not judge it.

Laws, by the word of the occurrence that comes:

- `skip`: it is skipped. The reason names the execution in its way.
- `buffer_one`: it waits and then runs. Those of its task that came in the meantime are skipped.
- `buffer_all`: it waits, and each runs in its turn, the first first: at most 1,000 of them, the latest.
- `cancel_other`: the other is asked to stop. Then the latest that has come runs, and those before it are skipped.
- `terminate_other`: the other is cancelled in the graph, and it runs at once.
- `allow_all`: it runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.limit import OVERLAP, WAIT
from remembrancer.model.policy import OnLost, Overlap
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.claims import claim_of, skip_claim
from remembrancer.policies.decision import Skip
from remembrancer.policies.occurrences import OccurrenceRange, due_ms, last_of, next_of, occurrences_from
from remembrancer.policies.run_when_due import run_when_due
from remembrancer.policies.settlement import recovery_of
from remembrancer.ports.writes import Recovery
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Decision, PlanContext, Situation
    from remembrancer.ports.writes import Claim

WAITS: Final = frozenset({None, Overlap.ALLOW_ALL, Overlap.BUFFER_ONE, Overlap.BUFFER_ALL})
"""The policies of tasks that only wait where something is full."""
_MOST: Final = 1_000
"""The most occurrences of one task that wait for their turn."""


def overlap(task: ScheduledTask, situation: Situation, context: PlanContext) -> Decision | None:
    """Decide about an occurrence that has waited for others to end; None for any other."""
    if task.overlap is None or not _has_waited(task):
        return None
    if not task.is_single and (skipped := _passed_over(task, context)):
        return skipped
    return run_when_due(task, situation, context)


def with_waiting(task: ScheduledTask, claim: Claim, context: PlanContext) -> list[Claim]:
    """Return the claim of a run, with what becomes of the occurrences that came while it waited for another to end."""
    next_ms = claim.next_nominal_ms
    if task.overlap is None or next_ms is None or next_ms > context.now_ms or not _has_waited(task):
        return [claim]
    if (
        claim.execution.status is not ExecutionStatus.RUNNING
        or claim.execution.execution_type is ExecutionType.DEFERRED
    ):
        return [claim]
    if task.overlap is Overlap.BUFFER_ONE:
        return [claim, _behind(task, claim, next_ms, context)]
    return [replace(claim, gains={**(claim.gains or {}), "buffered_ms": context.now_ms})]


def skipped(task: ScheduledTask, claim: Claim, in_the_way: str, context: PlanContext) -> Claim:
    """Return the claim that skips the occurrence of a *claim* which found another in its way."""
    at_ms, next_ms = to_ms(claim.execution.nominal_at), claim.next_run_ms
    one = OccurrenceRange(at_ms, at_ms, 1)
    skip = Skip(one, ExecutionStatus.SKIPPED, Reason.OVERLAP, in_the_way, next_ms, next_ms, claim.ends_deferral)
    made = claim_of(task, skip, context)
    assert made, "a skip is written"  # noqa: S101
    return made


def replaced(task: ScheduledTask | None, execution: Execution, by: str, now: datetime) -> Recovery:
    """Return how an execution is settled whose place another takes at once; *task* is None for an unreadable one."""
    alone = None if task is None else task.model_copy(update={"on_lost": OnLost.FAIL})
    ended = recovery_of(alone, execution, now, execution.replica_id or "").settlement
    changed = {"status": ExecutionStatus.CANCELLED, "reason_code": Reason.REPLACED, "reason": by}
    return Recovery(replace(ended, **changed), None)  # pyright: ignore[reportArgumentType] (fields of a settlement)


def waits_for_overlap(task: ScheduledTask) -> bool:
    """Return whether a task waits for another execution under its overlap key to end."""
    return task.wait_key is not None and task.wait_key.startswith(WAIT + OVERLAP)


def _has_waited(task: ScheduledTask) -> bool:
    return waits_for_overlap(task) or (task.buffered_ms is not None and due_ms(task) <= task.buffered_ms)


def _passed_over(task: ScheduledTask, context: PlanContext) -> Skip | None:
    """Return the skip of occurrences that later ones replace; None without any."""
    if task.overlap not in {Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER, Overlap.TERMINATE_OTHER}:
        return None
    if task.deferral_id is not None:
        return None
    still_run = _MOST if task.overlap is Overlap.BUFFER_ALL else 1
    first_ms, schedule = due_ms(task), remaining_schedule(task)
    count = 1 + schedule.count(first_ms + 1, context.now_ms)
    if count <= still_run:
        return None
    last_ms = last_of(schedule, first_ms, count - still_run, context.now_ms, after=still_run)
    reason = "A later occurrence came while it waited for another execution to end, and runs in its place."
    next_ms = next_of(schedule, last_ms)
    gone = OccurrenceRange(first_ms, last_ms, count - still_run)
    gains = {"buffered_ms": context.now_ms}
    return Skip(gone, ExecutionStatus.SKIPPED, Reason.OVERLAP, reason, next_ms, next_ms, gains=gains)


def _behind(task: ScheduledTask, claim: Claim, next_ms: int, context: PlanContext) -> Claim:
    """Return the skip of the occurrences that came while that of *claim* waited; it is won only after that one."""
    begun = {
        "fence": claim.execution.fence,
        "status": TaskStatus.ACTIVE,
        "next_run_ms": claim.next_run_ms,
        "nominal_ms": next_ms,
        "wait_key": None,
        "deferral_id": None,
    }
    after, schedule = task.model_copy(update=begun), remaining_schedule(task)
    came = occurrences_from(schedule, next_ms, context.now_ms)
    following_ms = next_of(schedule, came.last_ms)
    reason = "An earlier occurrence waited for another execution to end, and runs first (buffer_one)."
    skip = Skip(came, ExecutionStatus.SKIPPED, Reason.OVERLAP, reason, following_ms, following_ms)
    return skip_claim(after, skip, context)
