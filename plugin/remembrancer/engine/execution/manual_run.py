"""A manual run: an execution outside the schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.dead_letter import Rerun
    from remembrancer.model.task import ScheduledTask


def manual_run(task: ScheduledTask, now: datetime, replica_id: str, rerun: Rerun | None = None) -> Execution:
    """Return an execution of *task* that is started now; a *rerun* may have other input than the task."""
    execution_id = new_id("exec", to_ms(now))
    return Execution(
        execution_id=execution_id,
        occurrence_key=f"{task.task_id}|{execution_id}|1",
        task_id=task.task_id,
        execution_type=ExecutionType.MANUAL,
        task_type=task.task_type,
        status=ExecutionStatus.RUNNING,
        nominal_at=now,
        triggered_at=now,
        fence=task.fence,
        replica_id=replica_id,
        rerun_input=rerun.changed_input if rerun else None,
    )
