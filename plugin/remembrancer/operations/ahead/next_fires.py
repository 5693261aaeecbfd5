"""The next fires of a task, by its schedule, its deferral and its pause. Pure functions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Misfire
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.skips import pending_skips
from remembrancer.schedules.kinds import UNREADABLE, firing_schedule, schedule_of
from remembrancer.schedules.preview import preview

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask

PREVIEWED: Final = 5
"""The number of fires that an answer shows unless asked."""
MOST_PREVIEWED: Final = 1000
_SLICE: Final = 50
"""The number of tasks that are worked out before other coroutines run."""
"""Errors of a schedule whose node holds nonsense."""


def next_fires(task: ScheduledTask, count: int = PREVIEWED) -> tuple[list[datetime], list[str]]:
    """Return up to *count* fires from the task's next run on, and the notes on clock changes between them.

    Raises InvalidInput for a schedule that cannot be read.
    """
    if task.next_run_ms is None:
        return [], []
    first = from_ms(task.next_run_ms)
    if task.is_single:
        return [first] if is_run_apart(task) else [], []
    ahead = preview(firing_schedule(task), task.next_run_ms - 1, count)
    fires = [fire.at for fire in ahead]
    if fires[:1] != [first] and is_run_apart(task):
        fires.insert(0, first)
    notes = [] if task.reacts else [fire.note for fire in ahead if fire.note]  # more may follow the last one known
    return fires[:count], notes


def with_next_fires(task: ScheduledTask) -> ScheduledTask:
    """Return *task* with its next fires; with none, if its schedule cannot be read."""
    try:
        fires, _ = next_fires(task)
    except UNREADABLE:
        fires = []
    return task.model_copy(update={"next_fires": fires})


async def all_with_next_fires(tasks: Sequence[ScheduledTask]) -> list[ScheduledTask]:
    """Return *tasks* with their next fires, letting other coroutines run in between."""
    found: list[ScheduledTask] = []
    for task in tasks:
        found.append(with_next_fires(task))
        if len(found) % _SLICE == 0:
            await asyncio.sleep(0)
    return found


def words_of(task: ScheduledTask) -> str:
    """Return the schedule of *task* in English; as lists show it, if it cannot be read."""
    try:
        return schedule_of(task).describe()
    except UNREADABLE:
        return str(task.schedule)


def is_run_apart(task: ScheduledTask, *, held: bool = False) -> bool:
    """Return whether the run for which a task is armed fires without its schedule.

    That is the only run of a single task, a deferred one, or one that makes up for a pause. With *held*, the run is the
    one that the task's pause holds.
    """
    if task.is_single:
        return not pending_skips(task)
    return task.deferral_id is not None or (not held and _makes_up(task))


def _makes_up(task: ScheduledTask) -> bool:
    """Return whether a run at the end of a pause makes up for what the pause held."""
    if task.paused_until is None or task.nominal_ms is None or to_ms(task.paused_until) <= task.nominal_ms:
        return False
    return (task.on_missed or task.misfire) is not Misfire.SKIP


def read_count(count: object, field: str = "fires") -> int:
    """Check a number of fires. Raises InvalidInput."""
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_PREVIEWED:
        raise InvalidInput(field, count, f"a whole number from 1 to {MOST_PREVIEWED}", PREVIEWED)
    return count
