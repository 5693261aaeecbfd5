"""The statistics of a graph: hourly and lifetime counters, read from the counter nodes of all writers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import LAST_MS, to_ms
from remembrancer.ports.statistics import COUNTS, LIFETIME, CronUsage, LifetimeStatistics, WindowStatistics
from remembrancer.stores.commits.counter_rollup import fold_idle
from remembrancer.stores.commits.counters import summed, texts_of
from remembrancer.stores.commits.hourly_delta import HOUR_MS
from remembrancer.stores.rows import node_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords


class GraphStatistics:
    """The contract and its laws: `remembrancer.ports.statistics.Statistics`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records
        self._before: dict[str, float] = {}
        """The counts of all other writers, when they were last read."""
        self.commit_sizes = connection.commit_sizes

    @property
    def totals(self) -> Mapping[str, float]:
        """The lifetime counters, as far as this process knows."""
        return {name: self._before.get(name, 0) + count for name, count in self._connection.counts.items()}

    def count(self, what: str, text: str) -> None:
        """Count something that changes no task, with the next commit."""
        self._connection.pending_counts.add(what, text)

    async def reload(self) -> None:
        """Read the counts of all other writers again."""
        counted, mine = (await self.lifetime()).counts, self._connection.counts
        self._before = {name: counted.get(name, 0) - mine[name] for name in LIFETIME}

    async def window(
        self, since: datetime, task_type: TaskType | None = None, *, until: datetime | None = None
    ) -> WindowStatistics:
        """Return the counts from the UTC hour of *since* to that of *until*."""
        hours: Row = {
            "since_ms": to_ms(since) // HOUR_MS * HOUR_MS,
            "until_ms": LAST_MS if until is None else to_ms(until),
            "types": [task_type] if task_type else list(TaskType),
        }
        found = await self._connection.read(query("hours_since"), hours)
        window = WindowStatistics()
        self._records.read("hour_id", lambda node: _add_hour(window, node), [row["h"] for row in found])
        return window

    async def lifetime(self) -> LifetimeStatistics:
        """Return the counts since the graph was made, over all replicas.

        Counts that wait for a commit are written first.
        """
        if self._connection.pending_counts:
            await self._connection.write([])
        node = summed([row["c"] for row in await self._connection.read(query("counters"), {})])
        deferrals = node.get("most_deferrals")
        most = (deferrals, node["most_deferred_task_id"]) if deferrals else None
        return LifetimeStatistics({name: node[name] for name in LIFETIME}, texts_of(node, "error"), most)

    async def fold(self, idle: timedelta) -> int:
        """Add up the counters of writers that have not committed for *idle*; return how many they were."""
        return await fold_idle(self._connection, idle)

    async def cron_usage(self, limit: int) -> Sequence[CronUsage]:
        """Return the cron expressions that most open tasks follow."""
        found = await self._connection.read(query("cron_usage"), {"limit": limit})
        return [CronUsage(row["expression"], row["tasks"]) for row in found]

    async def tasks_of_cron(self, expression: str, limit: int) -> Sequence[ScheduledTask]:
        """Return open tasks that follow *expression*."""
        begin = node_rows.cron_index_key(expression, "")
        between: Row = {"above": begin, "below": node_rows.after_all(begin), "limit": limit}
        nodes = [row["t"] for row in await self._connection.read(query("tasks_of_cron"), between) if row["t"]]
        return self._records.read("task_id", node_rows.shown_task_from, nodes)


def _add_hour(window: WindowStatistics, node: Row) -> None:
    for name in COUNTS:
        window.counts[name] += node.get(name) or 0
    window.longest_delay_ms = max(window.longest_delay_ms, node.get("longest_delay_ms") or 0)
    if delays := node.get("delays"):
        window.delays = [old + new for old, new in zip(window.delays, delays, strict=True)]
    window.failures.update(texts_of(node, "failure"))
    window.reasons.update(texts_of(node, "deferral"))
