"""What a due task does now: run, or account for moments that will not run. Pure functions of (task, now)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from remembrancer.errors import RemembrancerError
from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import execution_id_of, occurrence_key
from remembrancer.model.policy import Misfire
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.ports.writes import Claim
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.exclusions import with_exclusions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.cron.expression import Cron

_SLICE: Final = 50
"""How many tasks are planned before others have their turn."""
_UNPLANNABLE: Final = (RemembrancerError, ValueError, TypeError, LookupError, ArithmeticError)
"""Errors of planning a task whose node holds nonsense; any other is a fault of the pass."""


@dataclass(frozen=True, slots=True)
class SkippedOccurrences:
    """Moments that will not run, all for the same reason."""

    first_ms: int
    last_ms: int
    occurrences: int
    status: ExecutionStatus
    code: Reason
    reason: str


@dataclass(frozen=True, slots=True)
class PlanContext:
    """When and by which replica it is decided; None for one that no replica made."""

    now_ms: int
    replica_id: str | None


def cron_of(task: ScheduledTask) -> Cron | None:
    """Return the task's cron schedule without the moments it passes over; None for a one-time task."""
    cron = schedule_of(task)
    return with_exclusions(cron, task.ahead_ms) if cron and task.ahead_ms else cron


def schedule_of(task: ScheduledTask) -> Cron | None:
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


def held_ms(task: ScheduledTask) -> int:
    """Return the moment until which a recurring task was held back when it was made; 0 without one."""
    return 0 if task.defer_until is None or task.deferral_id is not None else to_ms(task.defer_until)


def beginning_ms(task: ScheduledTask) -> int:
    """Return from when on each moment of the schedule up to its next one has an outcome."""
    return max(to_ms(task.created_at) + 1, held_ms(task)) if task.since_ms is None else task.since_ms


def plan(task: ScheduledTask, now_ms: int, replica_id: str) -> Claim:
    """Return what to write for *task*, which is due at *now_ms*.

    One decision accounts for one run, or for all moments in a row that will not run, which are counted, not named
    one by one: an outage of a year costs no more than one of an hour. The task stays due until all its moments up
    to now are accounted for. Raises InvalidInput for a schedule that cannot be read.
    """
    nominal_ms = _first_ms(task)
    assert nominal_ms is not None, "only an armed task is due"  # noqa: S101
    at = PlanContext(now_ms, replica_id)
    cron = cron_of(task)
    if task.deferral_id is not None:
        return _plan_put_off(task, cron, nominal_ms, at)
    if cron is None:
        return _plan_once(task, nominal_ms, at)
    after = cron.next_ms(nominal_ms)
    if after > now_ms and not _is_late(task, nominal_ms, now_ms):
        return _run(task, ExecutionType.CRON, nominal_ms, after, at)  # the ordinary case: one moment, in time
    if not _is_late(task, nominal_ms, now_ms):
        return _run(task, ExecutionType.CRON, nominal_ms, after, at)
    latest_ms = ceil(now_ms - task.misfire_grace_seconds * 1000) - 1
    late = 1 + cron.count(after, latest_ms)
    kept = _kept(task, fresh=cron.next_ms(max(latest_ms, nominal_ms)) <= now_ms)
    if late <= kept:
        return _run(task, ExecutionType.CRON, nominal_ms, after, at)
    gone = OccurrenceRange(nominal_ms, _last(cron, nominal_ms, late - kept, latest_ms, kept), late - kept)
    rest = cron.next_ms(gone.last_ms)
    return skip(task, _missed(task, gone, now_ms), rest, rest, at)


async def plan_page(
    due: Sequence[ScheduledTask], now_ms: int, replica_id: str
) -> tuple[list[Claim], list[tuple[ScheduledTask, Exception]]]:
    """Plan the tasks of one page, others having their turn in between; return also which cannot be planned, and why."""
    claims: list[Claim] = []
    faults: list[tuple[ScheduledTask, Exception]] = []
    for place, task in enumerate(due, 1):
        try:
            claims.append(plan(task, now_ms, replica_id))
        except _UNPLANNABLE as error:
            faults.append((task, error))
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return claims, faults


