"""Summaries of pruned executions: one for each task and UTC day."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict


class ExecutionSummary(BaseModel):
    """Totals of one task's executions whose nominal time was in one UTC day; durations are in seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    summary_id: str
    task_id: str
    day: str
    """Such as `2026-03-02`; a burst counts on its first day."""
    executions: int
    runs: int
    """The number of executions that started; the others got their outcome without a run."""
    occurrences: int
    completed: int
    failed: int
    skipped: int
    missed: int
    superseded: int
    deferred: int
    cancelled: int
    handler_failed: int
    handler_raised: int
    timed_out: int
    lease_expired: int
    shutdown: int
    duration_seconds: float
    lateness_seconds: float
    """Sum over the runs of the time from nominal time to start."""
    lateness_max_seconds: float
    first_nominal_at: datetime
    last_nominal_at: datetime
