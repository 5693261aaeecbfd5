"""Wait index keys: tasks that wait for one thing lie together, in the order in which they are served.

A task that waits has no due key, or that of its deadline: ten thousand that wait for one thing cost a check of what is
due nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.priority import served_ms
from remembrancer.policies.unanswered.deadline import deadline_ms_of
from remembrancer.stores.rows.due_key import due_key

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.statement import Row

_DIGITS: Final = 15

NOT_WAITING: Final[Row] = {"wait_key": None, "waits_since_ms": None, "wait_reason": None}
"""The fields of a task that does not wait."""
CLEARED: Final[Row] = {**NOT_WAITING, "wait_index_key": None}
"""The properties of the node of a task that does not wait any longer."""


def wait_index_key(task: ScheduledTask) -> str | None:
    """Return the key of a task that waits; None for any other."""
    if task.wait_key is None:
        return None
    place_ms = max(0, served_ms(task.next_run_ms or 0, task.served_priority))
    return f"{begin_of(task.wait_key)}{place_ms:0{_DIGITS}d}|{task.task_id}"


def begin_of(wait_key: str) -> str:
    """Return the text with which the keys of all tasks that wait for one thing begin."""
    return f"{wait_key.replace('%', '%25').replace('|', '%7C')}|"


def due_key_of(task: ScheduledTask) -> int | None:
    """Return the due key of a task: one that waits is due for its deadline. None for one without, or not armed."""
    return due_key(task.next_run_ms if task.wait_key is None else deadline_ms_of(task), task.task_id)
