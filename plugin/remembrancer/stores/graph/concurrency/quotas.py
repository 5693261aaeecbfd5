"""The quotas of a graph: what they count, and the refusal of tasks that find no room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import QuotaReached
from remembrancer.stores.rows.quota_rows import ranges_of
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.quota import Quota
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row

_SHOWN: Final = 3


async def open_under(connection: GraphConnection, quota: Quota) -> list[tuple[str, str]]:
    """Return the open tasks that a quota counts, each by its id and name, the oldest first."""
    if quota.origin is not None:
        rows = await connection.read(query("open_of_origin"), {"origin": quota.origin})
    else:
        asked: Row = {"ranges": ranges_of(quota), "agent": quota.agent}
        rows = await connection.read(query("open_in_ranges"), asked)
    return sorted((str(row["task_id"]), str(row["name"])) for row in rows)


async def refusal(
    connection: GraphConnection, quotas: Sequence[Quota], tasks: Sequence[ScheduledTask]
) -> QuotaReached | None:
    """Return the error for new tasks that one of the quotas has no room for; None if all of them have some."""
    for quota in quotas:
        nodes = [row["l"] for row in await connection.read(query("limits_by_key"), {"keys": [quota.key]})]
        most = nodes[0].get("slots") if nodes and nodes[0].get("is_set") else quota.most
        if most is None:
            continue
        held = await open_under(connection, quota)
        new = sum(quota.counts(task) for task in tasks)
        if len(held) + new > most:
            holders = [f"{task_id} ({name})" for task_id, name in held[:_SHOWN]]
            return QuotaReached(quota.limit_key, most, len(held), new, holders)
    return None
