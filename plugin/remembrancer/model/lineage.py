"""Lineages: the trees of tasks that single thoughts started."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.budget import Budget
from remembrancer.model.task_status import TaskStatus  # noqa: TC001 (pydantic reads the annotations at run time)


class LineageTask(BaseModel):
    """A task in a lineage, and where it stands in the tree."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The id of the task."""
    name: str
    """Its name."""
    status: TaskStatus
    """Its state."""
    generation: int
    """0 for a root, which no handler scheduled; else one more than its parent's."""
    parent_id: str | None
    """The task whose handler scheduled it; None for a root."""
    execution_id: str | None
    """The execution whose handler scheduled it; None for a root."""
    created_at: datetime
    """The time (UTC) at which it was scheduled."""


class Lineage(BaseModel):
    """A lineage: the tasks of one thought, and those that their handlers scheduled, down to the last generation."""

    model_config = ConfigDict(frozen=True)

    lineage_id: str
    """The thought that started it."""
    budget: Budget = Field(default_factory=Budget)
    """Its bounds, those of the scheduler's settings where it has none of its own."""
    spent: Budget = Field(default_factory=Budget)
    """The runs, tokens and money that its runs have used which ended."""
    reserved: Budget = Field(default_factory=Budget)
    """The same, as held for those that run."""
    left: Budget = Field(default_factory=Budget)
    """The rest of each amount that its budget bounds: the bound, less the spent and the reserved part."""
    tasks: list[LineageTask] = Field(default_factory=list[LineageTask])
    """Its tasks, parents before children: at most as many as asked for."""
    open_tasks: int = 0
    """The tasks of these that may still fire."""
    spawned: int = 0
    """The tasks that handlers have scheduled in it so far."""
    depth: int = 0
    """The largest generation among its tasks."""
    is_whole: bool = True
    """False if it has more tasks than were asked for."""


class OpenLineage(BaseModel):
    """A lineage with open tasks, and what of its budget is spent."""

    model_config = ConfigDict(frozen=True)

    lineage_id: str
    """The thought that started it."""
    budget: Budget = Field(default_factory=Budget)
    """Its bounds, those of the scheduler's settings where it has none of its own."""
    spent: Budget = Field(default_factory=Budget)
    """The runs, tokens and money that its runs have used which ended."""
    reserved: Budget = Field(default_factory=Budget)
    """The same, as held for those that run."""
    left: Budget = Field(default_factory=Budget)
    """The rest of each amount that its budget bounds."""
    open_tasks: int
    """The number of its open tasks."""
    generation: int
    """The deepest generation of these; 0 if only roots are open."""
