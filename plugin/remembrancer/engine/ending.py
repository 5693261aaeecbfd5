"""What a task still owes when somebody ends it: each moment that has come gets an outcome."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from remembrancer.engine.planning import BURST, Decision, Dropped, drop, owed
from remembrancer.model.execution import ExecutionStatus, Reason

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.task_store import Claim


async def unserved_of(task: ScheduledTask, now_ms: int) -> Claim | None:
    """Account for the moments of *task* that have come and that it is cancelled with; None without any."""
    first_ms, last_ms, occurrences = None, 0, 0
    for last_ms in owed(task, now_ms):
        first_ms = last_ms if first_ms is None else first_ms
        occurrences += 1
        if occurrences % BURST == 0:
            await asyncio.sleep(0)  # an outage may have been long: what else is due need not wait for the count
    if first_ms is None:
        return None
    text = "The task was cancelled before anything became of this moment."
    dropped = Dropped(first_ms, last_ms, occurrences, ExecutionStatus.CANCELLED, Reason.TASK_CANCELLED, text)
    return drop(task, dropped, task.next_run_ms, None, Decision(now_ms, None))
