"""The changes of single occurrences that a task keeps with another schedule, and those that end. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.addition import Cause
from remembrancer.model.execution import Reason
from remembrancer.model.skip_mark import skips_from, skips_text
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.additions import additions_of, pending_additions
from remembrancer.policies.skips import pending_skips
from remembrancer.schedules.kinds import remaining_schedule
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from remembrancer.model.addition import Addition
    from remembrancer.model.skip_mark import SkipMark
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim

_OF_THE_SCHEDULE: Final = frozenset({Cause.COMPLETION, Cause.CUE})
_NAMED: Final = 5
"""Times that a warning names."""


def kept_additions(task: ScheduledTask, fresh: ScheduledTask, now: datetime) -> list[Addition]:
    """Return the pending additions of *task* that stay when it becomes *fresh*, a task with another schedule.

    Those that a caller added or backfilled stay. A moved occurrence stays moved if its former time has passed, or if
    the other schedule names that time too; else both halves of the move end.
    """
    return [each for each in pending_additions(task) if _stays(each, task, fresh, now)]


def kept_skips(task: ScheduledTask, fresh: ScheduledTask, kept: Collection[Addition], now_ms: int) -> str | None:
    """Return the marks of *task* that stay: of kept additions, and of times ahead that the other schedule names."""
    times = {each.at_ms for each in kept}
    marks = pending_skips(task)
    return skips_text(
        each for each in marks if each.at_ms in times or (each.at_ms > now_ms and _names(fresh, each.at_ms))
    )


def apart_from(ended: Claim | None, kept: list[Addition], skips: str | None) -> tuple[list[Addition], str | None]:
    """Return the *kept* additions, and marks, with those before the last of the *ended* occurrences right after it.

    All occurrences before the next one of a task have outcomes, and a row of them has no other between.
    """
    if ended is None:
        return kept, skips
    row, times = ended.execution, {each.at_ms for each in kept}
    free_ms, later = to_ms(row.last_nominal_at or row.nominal_at), dict[int, int]()
    for at_ms in sorted(each for each in times if each <= free_ms):
        free_ms += 1
        while free_ms in times:
            free_ms += 1
        later[at_ms] = free_ms
    if not later:
        return kept, skips
    marks = [mark._replace(at_ms=later.get(mark.at_ms, mark.at_ms)) for mark in skips_from(skips)] if skips else []
    return [replace(each, at_ms=later.get(each.at_ms, each.at_ms)) for each in kept], skips_text(marks)


def ended_changes(before: ScheduledTask, after: ScheduledTask, now: datetime) -> list[str]:
    """Return warnings of the moves and skips of *before* that the schedule of *after* has ended."""
    if before.skips is None and before.additions is None:
        return []
    left, marks = {each.at_ms for each in pending_additions(after)}, {each.at_ms for each in pending_skips(after)}
    moved = [each for each in pending_additions(before) if each.at_ms not in left and each.cause is Cause.RESCHEDULED]
    origins = {_former_ms(each, now) for each in moved}
    skipped = [
        each.at_ms
        for each in pending_skips(before)
        if each.at_ms > to_ms(now) and each.at_ms not in marks and each.at_ms not in origins
    ]
    warnings: list[str] = []
    if moved:
        pairs = [f"{to_iso(from_ms(_former_ms(each, now)))} to {to_iso(from_ms(each.at_ms))}" for each in moved]
        warnings.append(f"The move of {_listed(pairs)} has ended: the schedule no longer has that occurrence.")
    if skipped:
        times = [to_iso(from_ms(each)) for each in skipped]
        warnings.append(f"The skip of {_listed(times)} has ended: the schedule no longer has that occurrence.")
    return warnings


def replaced_skips(before: ScheduledTask, after: ScheduledTask) -> list[str]:
    """Return a warning of the times that a request to skip fewer lets run again; a request to skip none has none."""
    was, now = ({each.at_ms for each in _asked(task)} for task in (before, after))
    if not now or not (again := sorted(was - now)):
        return []
    times = _listed([to_iso(from_ms(each)) for each in again])
    return [f"This replaces an earlier request to skip {len(was)} occurrences: {times} will run."]


def _asked(task: ScheduledTask) -> list[SkipMark]:
    return [each for each in pending_skips(task) if each.code is Reason.SKIP_REQUESTED]


def _stays(addition: Addition, task: ScheduledTask, fresh: ScheduledTask, now: datetime) -> bool:
    if addition.cause in _OF_THE_SCHEDULE:
        return addition.at_ms > to_ms(now)
    added, origin = additions_of(task), addition
    while origin.cause is Cause.RESCHEDULED:
        former_ms = _former_ms(origin, now)
        if former_ms <= to_ms(now):
            return True
        moved_before = added.at(former_ms)
        if moved_before is None:
            return _names(fresh, former_ms)
        origin = moved_before
    return True


def _former_ms(addition: Addition, now: datetime) -> int:
    """Return the time from which an occurrence was moved."""
    return to_ms(read_moment(str(addition.detail["nominal_at"]), "nominal_at", now=now))


def _names(fresh: ScheduledTask, at_ms: int) -> bool:
    """Return whether a time is an occurrence ahead of *fresh*."""
    begin_ms = fresh.nominal_ms
    return begin_ms is not None and begin_ms <= at_ms == remaining_schedule(fresh).next_after(at_ms - 1)


def _listed(times: list[str]) -> str:
    more = f" and {len(times) - _NAMED} more" if len(times) > _NAMED else ""
    return ", ".join(times[:_NAMED]) + more
