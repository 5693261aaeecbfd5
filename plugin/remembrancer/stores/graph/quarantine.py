"""Take a task that cannot be read or planned out of the schedule: from its node, whatever stands in it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from remembrancer.errors import DiskFull, GraphBusy, GraphUnavailable, GraphUnreachable
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import execution_id_of, new_id, occurrence_key
from remembrancer.model.task_status import TaskType
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken
from remembrancer.stores.rows.due_key import moment_of
from remembrancer.stores.rows.readable_records import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.rows.readable_records import Unreadable

_LOG: Final = logging.getLogger("remembrancer")
_LONGEST: Final = 1000


async def quarantine_all(session: GraphConnection, unreadable: Sequence[Unreadable], now_ms: int) -> None:
    """Disarm all tasks that cannot be read, together: the others of their page wait for one commit or two."""
    await asyncio.gather(*(quarantine(session, node, str(fault), now_ms) for node, fault in unreadable))


async def quarantine(session: GraphConnection, node: Row, fault: str, now_ms: int) -> None:
    """Disarm a task, with the fault in its audit trail and an outcome for the moment that it stands at."""
    bare = Statement("disarm_unreadable", [{"due_key": node.get("due_key"), "task_id": node.get("task_id")}])
    if not node.get("task_id") or node.get("next_run_ms") is None:
        await session.write([bare])
        return
    *skipped, disarmed = quarantine_statements(node, fault, now_ms)
    try:
        await session.write([*skipped, disarmed])
    except UniqueKeyTaken:  # that moment has an outcome already
        await session.write([disarmed])
    except (GraphUnreachable, GraphBusy, DiskFull):
        raise
    except GraphUnavailable as refused:  # its properties make no sense to the engine either
        _LOG.error("The task %s is taken out of the schedule without an outcome: %s", node["task_id"], refused)
        await session.write([bare])


async def fail_unreadable(session: GraphConnection, unreadable: Sequence[Unreadable], now_ms: int) -> None:
    """Fail executions that cannot be read and whose holder is gone: none would ever settle them."""
    lost: list[Row] = [
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
        await session.write([Statement("lose_executions", lost)])


def quarantine_statements(node: Row, fault: str, now_ms: int) -> Sequence[Statement]:
    """Return the statements that set a task aside; the last disarms it, one before it accounts for what has come."""
    task_id, reason = node["task_id"], fault[:_LONGEST]
    change: Row = {"task_id": task_id, "change_id": new_id("change", now_ms), "at_ms": now_ms, "reason": reason}
    quarantine = Statement("quarantine_tasks", [change])
    moment_ms = _stands_at(node)
    if moment_ms is None or moment_ms > now_ms:
        return [quarantine]
    recurring = node.get("schedule_cron") is not None
    key = occurrence_key(task_id, moment_ms, 1)
    skipped: Row = {
        "task_id": task_id,
        "execution_id": execution_id_of(key, moment_ms),
        "occurrence_key": key,
        "execution_type": ExecutionType.CRON if recurring else ExecutionType.ONE_TIME,
        "task_type": TaskType.RECURRING if recurring else TaskType.ONE_TIME,
        "status": ExecutionStatus.SKIPPED,
        "occurrences": 1,
        "nominal_ms": moment_ms,
        "last_nominal_ms": moment_ms,
        "triggered_ms": now_ms,
        "reason_code": Reason.QUARANTINED,
        "reason": reason,
    }
    return [Statement("skip_unreadable", [skipped]), quarantine]


def _stands_at(node: Row) -> int | None:
    """Return the first moment without an outcome; where that makes no sense, the one under which the task is due."""
    due_key, nominal_ms = node.get("due_key"), node.get("nominal_ms")
    if not isinstance(due_key, int):
        return None
    armed_ms = moment_of(due_key)
    return nominal_ms if isinstance(nominal_ms, int) and 0 <= nominal_ms <= armed_ms else armed_ms
