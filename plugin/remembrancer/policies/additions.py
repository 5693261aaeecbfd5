"""Additions of tasks: the one that an occurrence is, those that wait, and a task with more of them. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.addition import NO_ADDITIONS, additions_from
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import LAST_MS
from remembrancer.policies.occurrences import first_ms, run_without_pause_ms
from remembrancer.policies.pause import armed_at_first
from remembrancer.schedules.composed.exclusions import joined, pairs_of
from remembrancer.schedules.kinds import remaining_schedule, schedule_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from remembrancer.model.addition import Addition, Additions
    from remembrancer.model.task import ScheduledTask

_KEPT_MS: Final = 86_400_000
"""The time for which an addition with an outcome stays: the recheck reads it after the clock was set back."""


def additions_of(task: ScheduledTask) -> Additions:
    """Return the additions of *task*."""
    return NO_ADDITIONS if task.additions is None else additions_from(task.additions)


def pending_additions(task: ScheduledTask) -> list[Addition]:
    """Return those without an outcome, ascending."""
    begin_ms = task.nominal_ms
    return [] if begin_ms is None else [each for each in additions_of(task).items if each.at_ms >= begin_ms]


def are_over(task: ScheduledTask, occurrence_ms: int, now_ms: int) -> bool:
    """Return whether all additions of a recurring task had their outcomes long before *occurrence_ms*, at *now_ms*."""
    if task.additions is None or task.task_type is TaskType.ONE_TIME:
        return False
    return additions_from(task.additions).times_ms[-1] < min(occurrence_ms, now_ms - _KEPT_MS)


def with_additions(task: ScheduledTask, new: Collection[Addition], now_ms: int) -> ScheduledTask:
    """Return *task* with *new* additions, armed for the first of them if no other occurrence is before it.

    Times of the schedule between that addition and the task's next occurrence are excluded: they have outcomes
    already, or lie before the beginning of the task.

    Args:
        task: An open task.
        new: At times at which the task has no occurrence; of a deferred task, after the time it is deferred to.
        now_ms: The present.
    """
    if not new:
        return task
    additions, ahead_ms = additions_of(task), _ahead_ms(task)
    kept = [each for each in additions.items if each.at_ms >= min(now_ms - _KEPT_MS, ahead_ms)]
    together = additions.only([*kept, *new])
    if task.task_type is TaskType.ONE_TIME and task.additions is None and task.schedule_spec is None:
        together = replace(together, once_ms=schedule_of(task).next_ms(-1))
    first = min(each.at_ms for each in new)
    gained: dict[str, object] = {"additions": together.text}
    if first < ahead_ms:
        gained |= {"nominal_ms": first, "excluded_ms": _excluded(task, first, ahead_ms, now_ms)}
    after = task.model_copy(update=gained)
    return after if first >= ahead_ms else armed_at_first(after)


def without_additions(task: ScheduledTask, left_out: Collection[Addition]) -> ScheduledTask:
    """Return *task* as it would be without some of its pending additions, to look at its other occurrences."""
    if not left_out or task.nominal_ms is None:
        return task
    additions, times = additions_of(task), {each.at_ms for each in left_out}
    rest = additions.only(each for each in additions.items if each.at_ms not in times)
    after, begin_ms = task.model_copy(update={"additions": rest.text}), task.nominal_ms
    if rest.text is None and additions.once_ms is not None:  # the only time that is left
        first = additions.once_ms if additions.once_ms >= begin_ms else None
    else:
        first = remaining_schedule(after).next_after(begin_ms - 1)
    armed = {} if task.deferral_id is not None else {"next_run_ms": first}
    return after.model_copy(update={"nominal_ms": first, **armed})


def with_reactions(task: ScheduledTask, new: Sequence[Addition], now_ms: int) -> ScheduledTask:
    """Return a task whose schedule names no times with *new* additions, after all that have had their outcomes.

    One whose time is taken comes some milliseconds later, and of a deferred task, after the deferred run. Those whose
    time has passed run, however late.
    """
    if not new:
        return task
    additions, pending = additions_of(task), pending_additions(task)
    done = [each for each in additions.items if each not in pending][-1:]
    deferred_ms = run_without_pause_ms(task) if task.deferral_id is not None else None
    free_ms = max(done[0].at_ms + 1 if done else 0, 0 if deferred_ms is None else deferred_ms + 1)
    times = {each.at_ms for each in pending}
    gained: list[Addition] = []
    for each in new:
        at_ms = max(free_ms, each.at_ms)
        while at_ms in times:
            at_ms += 1
        times.add(at_ms)
        gained.append(replace(each, at_ms=at_ms, runs_late=each.runs_late or each.at_ms <= now_ms))
    together = additions.only([*done, *pending, *gained])
    return armed_at_first(task.model_copy(update={"additions": together.text, "nominal_ms": min(times)}))


def _ahead_ms(task: ScheduledTask) -> int:
    """Return the first occurrence of *task* without an outcome, or the end of time without one."""
    occurrence_ms = task.nominal_ms if task.deferral_id is not None else first_ms(task)
    return LAST_MS if occurrence_ms is None else occurrence_ms


def _excluded(task: ScheduledTask, first: int, ahead_ms: int, now_ms: int) -> tuple[int, ...] | None:
    """Return the excluded times of *task*, with those from *first* up to *ahead_ms* if its schedule names some."""
    named_ms = remaining_schedule(task).next_after(first - 1)
    if named_ms is None or named_ms >= ahead_ms:
        return task.excluded_ms
    stretches = [*pairs_of(task.excluded_ms or ()), (first, ahead_ms)]
    return joined([each for each in stretches if each[1] > min(first, now_ms)])


def is_deferred_beyond(task: ScheduledTask, at_ms: int) -> bool:
    """Return whether a live deferral of *task* would hold an occurrence at *at_ms*."""
    until_ms = run_without_pause_ms(task) if task.deferral_id is not None else None
    return until_ms is not None and at_ms <= until_ms
