"""Put a task off: when it acts next because of a deferral. Pure functions of (task, now)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remembrancer.engine.admission import read_id, read_reason
from remembrancer.errors import InvalidInput
from remembrancer.model.deferral import Deferral
from remembrancer.model.ids import new_id
from remembrancer.model.moment import from_ms, to_iso, to_ms
from remembrancer.ports.task_store import Rearm
from remembrancer.timing.reading import read_moment

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.outcome import Defer
    from remembrancer.model.task import ScheduledTask


def put_off(
    task: ScheduledTask,
    wish: Defer,
    now: datetime,
    original: datetime | None,
    context: dict[str, Any] | None = None,
) -> Rearm:
    """Return the deferral of *task* that *wish* asks for.

    *original* is the moment that is put off: of the execution that answers so, or None for the task's next run.
    A task that is put off already may be put off anew, to an earlier moment too.
    A recurring task keeps its place in its schedule: what it is held over is accounted for when its time comes.

    Raises:
        InvalidInput: The moment is no moment, not ahead, or not later than what it puts off.
    """
    until = read_moment(wish.until, "until", now=now, timezone=None)
    least = now if original or task.deferral_id or task.next_run_ms is None else max(now, from_ms(task.next_run_ms))
    if until <= least:
        allowed = f"a moment after {to_iso(least)}: a deferral goes forward, past now and past the run that it puts off"
        raise InvalidInput("until", to_iso(until), allowed, to_iso(from_ms(to_ms(least) + 3_600_000)))
    until_ms = to_ms(until)
    put = original or (None if task.next_run_ms is None else from_ms(task.next_run_ms))
    deferral = Deferral(
        deferral_id=new_id("defer", to_ms(now)),
        task_id=task.task_id,
        deferred_at=from_ms(to_ms(now)),
        original_time=put,
        deferred_until=until,
        reason=read_reason(wish.reason),
        deferral_count=task.deferral_count + 1,
        requested_by=None if wish.thought_id is None else read_id("thought_id", wish.thought_id),
        context=context,
    )
    nominal_ms = until_ms if task.schedule_cron is None or task.nominal_ms is None else task.nominal_ms
    return Rearm(deferral, next_run_ms=until_ms, next_nominal_ms=nominal_ms)
