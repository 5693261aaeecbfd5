"""Work for workers: an execution that is handed out, and what its worker hears of it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from remembrancer.model.dependency import DependencyOutcome  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.execution import Execution  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.question import Answer  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.task import ScheduledTask  # noqa: TC001 (pydantic reads the annotations at run time)

MOST_WORK: Final = 100
"""The most executions that one call hands out."""
MOST_QUEUES: Final = 20
"""The most queues that one call asks."""
LONGEST_WAIT: Final = 60.0
"""Seconds that a call may wait for work."""
LEASE_SECONDS: Final = 60.0
"""Seconds without a word of its worker after which work is lost, unless its claim says otherwise."""
LEAST_LEASE: Final = 1.0
LONGEST_LEASE: Final = 86_400.0


class WorkClaim(NamedTuple):
    """A request of a worker for work, checked."""

    queues: tuple[str, ...]
    worker: str
    limit: int
    wait_seconds: float
    lease_seconds: float


class HeldExecution(NamedTuple):
    """An execution that a worker says it holds."""

    execution_id: str
    worker: str


class WorkItem(BaseModel):
    """An execution that a worker has claimed: it is to complete, fail or defer it, and to report on it meanwhile."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    execution_id: str
    """The key of the execution: outcomes and reports name it."""
    queue: str
    """The queue that it came from."""
    worker: str
    """The worker that holds it."""
    lease_seconds: float
    """Seconds within which each report, or the outcome, has to come after the one before."""
    prompt: str
    """The text that the agent asked to be reminded of."""
    execution: Execution
    """The execution."""
    task: ScheduledTask
    """Its task, with the context, as it was claimed."""
    answer: Answer | None = None
    """The answer that this run waited for; None if it waited for none."""
    dependencies: tuple[DependencyOutcome, ...] = ()
    """The outcomes of the tasks that its task depends on, with their results."""


class WorkReceipt(BaseModel):
    """The answer to a report or an outcome of a worker."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    execution_id: str
    """The execution."""
    stop_requested: bool = False
    """True if the worker should end: the task was cancelled, its deadline passed, or the scheduler stops."""
    lease_until: datetime | None = None
    """The time (UTC) by which the next report has to come; None after an outcome, which is stored then."""


class WaitingWork(BaseModel):
    """A task whose occurrence has come and waits for a worker of its queue."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    queue: str
    """The queue."""
    task_id: str
    """The task."""
    task: str
    """The name of the task."""
    prompt: str
    """Its prompt."""
    due_at: datetime
    """The time (UTC) of the occurrence that waits."""
    waits_since: datetime
    """The time (UTC) from which on it has waited."""
