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
MOST_LISTED: Final = 100_000
"""The most fires of all tasks of one list together."""
_SLICE: Final = 250
"""The number of fires that are worked out before other coroutines run."""


def next_fires(task: ScheduledTask, count: int = PREVIEWED) -> tuple[list[datetime], list[str]]:
    """Return up to *count* fires from the task's next run on, and the notes on clock changes between them.

    Raises InvalidInput for a schedule that cannot be read.
    """
    if task.next_run_ms is None or task.question_id is not None:
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


def with_next_fires(task: ScheduledTask, count: int = PREVIEWED) -> ScheduledTask:
    """Return *task* with up to *count* next fires; with none, if its schedule cannot be read."""
    try:
        fires, _ = next_fires(task, count)
    except UNREADABLE:
        fires = []
    return task.model_copy(update={"next_fires": fires})


async def all_with_next_fires(
    tasks: Sequence[ScheduledTask],
    wanted: bool | int,  # noqa: FBT001 (true means five)
) -> list[ScheduledTask]:
    """Return *tasks* with as many next fires as are *wanted*; five, if that is True. Other coroutines run in between.

    Raises InvalidInput: they are more fires than one answer holds.
    """
    count = read_listed(wanted)
    if not count:
        return list(tasks)
    if count * len(tasks) > MOST_LISTED:
        allowed = f"at most {MOST_LISTED // len(tasks)} for {len(tasks):,} tasks, {MOST_LISTED:,} fires together"
        raise InvalidInput("next_fires", wanted, f"{allowed}; or a lower limit", PREVIEWED)
    found: list[ScheduledTask] = []
    for task in tasks:
        found.append(with_next_fires(task, count))
        if len(found) % max(1, _SLICE // count) == 0:
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


def read_listed(wanted: bool | int) -> int:  # noqa: FBT001 (true means five)
    """Return the number of fires that each task of a list shows: five for True, none for False. Raises InvalidInput."""
    if not wanted:
        return 0
    return PREVIEWED if wanted is True else read_count(wanted, "next_fires")


def read_count(count: object, field: str = "fires") -> int:
    """Check a number of fires. Raises InvalidInput."""
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_PREVIEWED:
        raise InvalidInput(field, count, f"a whole number from 1 to {MOST_PREVIEWED}", PREVIEWED)
    return count
