"""Statements that count outcomes for failures in a row: of a task, which they may pause, and of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.circuit import CIRCUIT, OPEN_SECONDS, OPENS_AFTER
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.circuit import is_telling
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.ports.writes import Settlement
    from remembrancer.stores.commits.row_types.circuits import CircuitCountRow
    from remembrancer.stores.commits.row_types.executions import CountedRow

_LONGEST: Final = 500
"""Characters of the last failure in the reason of a pause."""


def counting(settlements: Iterable[Settlement]) -> list[Statement]:
    """Return the statement that counts outcomes, before these are written; none without any."""
    rows = [_counted_row(each) for each in settlements if each.is_counted]
    return [Statement("count_failures", sorted(rows, key=lambda row: row["at_ms"]))] if rows else []


def counting_circuits(settlements: Iterable[Settlement]) -> list[Statement]:
    """Return the statement that counts outcomes for circuits, before these are written; none without any."""
    rows = [
        _circuit_row(key, each)
        for each in settlements
        for key in each.execution.limit_keys or ()
        if key.startswith(CIRCUIT) and is_telling(each)
    ]
    return [Statement("count_circuits", sorted(rows, key=lambda row: row["at_ms"]))] if rows else []


def _circuit_row(limit_key: str, settlement: Settlement) -> CircuitCountRow:
    return {
        "execution_id": settlement.execution.execution_id,
        "fence": settlement.execution.fence,
        "limit_key": limit_key,
        "is_failure": settlement.status is ExecutionStatus.FAILED,
        "fault": (settlement.reason or str(settlement.reason_code))[:_LONGEST],
        "at_ms": to_ms(settlement.completed_at),
        "opens_after": OPENS_AFTER,
        "open_ms": round(OPEN_SECONDS * 1000),
    }


def _counted_row(settlement: Settlement) -> CountedRow:
    execution, at_ms = settlement.execution, to_ms(settlement.completed_at)
    return {
        "execution_id": execution.execution_id,
        "fence": execution.fence,
        "due_ms": execution.retry_due_ms,
        "of_task": execution.task_id,
        "is_failure": settlement.status is ExecutionStatus.FAILED,
        "fault": (settlement.reason or str(settlement.reason_code))[:_LONGEST],
        "at_ms": at_ms,
        "change_id": new_id("change", at_ms),
        "actor": execution.replica_id,
    }
