"""Take a task that cannot be read or planned out of the schedule: from its node, whatever stands in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import execution_id_of, new_id, occurrence_key
from remembrancer.model.policy import TaskType
from remembrancer.stores.due_key import moment_of
from remembrancer.stores.session import Row, Session, Statement, UniqueKeyTaken

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG: Final = logging.getLogger("remembrancer")
_LONGEST: Final = 1000


async def set_aside(session: Session, node: Row, fault: str, now_ms: int) -> None:
    """Disarm a task, with the fault in its audit trail and an outcome for the moment that it stands at."""
    if not node.get("task_id"):
        _LOG.error("A scheduled_task without a task_id is taken out of the schedule: %s", node)
        await session.write([Statement("disarm_nameless", [{"due_key": node["due_key"]}])])
        return
    *skipped, disarmed = set_aside_statements(node, fault, now_ms)
    try:
        await session.write([*skipped, disarmed])
    except UniqueKeyTaken:  # that moment has an outcome already
        await session.write([disarmed])


def set_aside_statements(node: Row, fault: str, now_ms: int) -> Sequence[Statement]:
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
