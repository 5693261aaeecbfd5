"""The watches port: tasks whose occurrences come from what happens in the graph. The laws of `ports.graph` hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask


class FollowedExecution(NamedTuple):
    """One execution of a task that another follows."""

    execution_id: str
    status: str
    attempt: int
    nominal_ms: int
    completed_ms: int | None
    fence: int
    """Of its claim: greater than that of each claim before."""


class Watch(NamedTuple):
    """An open task that waits for something, and the state of the task that it follows."""

    task_id: str
    check_at_ms: int
    runs_after_id: str | None
    other_fence: int | None
    """Grows with each claim and change of the other task; None if it is not there."""
    other_status: str | None
    other_ahead_ms: int | None
    """The earliest time that an occurrence of it without an outcome may have."""


class Sought(NamedTuple):
    """Executions of a task that a follower looks at: by the schedule, from a nominal time on."""

    task_id: str
    floor_ms: int
    since_ms: int
    """Those that ended before are left out."""


@dataclass(frozen=True, slots=True)
class WatchChange:
    """A change of a waiting task: it gains occurrences, or ends as *ends_as*."""

    before: ScheduledTask
    after: ScheduledTask
    at: datetime
    ends_as: str | None = None
    reason: str = ""


class FailedCheck(NamedTuple):
    """The check of a waiting task that failed, and why."""

    task_id: str
    schedule_spec: str | None
    """The schedule of the task at that time."""
    error: str
    at: datetime


class Watches(Protocol):
    """The waiting tasks of one memory graph."""

    on_change: list[Callable[[], None]]
    """Called, on any thread, for a new or changed waiting task, and for an outcome or the end of one in `followed`."""
    followed: set[str]
    """The tasks that the caller wants to hear about."""

    def take_settled(self) -> set[str]:
        """Return those of the tasks in `followed` that got an outcome or ended since the last call."""
        ...

    async def all(self) -> Sequence[Watch]:
        """Return the open tasks that wait, in a few properties each."""
        ...

    async def tasks(self, task_ids: Sequence[str]) -> Sequence[ScheduledTask]:
        """Return these tasks, those that can be read."""
        ...

    async def executions(self, sought: Sequence[Sought]) -> Sequence[Sequence[FollowedExecution]]:
        """Return for each the executions that run, completed or failed."""
        ...

    async def matches(
        self, cypher: str, parameters: Mapping[str, object], task_id: str | None = None
    ) -> Sequence[dict[str, object]]:
        """Return the rows of a cue's query, within its limits.

        Raises InvalidInput: the query is at fault, or its answer is too large. Raises GraphUnavailable.

        Args:
            cypher: The query.
            parameters: Values of its parameters.
            task_id: The task that is checked, apart from queries of callers; None for a caller.
        """
        ...

    async def fail(self, check: FailedCheck) -> None:
        """Write why the check of an open task failed, unless that is written already."""
        ...

    async def failing(self) -> Sequence[tuple[str, str]]:
        """Return the tasks whose last check failed, with why; a few of them."""
        ...

    async def write(self, changes: Sequence[WatchChange]) -> Sequence[bool]:
        """Write the changes of tasks that are still as they were read; return for each whether it was."""
        ...
