"""The roll-up of counters whose writers have ended: a graph has one counter for each live writer, and one more.

A writer that is killed cannot fold its own counter. Another one does so without knowing whether it is dead or only
idle: its counter and its hours are folded in one commit, under the lock of the counter. A writer that commits again
finds another commit number on its counter than it remembers, and begins at zero, so that nothing counts twice. The
number of its last commit is still there.
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
"""The counter to which those of ended writers are added."""
AT_ONCE_MS: Final = -60_000
"""An idle time that every counter has: for a writer that folds its own."""
_REMEMBERED: Final = timedelta(days=1)
"""The time for which the number of a last commit can be looked up."""


async def fold_idle(connection: GraphConnection, idle: timedelta) -> int:
    """Fold the counters of writers that have not committed for *idle*, on a shared graph; return how many."""
    if connection.exclusive:
        return 0
    idle_ms = int(idle.total_seconds() * 1000)
    found = await connection.read(query("idle_counters"), {"idle_ms": idle_ms, "into": ENDED})
    for row in found:
        counter: Row = {"counter_id": row["counter_id"], "into": ENDED, "idle_ms": idle_ms}
        if row["rolled_up"]:
            remembered_ms = max(idle_ms, int(_REMEMBERED.total_seconds() * 1000))
            await connection.write([Statement("delete_counters", [{**counter, "idle_ms": remembered_ms}])])
        else:
            await connection.write([Statement(name, [dict(counter)]) for name in ("roll_up_hours", "roll_up_counters")])
    return sum(not row["rolled_up"] for row in found)
