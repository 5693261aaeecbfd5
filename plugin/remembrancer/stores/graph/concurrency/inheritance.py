"""Inheritance of priorities: tasks are served as the open tasks ask for that depend on them, level after level.

Each commit that changes what follows from it has noted the tasks that it concerns. Here they are worked out in batches,
and note those that they depend on in turn, until none is left.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphUnavailable
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Statement, rows_of
from remembrancer.stores.rows.priority_rows import noted_rows, noting
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.graph.parts import GraphParts

_LOG: Final = logging.getLogger("remembrancer")
_BATCH: Final = 500
_BATCHES: Final = 200
"""The most batches of one call; the next call goes on."""


async def inherit(parts: GraphParts, now: datetime) -> int:
    """Work out all served priorities that are noted; return the number of tasks that are served otherwise."""
    changed = 0
    parts.priorities.changed = False
    for _ in range(_BATCHES):
        found = await parts.connection.read(query("changed_priorities"), {"limit": _BATCH})
        if not found:
            return changed
        changed += await work_out(parts.connection, [row["task_id"] for row in found], to_ms(now))
        if changed:
            parts.wait_floors.clear()
            parts.priorities.any = True
            parts.priorities.edition += 1
    parts.priorities.changed = True
    return changed


async def work_out(connection: GraphConnection, task_ids: Sequence[str], at_ms: int) -> int:
    """Work out the served priorities of tasks, and note those that they depend on; return the number of changes."""
    statements = [Statement("inherit_priorities", noted_rows(task_ids, at_ms)), noting(task_ids, at_ms)]
    return len(rows_of("inherit_priorities", statements, await connection.write(statements)))


async def inherited(parts: GraphParts, now: datetime) -> None:
    """Do the same after a commit which has noted any: a fault is no fault of it, and a later call does the rest."""
    if not parts.priorities.changed:
        return
    try:
        await inherit(parts, now)
    except GraphUnavailable as fault:
        parts.priorities.changed = True
        _LOG.warning("Tasks that others depend on keep their former priorities until the next check: %s", fault)
