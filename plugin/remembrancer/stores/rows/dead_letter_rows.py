"""Rows that count failures which no attempt follows: one for each task and fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.dead_letter import dead_letter_id_of, fault_of
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.ports.writes import Settlement
    from remembrancer.stores.commits.row_types.executions import DeadLetterRow


def dead_letter_rows(settled: Iterable[tuple[Settlement, int]]) -> list[DeadLetterRow]:
    """Return the rows for those settlements that are final failures, each with the fence of its execution by then."""
    rows: dict[str, DeadLetterRow] = {}
    for settlement, fence in settled:
        if settlement.status is not ExecutionStatus.FAILED or settlement.retry_due_ms is not None:
            continue
        task_id, code = settlement.execution.task_id, settlement.reason_code
        fault = fault_of(code, settlement.reason)
        key = dead_letter_id_of(task_id, code, fault)
        row = rows.setdefault(
            key,
            {
                "dead_letter_id": key,
                "task_id": task_id,
                "reason_code": str(code),
                "fault": fault,
                "task_type": settlement.execution.task_type,
                "at_ms": 0,
                "gave_up": False,
                "ended_because": None,
                "executions": [],
            },
        )
        row["at_ms"] = max(row["at_ms"], to_ms(settlement.completed_at))
        row["gave_up"] |= settlement.is_permanent or settlement.execution.attempt > 1
        row["ended_because"] = settlement.ended_because
        row["executions"].append({"execution_id": settlement.execution.execution_id, "fence": fence})
    return list(rows.values())
