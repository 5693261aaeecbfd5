"""The due key: when a task acts next, made different for each task, so that one index orders them.

Many tasks share a moment (every one of them at nine), and the embedded engine's index slows with every entry under
one key: at 20,000 tasks of one minute a claim cost five times as much as over distinct keys. So the index is over
the moment with six digits behind it that are the task's own.
The first three of them are alike for tasks made one after the other: those lie side by side in the graph, and what
falls due together is then read, claimed and moved on page by page; in an order drawn by lot every batch touches
every page, and a fire took a quarter longer.
The last three are the task's share (`model.ids.share_of`): whose a due task is stands in the index itself.
"""

from __future__ import annotations

from typing import Final

from remembrancer.model.ids import SHARES, place_of, share_of

_SPREAD: Final = 1_000_000
"""Keys per millisecond; a moment in the year 2262 times this still fits 63 bits."""
_TOGETHER: Final = 32
"""How many tasks made one after the other stay together: about as many as lie in a page or two."""
_GROUPS: Final = _SPREAD // SHARES


def due_key(next_run_ms: int | None, task_id: str) -> int | None:
    """Return the key of a task armed for *next_run_ms*; None for one that is not armed."""
    if next_run_ms is None:
        return None
    return next_run_ms * _SPREAD + place_of(task_id) // _TOGETHER % _GROUPS * SHARES + share_of(task_id)


def last_key(moment_ms: int) -> int:
    """Return the highest key of *moment_ms*: what is due by then has no higher one."""
    return moment_ms * _SPREAD + _SPREAD - 1


def moment_of(key: int) -> int:
    """Return the moment that a due key is of."""
    return key // _SPREAD
