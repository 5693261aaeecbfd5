"""Rows that write how executions go and end: their progress, their outcomes and the thoughts that they created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.rows.node_rows import outcome_key

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.ports.handler import Progress
    from remembrancer.ports.writes import Settlement
    from remembrancer.stores.commits.row_types.executions import (
        OutcomeProperties,
        ProgressRow,
        SettleRow,
        ThoughtRow,
    )


def settle_row(settlement: Settlement) -> SettleRow:
    """Return the row that settles an execution; `outcome` holds the properties that it gains."""
    outcome: OutcomeProperties = {"status": settlement.status, "duration_seconds": settlement.duration_seconds}
    if settlement.status is not ExecutionStatus.COMPLETED:
        outcome["outcome_key"] = outcome_key(settlement.status, settlement.execution.execution_id)
    if settlement.reason_code is not None:
        outcome["reason_code"] = settlement.reason_code
    if settlement.reason is not None:
        outcome["reason"] = settlement.reason
    if settlement.result is not None:
        outcome["result"] = settlement.result
    if settlement.retry_due_ms is not None:
        outcome["retry_due_ms"] = settlement.retry_due_ms
        outcome["retry_task_id"] = settlement.execution.task_id
    if settlement.trace_id is not None:
        outcome["trace_id"] = settlement.trace_id
        outcome["span_id"] = settlement.span_id
    return {
        "execution_id": settlement.execution.execution_id,
        "of_task": settlement.execution.task_id,
        "fence": settlement.execution.fence,
        "task_type": settlement.execution.task_type,
        "completed_ms": to_ms(settlement.completed_at),
        "outcome": outcome,
    }


def progress_row(execution: Execution, progress: Progress, at: datetime) -> ProgressRow:
    """Return the row that writes the progress of an execution."""
    return {
        "execution_id": execution.execution_id,
        "of_task": execution.task_id,
        "fence": execution.fence,
        "progress": progress.fraction,
        "progress_text": progress.text,
        "at_ms": to_ms(at),
    }


def thought_row(settlement: Settlement) -> ThoughtRow:
    """Return the row that writes the thought that an execution created."""
    thought = settlement.thought
    assert thought  # noqa: S101 (the caller has looked)
    return {
        "execution_id": settlement.execution.execution_id,
        "fence": settlement.execution.fence,
        "thought_id": thought.thought_id,
        "content": thought.content,
        "completed_ms": to_ms(settlement.completed_at),
    }
