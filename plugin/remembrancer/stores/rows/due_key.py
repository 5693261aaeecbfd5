"""The due key: the time of a task's next run, made different for each task, so that one index orders them.

Many tasks share a time (all of them at nine), and the embedded engine's index slows with every entry under one key: at
20,000 tasks in one minute a claim cost five times as much as with distinct keys. So the index is over the time with six
more digits, which depend on the task.
The first three are equal for tasks created one after the other. Those lie side by side in the graph, and what is due
together is then read, claimed and moved page by page; in a random order every batch touches every page, and a fire took
a quarter longer.
The last three are the task's shard (`model.ids.shard_of`): the index itself shows to which replica a due task belongs.
"""

from __future__ import annotations

from typing import Final

from remembrancer.model.ids import SHARD_COUNT, place_of, shard_of

_SPREAD: Final = 1_000_000
"""Keys per millisecond; a time in the year 2262 multiplied by this still fits 63 bits."""
_TOGETHER: Final = 32
"""The number of tasks created one after the other that stay together: about one or two pages of them."""
_GROUPS: Final = _SPREAD // SHARD_COUNT


def due_key(next_run_ms: int | None, task_id: str) -> int | None:
    """Return the key of a task armed for *next_run_ms*; None for one that is not armed."""
    if next_run_ms is None:
        return None
    return next_run_ms * _SPREAD + place_of(task_id) // _TOGETHER % _GROUPS * SHARD_COUNT + shard_of(task_id)


def last_key(time_ms: int) -> int:
    """Return the highest key of *time_ms*: a task that is due by then has no higher one."""
    return time_ms * _SPREAD + _SPREAD - 1


def time_ms_of(key: int) -> int:
    """Return the time of a due key, in epoch milliseconds."""
    return key // _SPREAD
