"""The books of a graph, read: sums by the hour, counters of its whole life, and lists from their indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.statistics import COUNTS, LIFELONG, CronUsage, LifetimeStatistics, WindowStatistics
from remembrancer.stores.commits.counter_rollup import fold_idle
from remembrancer.stores.commits.counters import summed, texts_of
from remembrancer.stores.commits.statistics import HOUR_MS
from remembrancer.stores.rows import node_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.statistics import TaskPageQuery
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords

_PAGE: Final = 1000
LAST_MS: Final = 253_402_300_799_999
"""The last moment that a datetime can be."""


class GraphStatistics:
    """The contract and its laws: `remembrancer.ports.statistics.Statistics`.

    Args:
        session: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, session: GraphConnection, records: ReadableRecords) -> None:
        self._session = session
        self._records = records

    @property
    def connections(self) -> int:
        """How many connections to the graph this process holds: as many as were ever in use at once."""
        return self._session.connections

    async def window(
        self, since: datetime, task_type: TaskType | None = None, *, until: datetime | None = None
    ) -> WindowStatistics:
        """Return what was counted from the UTC hour of *since* to that of *until*."""
        hours: Row = {
            "since_ms": to_ms(since) // HOUR_MS * HOUR_MS,
            "until_ms": LAST_MS if until is None else to_ms(until),
            "types": [task_type] if task_type else list(TaskType),
        }
        found = await self._session.read(query("hours_since"), hours)
        window = WindowStatistics()
        self._records.read("hour_id", lambda node: _add_hour(window, node), [row["h"] for row in found])
        return window

    async def lifelong(self) -> LifetimeStatistics:
        """Return what was counted since the graph was made, over all replicas.

        What waits for a write to be counted with is counted first.
        """
        if self._session.notes:
            await self._session.write([])
        node = summed([row["c"] for row in await self._session.read(query("counters"), {})])
        deferrals = node.get("most_deferrals")
        most = (deferrals, node["most_deferred_task_id"]) if deferrals else None
        return LifetimeStatistics({name: node[name] for name in LIFELONG}, texts_of(node, "error"), most)

    async def fold(self, idle: timedelta) -> int:
        """Add up the counters of writers that have not committed for so long; return how many."""
        return await fold_idle(self._session, idle)

    async def crons(self, limit: int) -> Sequence[CronUsage]:
        """Return the cron expressions that most open tasks follow."""
        found = await self._session.read(query("crons"), {"limit": limit})
        return [CronUsage(row["expression"], row["tasks"]) for row in found]

    async def tasks_of_cron(self, expression: str, limit: int) -> Sequence[ScheduledTask]:
        """Return open tasks that follow *expression*."""
        begin = node_rows.cron_listing(expression, "")
        nodes = await self._between("tasks_of_cron", begin, node_rows.after_all(begin), limit)
        return self._records.read("task_id", node_rows.shown_task_from, nodes)

    async def listed(self, page: TaskPageQuery) -> Sequence[ScheduledTask]:
        """Return tasks of one status and type, the newest first."""
        begin = node_rows.listing(page.status, page.task_type, "")
        below = begin + page.before if page.before is not None else node_rows.after_all(begin)
        found: list[ScheduledTask] = []
        with self._records.told_together():
            asked = page.limit
            while len(found) < page.limit:
                nodes = await self._between("listed_tasks", begin, below, asked)
                found += self._records.read("task_id", node_rows.shown_task_from, nodes)
                if len(nodes) < asked:
                    break
                asked, below = _PAGE, nodes[-1]["listing"]  # one that cannot be read takes no other's place
        return found[: page.limit]

    async def _between(self, name: str, above: str, below: str, limit: int) -> list[Row]:
        found = await self._session.read(query(name), {"above": above, "below": below, "limit": limit})
        return [row["t"] for row in found if row["t"]]


def _add_hour(window: WindowStatistics, node: Row) -> None:
    for name in COUNTS:
        window.counts[name] += node.get(name) or 0
    window.longest_delay_ms = max(window.longest_delay_ms, node.get("longest_delay_ms") or 0)
    if delays := node.get("delays"):
        window.delays = [old + new for old, new in zip(window.delays, delays, strict=True)]
    window.failures.update(texts_of(node, "failure"))
    window.reasons.update(texts_of(node, "deferral"))
