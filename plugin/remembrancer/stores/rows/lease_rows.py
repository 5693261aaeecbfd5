"""Statements that begin and end leases, and executions as they stand under one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Row, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Lease
    from remembrancer.stores.commits.row_types.executions import LeaseRow


def with_fence(execution: Execution, row: Row) -> Execution:
    """Return *execution* with the fence that its task had when the execution was written."""
    return execution.model_copy(update={"fence": row["fence"]})


def acquire_leases(lease: Lease, executions: Sequence[Execution]) -> Statement:
    """Return the statement that leases *executions*."""
    row: LeaseRow = {
        "lease_id": lease.lease_id,
        "replica_id": lease.replica_id,
        "until_ms": to_ms(lease.until),
        "execution_ids": [execution.execution_id for execution in executions],
    }
    return Statement("acquire_leases", [row])


def release_leases(lease_ids: Sequence[str]) -> Statement:
    """Return the statement that ends leases."""
    return Statement("release_leases", [{"lease_id": lease_id} for lease_id in lease_ids])
