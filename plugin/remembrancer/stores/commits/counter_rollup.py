"""Counters of writers that have ended, added up into one: a graph has as many as writers that live, and one more.

A writer that is killed folds nothing. Whether it is dead or only silent need not be known: its counter and its hours
are folded in one commit, under the counter's lock. One that writes again finds another number on its counter than it
remembers, and begins at nothing, so that nothing is counted twice; and it still finds there which commit was its last.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.stores.commits.statement import Statement
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row

ENDED: Final = "ended"
"""The counter that holds what writers counted which are no more."""
AT_ONCE_MS: Final = -60_000
"""Stands for any age: for a writer that has ended and says so itself."""
_REMEMBERED: Final = timedelta(days=1)
"""For how long the number of a last commit stays where it can be looked up."""


async def fold_idle(connection: GraphConnection, idle: timedelta) -> int:
    """Fold the counters of writers that have not committed for so long; return how many. On a shared graph only."""
    if connection.exclusive:
        return 0
    idle_ms = int(idle.total_seconds() * 1000)
    found = await connection.read(query("idle_counters"), {"idle_ms": idle_ms, "into": ENDED})
    for row in found:
        counter: Row = {"counter_id": row["counter_id"], "into": ENDED, "idle_ms": idle_ms}
        if row["folded"]:
            remembered_ms = max(idle_ms, int(_REMEMBERED.total_seconds() * 1000))
            await connection.write([Statement("forget_counters", [{**counter, "idle_ms": remembered_ms}])])
        else:
            await connection.write([Statement(name, [dict(counter)]) for name in ("fold_hours", "fold_counters")])
    return sum(not row["folded"] for row in found)
