"""Quarantine: a task that cannot be read or planned leaves the schedule, whatever its node holds."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from remembrancer.errors import DiskFull, GraphBusy, GraphUnavailable, GraphUnreachable
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import execution_id_of, new_id, occurrence_key
from remembrancer.model.task_status import TaskType
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken
from remembrancer.stores.rows.due_key import time_ms_of
from remembrancer.stores.rows.priority_rows import noting
from remembrancer.stores.rows.readable_records import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.row_types.executions import EndedRetriesRow, SettleRow, SkipRow
    from remembrancer.stores.commits.row_types.tasks import QuarantineRow
    from remembrancer.stores.rows.readable_records import Unreadable

_LOG: Final = logging.getLogger("remembrancer")
_LONGEST: Final = 1000


async def quarantine_all(connection: GraphConnection, unreadable: Sequence[Unreadable], now_ms: int) -> None:
    """Disarm all tasks that cannot be read, together: the others of their page wait for one commit or two."""
    await asyncio.gather(*(quarantine(connection, node, str(fault), now_ms) for node, fault in unreadable))


async def quarantine(connection: GraphConnection, node: Row, fault: str, now_ms: int) -> None:
    """Disarm a task, with the fault in its audit log and an outcome for the occurrence that is due."""
    bare = Statement("disarm_unreadable", [{"due_key": node.get("due_key"), "task_id": node.get("task_id")}])
    if not node.get("task_id") or (node.get("next_run_ms") is None and node.get("paused_at") is None):
        await connection.write([bare])
        return
    *skipped, disarmed = quarantine_statements(node, fault, now_ms)
    change = disarmed.rows[0]
    ended: EndedRetriesRow = {"task_id": change["task_id"], "change_id": change["change_id"]}
    disarming = [disarmed, Statement("end_retries", [ended])]
    if node.get("depends_on"):
        disarming.append(noting([change["task_id"]], now_ms))
    try:
        await connection.write([*skipped, *disarming])
    except UniqueKeyTaken:  # that occurrence has an outcome already
        await connection.write(disarming)
    except (GraphUnreachable, GraphBusy, DiskFull):
        raise
    except GraphUnavailable as refused:  # the engine cannot read its properties either
        _LOG.error("Task %s is quarantined without an outcome: %s", node["task_id"], refused)
        await connection.write([bare])


async def fail_unreadable(connection: GraphConnection, unreadable: Sequence[Unreadable], now_ms: int) -> None:
    """Fail executions that cannot be read and whose lease has expired: no replica would settle them."""
    lost: list[SettleRow] = [
        {
            "execution_id": node["execution_id"],
            "of_task": str(node.get("task_id")),
            "task_type": TaskType.RECURRING if node.get("task_type") == TaskType.RECURRING else TaskType.ONE_TIME,
            "fence": node.get("fence") or 0,
            "completed_ms": now_ms,
            "outcome": {
                "status": ExecutionStatus.FAILED,
                "duration_seconds": 0.0,
                "reason_code": Reason.LEASE_EXPIRED,
                "reason": f"Its scheduler went away, and it cannot be read: {one_line(fault)}",
            },
        }
        for node, fault in unreadable
    ]
    if lost:
        await connection.write([Statement("fail_lost_executions", lost)])


def quarantine_statements(node: Row, fault: str, now_ms: int) -> Sequence[Statement]:
    """Return the statements that quarantine a task: the last one disarms it, one before it skips the due occurrence."""
    task_id, reason = node["task_id"], fault[:_LONGEST]
    change: QuarantineRow = {
        "task_id": task_id,
        "change_id": new_id("change", now_ms),
        "at_ms": now_ms,
        "reason": reason,
    }
    quarantine = Statement("quarantine_tasks", [change])
    time_ms = _due_ms(node)
    if time_ms is None or time_ms > now_ms:
        return [quarantine]
    recurring = node.get("task_type") == TaskType.RECURRING
    key = occurrence_key(task_id, time_ms, 1)
    skipped: SkipRow = {
        "task_id": task_id,
        "execution_id": execution_id_of(key, time_ms),
        "occurrence_key": key,
        "execution_type": ExecutionType.CRON if recurring else ExecutionType.ONE_TIME,
        "task_type": TaskType.RECURRING if recurring else TaskType.ONE_TIME,
        "status": ExecutionStatus.SKIPPED,
        "occurrences": 1,
        "nominal_ms": time_ms,
        "last_nominal_ms": time_ms,
        "triggered_ms": now_ms,
        "reason_code": Reason.QUARANTINED,
        "reason": reason,
    }
    return [Statement("skip_unreadable", [skipped]), quarantine]


def _due_ms(node: Row) -> int | None:
    """Return the first time without an outcome; if that is unreadable, the time of the due key."""
    due_key, nominal_ms = node.get("due_key"), node.get("nominal_ms")
    if not isinstance(due_key, int):
        return None
    armed_ms = time_ms_of(due_key)
    return nominal_ms if isinstance(nominal_ms, int) and 0 <= nominal_ms <= armed_ms else armed_ms
