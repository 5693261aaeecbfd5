"""Blocked tasks: what waits for what, down to the root, and what would let it run."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.dependency import OnFailure  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.task_status import TaskStatus  # noqa: TC001 (pydantic reads the annotations at run time)


class BlockStep(BaseModel):
    """A task on the way from a blocked one down to the root."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The key of the task."""
    name: str
    """The name of the task."""
    status: TaskStatus | None = None
    """The state of the task; None if it is not there."""
    reason: str
    """The reason for which nothing has come of it: its own wait, its time, or its end."""


class BlockedTask(BaseModel):
    """A task whose occurrence has come, and waits for a task that it depends on."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The key of the task."""
    name: str
    """The name of the task."""
    nominal_at: datetime | None = None
    """The time (UTC) of the occurrence that waits."""
    waits_since: datetime | None = None
    """The time (UTC) from which on it has waited."""
    reason: str
    """The task in its way, and its state."""
    path: list[BlockStep] = Field(default_factory=list[BlockStep])
    """The tasks in its way: the one that it waits for, the one for which that waits, down to the root."""
    unblock: list[str] = Field(default_factory=list[str])
    """Steps that would let it run."""


class RelatedTask(BaseModel):
    """A task at the other end of a dependency."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The key of the task."""
    name: str
    """The name of the task."""
    status: TaskStatus | None = None
    """The state of the task; None if it is not there."""
    on_failure: OnFailure
    """The effect on the dependent of an outcome that its trigger rule does not accept."""


class TaskDependencies(BaseModel):
    """The tasks that a task depends on, and those that depend on it."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The key of the task."""
    depends_on: list[RelatedTask] = Field(default_factory=list[RelatedTask])
    """The tasks that it depends on, in its order."""
    dependents: list[RelatedTask] = Field(default_factory=list[RelatedTask])
    """The open tasks that depend on it."""
