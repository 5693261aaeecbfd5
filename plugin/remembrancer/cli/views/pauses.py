"""A pause of all tasks but one, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from remembrancer.model.task_status import OPEN_STATUSES

if TYPE_CHECKING:
    from remembrancer.cli.connect import Connection

_LOOKED_AT: Final = 20
"""Tasks that are looked at, the next to run first: enough to see whether a pause of all is in force."""


async def pause_of_all(reached: Connection, but: str | None = None) -> str | None:
    """Return a sentence if the tasks that run next, *but* one, are all paused: a person may have paused the scheduler.

    It is read for people only: a call of a program does not pay for it.
    """
    found = await reached.scheduler.find_tasks(statuses=OPEN_STATUSES, limit=_LOOKED_AT + 1)
    others = [task for task in found if task.task_id != but][:_LOOKED_AT]
    now = datetime.now(UTC)
    if not others or not all(task.is_paused(now) for task in others):
        return None
    which = "All other tasks are" if but else "All open tasks are"
    if len(others) == _LOOKED_AT:
        which = f"The next {_LOOKED_AT} tasks are"
    return f"{which} paused; {'this one is not' if but else 'one that is scheduled now runs'}."
