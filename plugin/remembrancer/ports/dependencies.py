"""The dependencies port: the tasks that others wait for, and their outcomes. The laws of `ports.graph` hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from remembrancer.model.dependency import Dependency
    from remembrancer.model.task import ScheduledTask

MANUAL: Final = "manual_trigger"


class KnownTask(NamedTuple):
    """A task at one end of a dependency, in a few properties."""

    task_id: str
    name: str
    status: str


class Dependent(NamedTuple):
    """An open task that depends on another one."""

    other_id: str
    """The task that it depends on."""
    task: KnownTask
    on_failure: str


class SoughtOutcomes(NamedTuple):
    """The occurrences of a task whose outcomes are sought: those from one time up to another, both included."""

    task_id: str
    from_ms: int
    until_ms: int

    def is_met_by(self, found: Sequence[FoundOutcome]) -> bool:
        """Return whether one of the executions found is such an occurrence, or one before, and no stand-in."""
        return any(each.execution_type != MANUAL and each.nominal_ms <= self.until_ms for each in found)


@dataclass(frozen=True, slots=True)
class FoundOutcome:
    """One execution of a task that another one depends on."""

    execution_id: str
    execution_type: str
    status: str
    attempt: int
    occurrences: int
    nominal_ms: int
    completed_ms: int | None
    reason_code: str | None
    reason: str | None
    result: str | None
    """None unless it was asked for."""
    makes_up_ms: int | None
    """The time in the past that it makes up for, of a backfill."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A dependency of an occurrence, with what is known of the other task."""

    dependency: Dependency
    task: ScheduledTask | None
    """The other task; None if it is not there or cannot be read."""
    outcomes: tuple[FoundOutcome, ...]
    """The last attempts at its occurrences that count, mended ones as completed; pending ones among them."""
    is_pending: bool
    """True if one of them has no outcome yet."""

    @property
    def name(self) -> str:
        """The other task for people."""
        return self.dependency.task if self.task is None else f"{self.task.name} ({self.task.task_id})"

    @property
    def last_ms(self) -> int:
        """The time of the last outcome; 0 without any."""
        return max((each.completed_ms or 0 for each in self.outcomes), default=0)


class Dependencies(Protocol):
    """The dependencies between the tasks of one memory graph."""

    async def edition(self) -> int:
        """Return the edition of the dependencies; an edit that adds one is written only if it is still in force."""
        ...

    async def path(self, source: str, target: str) -> Sequence[KnownTask]:
        """Return the tasks by which *source* waits for *target*, both included; none if it does not.

        Tasks that have ended wait for nothing.
        """
        ...

    async def related(self, task_ids: Collection[str]) -> Mapping[str, KnownTask]:
        """Return those of the tasks that are there."""
        ...

    async def waited_for(self, task_ids: Collection[str]) -> Mapping[str, Sequence[KnownTask]]:
        """Return for each task the tasks that it waits for: its dependencies, and the one that it follows."""
        ...

    async def dependents(self, task_ids: Collection[str]) -> Sequence[Dependent]:
        """Return the open tasks that depend on one of *task_ids*."""
        ...

    async def tasks(self, task_ids: Collection[str]) -> Mapping[str, ScheduledTask]:
        """Return those of the tasks that are there and can be read."""
        ...

    async def outcomes(
        self, sought: Sequence[SoughtOutcomes], *, whole: bool = False
    ) -> Sequence[Sequence[FoundOutcome]]:
        """Return for each of *sought* its executions, and later ones that stand in for them.

        These are manual runs, backfills, and runs of deferrals. If there are none, the attempts at the last occurrence
        before. Results and whole reasons come only with *whole*.
        """
        ...

    async def waiting(self, other_id: str | None, after: ScheduledTask | None, limit: int) -> Sequence[ScheduledTask]:
        """Return tasks that wait for a task, or for any, in the order of what they wait for, after the task *after*."""
        ...
