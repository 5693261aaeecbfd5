"""What a due task does now: run, or account for moments that will not run. Pure functions of (task, now)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import new_id, occurrence_key
from remembrancer.model.moment import from_ms, to_iso
from remembrancer.model.policy import Misfire, TaskStatus
from remembrancer.ports.task_store import Claim
from remembrancer.timing.cron import parse_cron

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.timing.cron import Cron

BURST: Final = 1000
"""How many moments one decision enumerates at most; a longer outage is accounted for in several."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Moments that will not run, all for the same reason."""

    moments: list[int]
    status: ExecutionStatus
    code: Reason
    reason: str


@dataclass(frozen=True, slots=True)
class _At:
    """When and by whom it is decided."""

    now_ms: int
    replica_id: str


def cron_of(task: ScheduledTask) -> Cron | None:
    """Return the task's cron schedule, parsed once for all who share it; None for a one-time task."""
    if task.schedule_cron is None:
        return None
    hash_id = task.task_id if "H" in task.schedule_cron else None  # else one for all who share an expression
    return parse_cron(
        task.schedule_cron,
        timezone=task.timezone,
        gap=task.gap,
        fold=task.fold,
        seconds=task.seconds,
        hash_id=hash_id,
    )


def plan(task: ScheduledTask, now_ms: int, replica_id: str) -> Claim:
    """Return what to write for *task*, which is due at *now_ms*.

    One decision accounts for one run, or for one burst of moments that will not run; the task stays due until
    all its moments up to now are accounted for. Raises InvalidInput for a schedule that cannot be read.
    """
    assert task.next_run_ms is not None, "only an armed task is due"  # noqa: S101
    nominal_ms = task.next_run_ms if task.nominal_ms is None else task.nominal_ms
    at = _At(now_ms, replica_id)
    cron = cron_of(task)
    if cron is None:
        return _plan_once(task, nominal_ms, at)
    if task.deferral_id is not None:
        return _plan_put_off(task, cron, nominal_ms, at)
    after = cron.next_ms(nominal_ms)
    if after > now_ms and not _is_late(task, nominal_ms, now_ms):
        return _run(task, ExecutionType.CRON, nominal_ms, after, at)  # the ordinary case: one moment, in time
    most = BURST + (task.misfire_limit if task.misfire is Misfire.RUN_ALL else 0)
    pending = [nominal_ms, *cron.fires(after, now_ms, most - 1)]
    late = list(takewhile(lambda moment: _is_late(task, moment, now_ms), pending))
    kept = _kept(task, fresh=len(late) < len(pending))
    if gone := late[: max(0, len(late) - kept)]:
        rest = pending[len(gone)] if len(gone) < len(pending) else cron.next_ms(gone[-1])
        return _drop(task, _missed(task, gone, now_ms), rest, rest, at)
    return _run(task, ExecutionType.CRON, nominal_ms, after, at)


def _plan_once(task: ScheduledTask, nominal_ms: int, at: _At) -> Claim:
    """A one-time task runs, however late, unless its policy is to skip what is late."""
    if task.misfire is Misfire.SKIP and _is_late(task, nominal_ms, at.now_ms):
        return _drop(task, _missed(task, [nominal_ms], at.now_ms), None, None, at)
    kind = ExecutionType.DEFERRED if task.deferral_id else ExecutionType.ONE_TIME
    return _run(task, kind, nominal_ms, None, at)


def _plan_put_off(task: ScheduledTask, cron: Cron, nominal_ms: int, at: _At) -> Claim:
    """A recurring task that was put off runs once for all the moments it was held over, then goes on."""
    assert task.next_run_ms is not None  # noqa: S101
    until_ms = task.next_run_ms
    if held := [nominal_ms, *cron.fires(nominal_ms + 1, until_ms - 1, BURST - 1)] if nominal_ms < until_ms else []:
        after = cron.next_ms(held[-1])
        text = f"Held over: the task was put off until {to_iso(from_ms(until_ms))}."
        dropped = Dropped(held, ExecutionStatus.DEFERRED, Reason.HELD_BY_DEFERRAL, text)
        return _drop(task, dropped, until_ms, after, at)
    after = nominal_ms if nominal_ms > until_ms else cron.next_ms(until_ms)
    return _run(task, ExecutionType.DEFERRED, nominal_ms, after, at)


