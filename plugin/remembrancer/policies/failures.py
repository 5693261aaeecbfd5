"""Failures in a row: those that count, and the pause of a task that fails again and again. Pure functions.

The laws:

- A recurring task with `pause_on_failure` is paused by the commit of the outcome that completes so many failures in a
  row, whichever replica writes it. The pause names the number and the last failure.
- An occurrence counts once, by the outcome of its last attempt: a failure that another attempt follows does not count,
  and a lost run that none follows does. A completion ends the row; other outcomes leave it as it is.
- A run that a caller asks for does not count: it is a trial.
- A resumption begins the row anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, ExecutionType

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask

_COUNTED = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.FAILED})


def is_counted(
    task: ScheduledTask, execution: Execution, status: ExecutionStatus, *, is_retried: bool, is_last: bool
) -> bool:
    """Return whether an outcome counts for the failures in a row of *task*."""
    if task.pause_on_failure is None or is_last or is_retried:
        return False
    return status in _COUNTED and execution.execution_type is not ExecutionType.MANUAL
