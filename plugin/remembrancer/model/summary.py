"""What is kept of executions that were rolled up: one summary for each task and UTC day."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict


class ExecutionSummary(BaseModel):
    """The executions of one task whose nominal time lay in one UTC day, added up; durations are in seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    summary_id: str
    task_id: str
    day: str
    """Such as `2026-03-02`; a burst counts on the day it began."""
    executions: int
    runs: int
    """How many of them began; the others were accounted for without a run."""
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
    """From nominal time to beginning, in sum over the runs."""
    lateness_max_seconds: float
    first_nominal_at: datetime
    last_nominal_at: datetime