def _is_late(task: ScheduledTask, moment_ms: int, now_ms: int) -> bool:
    return now_ms - moment_ms > task.misfire_grace_seconds * 1000


def _kept(task: ScheduledTask, *, fresh: bool) -> int:
    """How many of the late moments still run."""
    if task.misfire is Misfire.RUN_ALL:
        return task.misfire_limit
    return 1 if task.misfire is Misfire.RUN_ONCE and not fresh else 0


def _missed(task: ScheduledTask, moments: list[int], now_ms: int) -> Dropped:
    """Say why late moments do not run."""
    late = (now_ms - moments[-1]) / 1000
    text = f"Found {late:.0f} s or more after its time (grace {task.misfire_grace_seconds:g} s, policy {task.misfire})."
    code = Reason.MISFIRE_SKIPPED if task.misfire is Misfire.SKIP else Reason.MISFIRE_COALESCED
    return Dropped(moments, ExecutionStatus.MISSED, code, text)


def _run(task: ScheduledTask, kind: ExecutionType, nominal_ms: int, after_ms: int | None, at: _At) -> Claim:
    """Claim one moment to run; *after_ms* is the task's next."""
    assert task.next_run_ms is not None  # noqa: S101
    put_off = kind is ExecutionType.DEFERRED
    execution = Execution(
        execution_id=new_id("exec", at.now_ms),
        # A put-off run is an occurrence of its own, at the moment it was put off to.
        occurrence_key=occurrence_key(task.task_id, task.next_run_ms if put_off else nominal_ms, 1),
        task_id=task.task_id,
        execution_type=kind,
        task_type=task.task_type,
        status=ExecutionStatus.RUNNING,
        nominal_at=from_ms(task.next_run_ms if put_off else nominal_ms),
        triggered_at=from_ms(at.now_ms),
        trigger_delay_ms=at.now_ms - task.next_run_ms,
        fence=task.fence + 1,
        replica_id=at.replica_id,
    )
    begins = task.status is TaskStatus.PENDING
    return Claim(execution, task.next_run_ms, after_ms, after_ms, TaskStatus.ACTIVE, put_off, begins)


def _drop(
    task: ScheduledTask, dropped: Dropped, next_run_ms: int | None, next_nominal_ms: int | None, at: _At
) -> Claim:
    """Claim a burst of moments that will not run."""
    assert task.next_run_ms is not None  # noqa: S101
    first = dropped.moments[0]
    recurring = task.schedule_cron is not None
    execution = Execution(
        execution_id=new_id("exec", at.now_ms),
        occurrence_key=occurrence_key(task.task_id, first, 1),
        task_id=task.task_id,
        execution_type=ExecutionType.CRON if recurring else ExecutionType.ONE_TIME,
        task_type=task.task_type,
        status=dropped.status,
        nominal_at=from_ms(first),
        last_nominal_at=from_ms(dropped.moments[-1]),
        occurrences=len(dropped.moments),
        triggered_at=from_ms(at.now_ms),
        completed_at=from_ms(at.now_ms),
        duration_seconds=0.0,
        fence=task.fence + 1,
        replica_id=at.replica_id,
        reason_code=dropped.code,
        reason=dropped.reason,
    )
    status = TaskStatus.FAILED if next_run_ms is None else task.status
    begins = task.status is TaskStatus.PENDING and status is not TaskStatus.PENDING
    return Claim(execution, task.next_run_ms, next_run_ms, next_nominal_ms, status, begins=begins)