@dataclass(frozen=True, slots=True)
class OccurrenceRange:
    """Moments in a row: the first, the last, and how many they are."""

    first_ms: int
    last_ms: int
    occurrences: int


def pending_occurrences(task: ScheduledTask, now_ms: int) -> OccurrenceRange | None:
    """Return the moments of *task* that have come and have no outcome yet: its schedule's, and one it was put off to.

    Raises InvalidInput for a schedule that cannot be read.
    """
    named, armed_ms = _named(task, now_ms), deferred_run_ms(task)
    if armed_ms is None or armed_ms > now_ms:
        return named
    if named is None:
        return OccurrenceRange(armed_ms, armed_ms, 1)
    both = named.occurrences + (not is_scheduled_at(task, armed_ms))
    return OccurrenceRange(min(named.first_ms, armed_ms), max(named.last_ms, armed_ms), both)


def deferred_run_ms(task: ScheduledTask) -> int | None:
    """Return the moment of a run that was put off to it, whether or not the schedule names it; None without one."""
    put_off = task.deferral_id is not None or (task.next_run_ms or 0) < (_first_ms(task) or 0)
    return task.next_run_ms if put_off else None


def is_scheduled_at(task: ScheduledTask, moment_ms: int) -> bool:
    """Whether the schedule of *task* names the moment, and nothing has become of it yet."""
    if task.nominal_ms is None or moment_ms < task.nominal_ms:
        return False
    cron = cron_of(task)
    return moment_ms == (task.nominal_ms if cron is None else cron.next_ms(moment_ms - 1))


def _named(task: ScheduledTask, now_ms: int) -> OccurrenceRange | None:
    """Return the moments of the schedule that have no outcome yet, up to *now_ms*; None without any."""
    cron, moment = cron_of(task), _first_ms(task)
    if cron is None and task.next_run_ms is not None:
        now_ms = min(now_ms, task.next_run_ms)  # put off to before its only moment, it has that moment no more
    if moment is None or moment > now_ms:
        return None
    return OccurrenceRange(moment, moment, 1) if cron is None else _from(cron, moment, now_ms)


def _from(cron: Cron, first_ms: int, until_ms: int) -> OccurrenceRange:
    """Return the moments from *first_ms*, which is one, up to *until_ms*."""
    occurrences = 1 + cron.count(first_ms + 1, until_ms)
    return OccurrenceRange(first_ms, _last(cron, first_ms, occurrences, until_ms, 0), occurrences)


def _last(cron: Cron, first_ms: int, occurrences: int, until_ms: int, behind: int) -> int:
    """Return the last of so many moments from *first_ms* on, if *behind* more follow it up to *until_ms*."""
    return first_ms if occurrences == 1 else cron.last_ms(until_ms, behind + 1)


def _first_ms(task: ScheduledTask) -> int | None:
    """Return the first moment without an outcome; one that is put off may have none but that."""
    return task.next_run_ms if task.nominal_ms is None else task.nominal_ms


def _plan_once(task: ScheduledTask, nominal_ms: int, at: PlanContext) -> Claim:
    """A one-time task runs, however late, unless its policy is to skip what is late."""
    if task.misfire is Misfire.SKIP and _is_late(task, nominal_ms, at.now_ms):
        return skip(task, _missed(task, OccurrenceRange(nominal_ms, nominal_ms, 1), at.now_ms), None, None, at)
    kind = ExecutionType.DEFERRED if task.deferral_id else ExecutionType.ONE_TIME
    return _run(task, kind, nominal_ms, None, at)


