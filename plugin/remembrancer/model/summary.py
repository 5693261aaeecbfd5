"""Summaries of pruned executions: one for each task and UTC day."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict


class ExecutionSummary(BaseModel):
    """Totals of one task's executions whose nominal time was in one UTC day; durations are in seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    summary_id: str
    """The key: task and day."""
    task_id: str
    """The task whose executions were summed up."""
    day: str
    """Such as `2026-03-02`; a burst counts on its first day."""
    executions: int
    """The number of executions."""
    runs: int
    """The number of executions that started; the others got their outcome without a run."""
    occurrences: int
    """The number of occurrences that they account for."""
    completed: int
    """Occurrences that ended as completed."""
    failed: int
    """Occurrences that ended as failed."""
    skipped: int
    """Occurrences that ended as skipped."""
    missed: int
    """Occurrences that ended as missed."""
    superseded: int
    """Occurrences that ended as superseded."""
    deferred: int
    """Occurrences that ended as deferred."""
    cancelled: int
    """Occurrences that ended as cancelled."""
    handler_failed: int
    """Executions that failed because the handler returned `Failed`."""
    handler_raised: int
    """Executions that failed because the handler raised an exception."""
    timed_out: int
    """Executions that failed because the handler exceeded its timeout."""
    lease_expired: int
    """Executions that failed because their scheduler died or lost its connection."""
    shutdown: int
    """Executions that failed because their scheduler stopped."""
    duration_seconds: float
    """Sum of the durations of the runs."""
    lateness_seconds: float
    """Sum over the runs of the time from nominal time to start."""
    lateness_max_seconds: float
    """The longest time from nominal time to start."""
    first_nominal_at: datetime
    """The first nominal time (UTC)."""
    last_nominal_at: datetime
    """The last nominal time (UTC)."""
