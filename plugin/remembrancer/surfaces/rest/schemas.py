"""What requests hold and answers are: the parts of the API's document that no model of ours has yet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.audit import AuditEntry
from remembrancer.model.execution import Execution
from remembrancer.model.request import ScheduleRequest
from remembrancer.model.task import ScheduledTask

TaskId = Annotated[str, Path(max_length=256)]
ExecutionId = Annotated[str, Path(max_length=256)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400)]
ExecutionCursor = Annotated[str | None, Query(pattern=r"^exec_[\w.-]{1,200}$")]
ChangeCursor = Annotated[str | None, Query(pattern=r"^(change|task)_[\w.-]{1,200}$")]
Since = Annotated[str | None, Query(max_length=100, description="Only from this moment on, ISO-8601 with a zone.")]


class Body(BaseModel):
    """A body; nothing beside its fields is taken."""

    model_config = ConfigDict(extra="forbid")


class RunNowBody(Body):
    """Nothing: what runs is said by the path."""


class ScheduleTasksBody(Body):
    """Tasks to be scheduled in one commit: all of them or none."""

    requests: Annotated[list[ScheduleRequest], Field(min_length=1, max_length=1000)]


class CancelBody(Body):
    """Why a task ends."""

    reason: str | None = None


class DeferBody(Body):
    """Until when a task's next run is put off, and why."""

    until: str
    reason: str
    thought_id: str | None = None


class DeferredTaskBody(Body):
    """A task of the agent's own, or of ours, that is to come back at a moment."""

    thought_id: str
    task_id: str
    defer_until: str
    reason: str
    context: dict[str, object] | None = None


class QueryBody(Body):
    """A reading query."""

    query: str
    parameters: dict[str, object] | None = None


class PruneBody(Body):
    """How many days executions are kept that are over."""

    model_config = ConfigDict(strict=True)  # or `true` would be one day

    keep_days: float
    dry_run: bool = False


class TaskPage(BaseModel):
    """Some tasks, and where the next page begins; null at the end."""

    tasks: list[ScheduledTask]
    next_cursor: str | None


class ExecutionPage(BaseModel):
    """Some executions, newest first, and where the next page begins; null at the end."""

    executions: list[Execution]
    next_cursor: str | None


class AuditPage(BaseModel):
    """Some changes, oldest first, and where the next page begins; null at the end."""

    changes: list[AuditEntry]
    next_cursor: str | None


class CancelResult(BaseModel):
    """Whether this request ended the task; false if it had ended before."""

    task_id: str
    cancelled: bool
    stopping: list[str] = []
    """Its executions under way whose handlers were asked to stop."""


class PreviewedFire(BaseModel):
    """A fire to come."""

    at: datetime
    local: str
    note: str


class HealthResult(BaseModel):
    """Whether the checker is alive and its last pass is recent."""

    healthy: bool
