"""Counters of a graph derived from its nodes, as if each node had been counted when it was written.

Counts without nodes, such as rejected expressions and faults of the graph, are copied from the present counters. The
start and end of a task are not on its node: they are derived from its executions and changes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.counters import CounterNodes, summed
from remembrancer.stores.commits.statistics import CommitStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.statement import Row

_COPIED: Final = ("cron_refused", "database_errors")
"""Counts of things without nodes."""
_ENDED: Final = {"COMPLETE": "tasks_completed", "FAILED": "tasks_failed", "CANCELLED": "tasks_cancelled"}
_OF_CHANGES: Final = {"quarantine": "tasks_quarantined", "rearm": "tasks_rearmed"}


class DerivedCounters:
    """Counts nodes: tasks first, then the nodes that refer to them."""

    def __init__(self) -> None:
        self._statistics = CommitStatistics()
        self._tasks: dict[str, tuple[str, int]] = {}
        """By id, the status and creation time of each task that has started."""
        self._began_ms: dict[str, int] = {}
        self._ended_ms: dict[str, int] = {}
        self.types: dict[str, str] = {}
        """By id, the type of each task."""

    def add(self, label: str, node: Row) -> None:
        """Count one node."""
        match label:
            case "scheduled_task":
                self._task(node)
            case "task_execution":
                self._execution(node)
            case "task_deferral":
                self._deferral(node)
            case "execution_summary":
                self._summary(node)
            case "task_change":
                self._change(node)
            case _:
                return

    def row(self, counter_id: str, before: Sequence[Row]) -> Row:
        """Return the parameters that write all counts to one counter; *before* are the present counters."""
        self._steps()
        counters = CounterNodes(counter_id)
        counters.learn(counters.unknown(self._statistics), [])
        row = counters.enter(self._statistics, []).row
        present = summed(before)
        row["counted"] |= {name: present[name] for name in _COPIED}
        row["counted"] |= {name: present[name] for name in ("error_texts", "error_text_counts") if name in present}
        return row

    def _typed(self, node: Row) -> Row:
        return {**node, "task_type": self.types.get(str(node.get("task_id")), "one_time")}

    def _task(self, node: Row) -> None:
        kind, status = node["task_type"], node["status"]
        self.types[node["task_id"]] = kind
        created_ms = to_ms(node["created_at"])
        cron = None if status in _ENDED else node.get("schedule_cron")
        self._statistics.count("create_tasks", [{"created_ms": created_ms, "task_type": kind, "schedule_cron": cron}])
        if status != "PENDING":
            self._tasks[node["task_id"]] = (status, created_ms)

    def _steps(self) -> None:
        """Count starts and ends of tasks, in the hours of their executions and changes."""
        for task_id, (status, created_ms) in self._tasks.items():
            row: Row = {"task_type": self.types[task_id]}
            self._statistics.at(self._began_ms.get(task_id, created_ms), row).counts["tasks_begun"] += 1
            if status in _ENDED:
                self._statistics.at(self._ended_ms.get(task_id, created_ms), row).counts[_ENDED[status]] += 1

    def _execution(self, node: Row) -> None:
        row: Row = {**node, "triggered_ms": to_ms(node["triggered_at"])}
        task_id, last_ms = node["task_id"], to_ms(node.get("completed_at") or node["triggered_at"])
        self._began_ms[task_id] = min(row["triggered_ms"], self._began_ms.get(task_id, row["triggered_ms"]))
        self._ended_ms[task_id] = max(last_ms, self._ended_ms.get(task_id, last_ms))
        if node.get("last_nominal_at") is not None:
            self._statistics.count("record_outcomes", [row])
            return
        self._statistics.count("claim_executions", [row])
        if node["status"] != "running":
            self._statistics.count(
                "settle_executions", [{**row, "completed_ms": to_ms(node["completed_at"]), "outcome": node}]
            )

    def _change(self, node: Row) -> None:
        action, at_ms = node["action"], to_ms(node["at"])
        if name := _OF_CHANGES.get(action):
            self._statistics.at(at_ms, self._typed(node)).counts[name] += 1
        if action in {"cancel", "quarantine", "end"}:
            self._ended_ms[node["task_id"]] = at_ms

    def _deferral(self, node: Row) -> None:
        row: Row = {**self._typed(node), "deferred_ms": to_ms(node["deferred_at"])}
        self._statistics.count("record_deferrals", [row])

    def _summary(self, node: Row) -> None:
        day_ms = to_ms(datetime.fromisoformat(node["day"]).replace(tzinfo=UTC))
        counts = self._statistics.at(day_ms, self._typed(node)).counts
        counts["executions_started"] += node["runs"]
        counts["executions_completed"] += node["completed"]
        counts["executions_failed"] += node["failed"]
        counts["occurrences_dropped"] += node["occurrences"] - node["runs"]
        counts["occurrences_missed"] += node["missed"]
        counts["execution_seconds"] += node["duration_seconds"]
