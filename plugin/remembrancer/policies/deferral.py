"""Put a task off: when it acts next because of a deferral. Pure functions of (task, now)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_id, read_reason
from remembrancer.model.deferral import Deferral
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.pipeline import PlanContext, deferred_run_ms, is_scheduled_at, skip, skipped_by_deferral
from remembrancer.ports.writes import Reschedule
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.handler_result import Defer
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim


def defer(
    task: ScheduledTask,
    wish: Defer,
    now: datetime,
    original: datetime | None,
    context: dict[str, Any] | None = None,
) -> Reschedule:
    """Return the deferral of *task* that *wish* asks for.

    *original* is the moment that is put off: of the execution that answers so, or None for the task's next run.
    A task that is deferred already may be deferred again, to an earlier moment too: one rule holds for both. Back to
    before the moment that is held, there would be a run too many: that moment is still to be served by the schedule.
    The task keeps its place in its schedule: what it is held over is accounted for when its time comes. A moment to
    which it was put off before is not in its schedule; if that one has come, it is accounted for here.

    Raises:
        InvalidInput: The moment is no moment, not ahead, or not later than what it puts off.
    """
    until = read_moment(wish.until, "until", now=now, timezone=None)
    until_ms, now_ms = to_ms(until), to_ms(now)
    least = max(now, from_ms(_deferred_ms(task, by_handler=original is not None)))
    if until_ms <= to_ms(least):
        allowed = f"a moment after {to_iso(least)}: a deferral goes forward, past now and past the run that it puts off"
        raise InvalidInput("until", to_iso(until), allowed, to_iso(from_ms(to_ms(least) + 3_600_000)))
    put = original or (None if task.next_run_ms is None else from_ms(task.next_run_ms))
    deferral = Deferral(
        deferral_id=new_id("defer", now_ms),
        task_id=task.task_id,
        deferred_at=from_ms(now_ms),
        original_time=put,
        deferred_until=until,
        reason=read_reason(wish.reason),
        requested_by=None if wish.thought_id is None else read_id("thought_id", wish.thought_id),
        context=context,
    )
    return Reschedule(deferral, until_ms, _put_off_again(task, until_ms, now_ms))


def deferred(task: ScheduledTask, rearm: Reschedule) -> ScheduledTask:
    """Return *task* as it stands once *rearm* is written."""
    entry = rearm.deferral.history_entry(task.deferred_task_id)
    gained = {
        "next_run_ms": rearm.next_run_ms,
        "defer_until": rearm.deferral.deferred_until,
        "deferral_id": rearm.deferral.deferral_id,
        "deferral_count": task.deferral_count + 1,
        "deferral_history": [*task.deferral_history, entry],
        "fence": (rearm.unserved.execution.fence if rearm.unserved else task.fence) + 1,
    }
    return task.model_copy(update=gained)


def _deferred_ms(task: ScheduledTask, *, by_handler: bool) -> int:
    """Return the moment that a deferral must lie behind, beside now; 0 without one.

    That is the first moment which a live deferral holds; without one, the next run, unless a handler defers its own.
    """
    if task.deferral_id is None:
        return 0 if by_handler else task.next_run_ms or 0
    held = task.nominal_ms is not None and task.next_run_ms is not None and task.nominal_ms <= task.next_run_ms
    return (task.nominal_ms or 0) if held else 0


def _put_off_again(task: ScheduledTask, until_ms: int, now_ms: int) -> Claim | None:
    """Account for the run of a task that was put off before to a moment which has come, and which nobody served."""
    before_ms = deferred_run_ms(task)
    if before_ms is None or before_ms > now_ms or is_scheduled_at(task, before_ms):
        return None
    return skip(
        task,
        skipped_by_deferral(before_ms, before_ms, 1, until_ms),
        before_ms,
        task.nominal_ms,
        PlanContext(now_ms, None),
    )
