"""The place of an armed task after the meaning of its schedule has changed. Pure functions.

No occurrence gets a second outcome by it. An occurrence at a wall time is that wall time: with other rules of its zone
it lies at another moment, and is still the same one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.model.skip_mark import skips_text
from remembrancer.model.task_status import TaskType
from remembrancer.policies.occurrences import beginning_ms, held_ms, run_without_pause_ms
from remembrancer.policies.pause import armed_in_pause
from remembrancer.policies.skips import pending_skips
from remembrancer.ports.armed_times import ArmedTimeChange
from remembrancer.schedules.kinds import remaining_schedule
from remembrancer.schedules.once import OnceSchedule, moment_ms

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.protocol import Schedule


def under_current_rules(task: ScheduledTask, old: ZoneInfo) -> ArmedTimeChange | None:
    """Return the move of *task*, armed by *old* rules of a zone, to its place under those in force; None if it stays.

    Raises InvalidInput for a schedule that cannot be read.
    """
    place_ms = task.nominal_ms
    if place_ms is None:
        return None
    held = _held(task, old)
    if task.task_type is TaskType.ONE_TIME:
        return None if held is None or held[0] != place_ms else _move(task, held[1], held[1])
    schedule = remaining_schedule(task)
    begin_ms = beginning_ms(task)
    time_ms = schedule.under_new_rules(place_ms, old)
    if held is not None and begin_ms == held[0]:
        begin_ms = held[1]
        if schedule.under_rules(old).next_after(held[0] - 1) == place_ms:  # it has not begun
            time_ms = begin_ms
    found = schedule.next_after(max(time_ms, begin_ms) - 1)
    until_ms = held[1] if held is not None and held[0] != held[1] else None
    change = _move(task, place_ms if found is None else found, until_ms)
    skips = _skips_under_current_rules(task, schedule, old)
    if skips == task.skips:
        return change
    return replace(change or _unmoved(task, place_ms), skips=skips)


def _skips_under_current_rules(task: ScheduledTask, schedule: Schedule, old: ZoneInfo) -> str | None:
    """Return the skip marks of *task* at the places that their occurrences have now."""
    if task.skips is None:
        return None
    moved = (mark._replace(at_ms=schedule.under_new_rules(mark.at_ms, old)) for mark in pending_skips(task))
    return skips_text(moved)


def _unmoved(task: ScheduledTask, place_ms: int) -> ArmedTimeChange:
    """Return a change of *task* that moves no fire."""
    return ArmedTimeChange(
        task, task.next_run_ms, place_ms, task.outcomes_since_ms, task.excluded_ms, task.additions, task.skips
    )


def under_current_reading(task: ScheduledTask, now_ms: int) -> ArmedTimeChange | None:
    """Return the move of *task* to its first occurrence by the present reading of its schedule; None if it stays.

    What is due by the former reading is not ahead any longer: it stays due. Raises InvalidInput.
    """
    place_ms = task.nominal_ms
    if place_ms is None or task.task_type is TaskType.ONE_TIME:
        return misplaced(task)
    after_ms = min(place_ms, max(now_ms + 1, beginning_ms(task))) - 1
    found = remaining_schedule(task).next_after(after_ms)
    return None if found is None else _move(task, found, None)


def misplaced(task: ScheduledTask) -> ArmedTimeChange | None:
    """Return the move of a *task* whose schedule does not name the time for which it is armed; None if it does.

    It moves to the nearest occurrence. Raises InvalidInput for a schedule that cannot be read.
    """
    place_ms = task.nominal_ms
    if place_ms is None:
        return None
    if task.task_type is TaskType.ONE_TIME:
        held = _held(task, None)
        return None if held is None else _move(task, held[1], held[1])
    schedule = remaining_schedule(task)
    later_ms = schedule.next_after(place_ms - 1)
    if later_ms == place_ms:
        return None
    earlier_ms = _last_before(schedule, place_ms, beginning_ms(task))
    near = [each for each in (earlier_ms, later_ms) if each is not None]
    return _move(task, min(near, key=lambda each: abs(each - place_ms)), None) if near else None


def _held(task: ScheduledTask, old: ZoneInfo | None) -> tuple[int, int] | None:
    """Return the time that follows from the wall time asked for, by *old* rules and by those in force.

    Without *old* rules, the first is the time that the task has. None if the task does not follow a wall time: a
    one-time task with other occurrences than that one stays as it was armed.
    """
    is_once = task.task_type is TaskType.ONE_TIME
    if task.wall_time is None or (is_once and not isinstance(remaining_schedule(task), OnceSchedule)):
        return None
    try:
        now_ms = moment_ms(task.wall_time, task.timezone, task.fold)
        was_ms = None if old is None else moment_ms(task.wall_time, old, task.fold)
    except ValueError:  # another program has written it
        return None
    kept_ms = task.nominal_ms if is_once else held_ms(task)
    if kept_ms is None or (old is not None and (old.key != task.timezone or kept_ms != was_ms)):
        return None
    return kept_ms, now_ms


def _last_before(schedule: Schedule, time_ms: int, begin_ms: int) -> int | None:
    """Return the last occurrence before *time_ms*, and not before *begin_ms*."""
    begin_ms = max(begin_ms, time_ms - _WIDEST_MS)
    return schedule.last_ms(time_ms - 1, 1) if schedule.count(begin_ms, time_ms - 1) else None


def _move(task: ScheduledTask, time_ms: int, until_ms: int | None) -> ArmedTimeChange | None:
    """Return the move of *task* to an occurrence; a deferred run, and one that is made up for, keep their time."""
    run_ms = run_without_pause_ms(task)
    is_on_time = task.deferral_id is None and run_ms == task.nominal_ms
    if task.task_type is TaskType.ONE_TIME and not is_on_time and task.deferral_id is None:
        return None  # its time has passed
    if task.deferral_id is not None:
        until_ms = None
    if time_ms == task.nominal_ms and until_ms in {None, held_ms(task)}:
        return None
    armed_ms = time_ms if is_on_time else run_ms
    if task.paused_at:
        armed_ms = armed_in_pause(task, armed_ms).next_run_ms
    change = replace(_unmoved(task, time_ms), next_run_ms=armed_ms)
    return change if until_ms is None else replace(change, defer_until_ms=until_ms)


_WIDEST_MS = 26 * 3_600_000
"""No two rules of a zone differ by as much."""
