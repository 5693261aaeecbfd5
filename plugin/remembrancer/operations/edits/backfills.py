"""Backfills: the occurrences of a range in the past, and those that start. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.addition import MOST_ADDITIONS, Cause
from remembrancer.model.execution import ExecutionStatus, ExecutionType
from remembrancer.model.task import BackfillOccurrence
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.schedules.kinds import schedule_of
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask


def occurrences_between(
    task: ScheduledTask, start: datetime, end: datetime, executions: Sequence[Execution], *, again: bool
) -> list[BackfillOccurrence]:
    """Return the occurrences of the schedule of *task* from *start* to *end*, with what the backfill does to each.

    Those with an outcome to come are left out. One that has a completed execution starts only if *again* is true.

    Raises:
        InvalidInput: There are more than a backfill may have.
    """
    ahead_ms = task.nominal_ms
    until_ms = to_ms(end) if ahead_ms is None else min(to_ms(end), ahead_ms - 1)
    found = schedule_of(task).between(to_ms(start), until_ms, MOST_ADDITIONS + 1)
    if len(found) > MOST_ADDITIONS:
        sooner = to_iso(from_ms(found[MOST_ADDITIONS - 1]))
        raise InvalidInput("end", to_iso(end), f"a range with at most {MOST_ADDITIONS} occurrences", sooner)
    done = {time for each in executions if each.status is ExecutionStatus.COMPLETED for time in _times(each)}
    return [
        BackfillOccurrence(nominal_at=from_ms(each), completed=each in done, starts=again or each not in done)
        for each in found
    ]


def taken_ms(executions: Sequence[Execution]) -> set[int]:
    """Return the times of executions that the schedule or an addition began."""
    scheduled = (each for each in executions if each.execution_type is not ExecutionType.MANUAL)
    return {to_ms(each.nominal_at) for each in scheduled}


def _times(execution: Execution) -> list[int]:
    """Return the times that an execution stands for: its own, and the one that it made up for."""
    times = [to_ms(execution.nominal_at)]
    nominal = (execution.cause_detail or {}).get("nominal_at")
    if execution.cause is Cause.BACKFILL and isinstance(nominal, str):
        times.append(to_ms(read_moment(nominal, "nominal_at", now=execution.triggered_at)))
    return times