def _plan_put_off(task: ScheduledTask, cron: Cron | None, nominal_ms: int, at: PlanContext) -> Claim:
    """A task that was put off runs once for all the moments it was held over, then goes on."""
    assert task.next_run_ms is not None  # noqa: S101
    until_ms = task.next_run_ms
    if nominal_ms < until_ms:
        held = _from(cron, nominal_ms, until_ms - 1) if cron else OccurrenceRange(nominal_ms, nominal_ms, 1)
        after = cron.next_ms(held.last_ms) if cron else until_ms
        return skip(
            task, skipped_by_deferral(held.first_ms, held.last_ms, held.occurrences, until_ms), until_ms, after, at
        )
    if cron is None:
        return _plan_once(task, until_ms, at)
    after = nominal_ms if nominal_ms > until_ms else cron.next_ms(until_ms)
    return _run(task, ExecutionType.DEFERRED, nominal_ms, after, at)


def skipped_by_deferral(first_ms: int, last_ms: int, occurrences: int, until_ms: int) -> SkippedOccurrences:
    """Say why moments do not run that passed while their task was put off."""
    text = f"Held over: the task was put off until {to_iso(from_ms(until_ms))}."
    return SkippedOccurrences(first_ms, last_ms, occurrences, ExecutionStatus.DEFERRED, Reason.HELD_BY_DEFERRAL, text)


def _is_late(task: ScheduledTask, moment_ms: int, now_ms: int) -> bool:
    return now_ms - moment_ms > task.misfire_grace_seconds * 1000


def _kept(task: ScheduledTask, *, fresh: bool) -> int:
    """How many of the late moments still run."""
    if task.misfire is Misfire.RUN_ALL:
        return task.misfire_limit
    return 1 if task.misfire is Misfire.RUN_ONCE and not fresh else 0


def _missed(task: ScheduledTask, gone: OccurrenceRange, now_ms: int) -> SkippedOccurrences:
    """Say why late moments do not run."""
    late = (now_ms - gone.last_ms) / 1000
    text = f"Found {late:.0f} s or more after its time (grace {task.misfire_grace_seconds:g} s, policy {task.misfire})."
    code = Reason.MISFIRE_SKIPPED if task.misfire is Misfire.SKIP else Reason.MISFIRE_COALESCED
    return SkippedOccurrences(gone.first_ms, gone.last_ms, gone.occurrences, ExecutionStatus.MISSED, code, text)


def _run(task: ScheduledTask, kind: ExecutionType, nominal_ms: int, after_ms: int | None, at: PlanContext) -> Claim:
    """Claim one moment to run; *after_ms* is the task's next."""
    assert task.next_run_ms is not None  # noqa: S101
    put_off = kind is ExecutionType.DEFERRED
    if put_off:  # it is an occurrence of its own, at the moment that it was put off to
        nominal_ms = task.next_run_ms
    key = occurrence_key(task.task_id, nominal_ms, 1)
    execution = Execution(
        execution_id=execution_id_of(key, nominal_ms),
        occurrence_key=key,
        task_id=task.task_id,
        execution_type=kind,
        task_type=task.task_type,
        status=ExecutionStatus.RUNNING,
        nominal_at=from_ms(nominal_ms),
        triggered_at=from_ms(at.now_ms),
        trigger_delay_ms=max(0, at.now_ms - max(task.next_run_ms, to_ms(task.created_at))),
        fence=task.fence + 1,
        replica_id=at.replica_id,
    )
    begins = task.status is TaskStatus.PENDING
    return Claim(execution, task.next_run_ms, after_ms, after_ms, TaskStatus.ACTIVE, put_off, begins)


def skip(
    task: ScheduledTask,
    dropped: SkippedOccurrences,
    next_run_ms: int | None,
    next_nominal_ms: int | None,
    at: PlanContext,
) -> Claim:
    """Claim a burst of moments that will not run."""
    assert task.next_run_ms is not None  # noqa: S101
    recurring = task.schedule_cron is not None
    key = occurrence_key(task.task_id, dropped.first_ms, 1)
    execution = Execution(
        execution_id=execution_id_of(key, dropped.first_ms),
        occurrence_key=key,
        task_id=task.task_id,
        execution_type=ExecutionType.CRON if recurring else ExecutionType.ONE_TIME,
        task_type=task.task_type,
        status=dropped.status,
        nominal_at=from_ms(dropped.first_ms),
        last_nominal_at=from_ms(dropped.last_ms),
        occurrences=dropped.occurrences,
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
