"""Attempts: the one that follows a failed one, and the time from which on it starts. Pure functions.

The laws of retries after a failure:

- Without `retry`, another attempt follows only where the handler answered `Retry`.
- There are at most `max_attempts` at an occurrence, lost ones among them.
- An occurrence has one outcome, that of its last attempt. Each attempt before it failed.
- None follows a failure that is permanent, or that `retry` excludes.
- One follows a worker that was lost: its work comes back at once.
- None begins after the deadline of the occurrence.
- None begins later than `within` seconds after the start of the first, whatever held it.
- One that waits is given up if its task loses its `retry`, or has had enough attempts by a lower `max_attempts`: the
  failure before is the outcome then, with all that follows from one.
- Each attempt has the input of the first, also where a dead letter was run again with another.
- A wait with jitter is the same on each replica: the key of the attempt draws it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from remembrancer.model.execution import Execution, ExecutionStatus, Reason
from remembrancer.model.ids import attempt_id, next_attempt
from remembrancer.model.json_bounds import read_stored
from remembrancer.model.retry_policy import policy_of
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.unanswered.deadline import attempts_until_ms

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.retry_policy import RetryPolicy
    from remembrancer.model.task import ScheduledTask

_FAULTS: Final = frozenset({Reason.HANDLER_FAILED, Reason.HANDLER_RAISED, Reason.TIMED_OUT, Reason.RETRY_REQUESTED})
"""The failures that an attempt may follow: those of a handler. A lost execution follows `on_lost`."""
_WHOLE: Final = 2**64
NO_RETRY: Final = "The task has no retry."
"""Why no attempt follows a failure of most tasks."""
_ONE: Final = "The task has one attempt (max_attempts)."
RERUN_FIELDS: Final = ("trigger_prompt", "context")
"""The fields of its task that a rerun may have others of."""


class NextAttempt(NamedTuple):
    """The attempt after a failure: its time (epoch ms), or None with the reason why none follows."""

    due_ms: int | None
    ended_because: str | None


NO_FAILURE: Final = NextAttempt(None, None)
"""No attempt follows what is no failure, and that needs no reason."""


def next_attempt_after(
    task: ScheduledTask, execution: Execution, outcome: HandlerOutcome, now: datetime
) -> NextAttempt:
    """Return when the attempt after a failed one starts, or why the failure is the outcome."""
    if execution.attempt >= task.max_attempts:
        return NextAttempt(None, _at_most(task))
    is_lost = outcome.reason_code is Reason.WORKER_LOST
    wait = 0.0 if is_lost else _wait_seconds(task, execution, outcome)
    if isinstance(wait, str):
        return NextAttempt(None, wait)
    due_ms = to_ms(now) + round(wait * 1000)
    over = _over_because(task, policy_of(task.retry), execution, due_ms)
    return NextAttempt(None, over) if over else NextAttempt(due_ms, None)


def given_up_because(task: ScheduledTask, failed: Execution, now: datetime) -> str | None:
    """Return why an attempt that waits is not to begin: its task changed, or it is too late. None if it may."""
    if failed.attempt >= task.max_attempts:
        return _at_most(task)
    if task.retry is None and failed.reason_code not in {Reason.RETRY_REQUESTED, Reason.WORKER_LOST}:
        return NO_RETRY
    return _over_because(task, policy_of(task.retry), failed, to_ms(now))


def _at_most(task: ScheduledTask) -> str:
    return f"It has had {task.max_attempts} attempts (max_attempts)." if task.max_attempts > 1 else _ONE


def _over_because(task: ScheduledTask, policy: RetryPolicy, failed: Execution, at_ms: int) -> str | None:
    """Return why this time is too late for the attempt after *failed*; None if it is not."""
    until_ms = attempts_until_ms(task, failed)
    if until_ms is not None and at_ms >= until_ms:
        return "Another attempt would begin after the deadline of the occurrence (deadline_seconds)."
    since_ms = failed.retry_since_ms or to_ms(failed.triggered_at)
    if policy.within is not None and at_ms > since_ms + cast("float", policy.within) * 1000:
        return f"Another attempt would begin later than {policy.within:g} s after the first (within)."
    return None


def _wait_seconds(task: ScheduledTask, execution: Execution, outcome: HandlerOutcome) -> float | str:
    """Return the wait before the attempt after a handler's failure, or why none follows it."""
    asked = outcome.retry
    if outcome.is_permanent:
        return "Its handler said that another attempt would fail too (permanent)."
    if outcome.reason_code not in _FAULTS:
        return "It is no failure that an attempt follows."
    if task.retry is None and asked is None:
        return NO_RETRY
    policy = policy_of(task.retry)
    if asked is None and is_excluded(policy, outcome):
        return "Its retry policy excludes this failure (retry_on, give_up_on)."
    if asked is not None and asked.after is not None:
        return cast("float", asked.after)
    return policy.wait_seconds(execution.attempt, _chance(execution))


def is_excluded(policy: RetryPolicy, outcome: HandlerOutcome) -> bool:
    """Return whether a policy has no attempt follow such a failure."""
    names = {*outcome.faults, str(outcome.reason_code)}
    return not names.isdisjoint(policy.give_up_on) or (bool(policy.retry_on) and names.isdisjoint(policy.retry_on))


def next_execution(former: Execution, now_ms: int, replica_id: str) -> Execution:
    """Return the next attempt at the same occurrence, begun by this replica."""
    key = next_attempt(former.occurrence_key, former.attempt + 1)
    return Execution(
        execution_id=attempt_id(former.execution_id, former.attempt + 1),
        occurrence_key=key,
        task_id=former.task_id,
        execution_type=former.execution_type,
        task_type=former.task_type,
        status=ExecutionStatus.RUNNING,
        nominal_at=former.nominal_at,
        triggered_at=from_ms(now_ms),
        attempt=former.attempt + 1,
        retry_since_ms=former.retry_since_ms or to_ms(former.triggered_at),
        replica_id=replica_id,
        cause=former.cause,
        cause_detail=former.cause_detail,
        limit_keys=former.limit_keys,
        rerun_input=former.rerun_input,
    )


def with_rerun_input(task: ScheduledTask, execution: Execution) -> ScheduledTask:
    """Return *task* with the input that one execution has instead: each attempt at a rerun has that of the first."""
    if execution.rerun_input is None:
        return task
    kept = cast("dict[str, object]", read_stored(execution.rerun_input))
    return task.model_copy(update={name: kept[name] for name in RERUN_FIELDS if name in kept})


def _chance(execution: Execution) -> float:
    """Return a number from 0 to 1 that the key of an execution draws."""
    digest = blake2b(execution.occurrence_key.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _WHOLE
