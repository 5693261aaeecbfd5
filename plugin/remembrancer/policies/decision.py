"""Decisions about the occurrence that a task is due for, and the context in which a policy decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
    from remembrancer.model.halt import HaltSpan
    from remembrancer.model.question import Question
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.occurrences import OccurrenceRange
    from remembrancer.ports.dependencies import Joined
    from remembrancer.ports.lineages import LineageState


class Run(NamedTuple):
    """Run one occurrence now."""

    occurrence_ms: int
    next_ms: int | None
    """The task's occurrence after it; None where none follows."""
    execution_type: ExecutionType
    reason: str


class Skip(NamedTuple):
    """Do not run these occurrences, all for one reason, and record the reason in the history."""

    occurrences: OccurrenceRange
    status: ExecutionStatus
    code: Reason
    reason: str
    next_run_ms: int | None
    """The time at which the task is due next; None if it is over."""
    next_nominal_ms: int | None
    """The first occurrence that has no outcome then."""
    ends_deferral: bool = False
    """True if a live deferral is over then."""
    ends_as: TaskStatus = TaskStatus.FAILED
    """The status of the task if it is over."""
    gains: Mapping[str, str | int | None] | None = None
    """Other properties of the task that change with it."""


class Wait(NamedTuple):
    """Leave the occurrence due. The policies are asked again at a later tick, one second from now at the earliest."""

    reason: str


class Remind(NamedTuple):
    """Ask a question of the task again, and arm the task for the end of the time for an answer."""

    question: Question
    """The question as it is asked then."""
    is_escalation: bool
    """True if it is asked of others."""


class Park(NamedTuple):
    """Let the occurrence wait for something: its task is not due until it is woken, changed or looked at again.

    Writing it again with the same key and reason writes nothing.
    """

    wait_key: str
    """The thing that it waits for: tasks with one key are woken together, the first one first. Up to 500 characters."""
    reason: str
    """The same in words, and who is in the way."""


Decision: TypeAlias = Run | Skip | Wait | Park | Remind


@dataclass(frozen=True)
class PlanContext:
    """The time of the decision, and the replica that makes it; None for one that a caller's request makes."""

    now_ms: int
    replica_id: str | None

    @cached_property
    def now(self) -> datetime:
        """The time of the decision, converted once for all tasks of a page."""
        return from_ms(self.now_ms)


@dataclass(frozen=True, slots=True)
class Situation:
    """Facts beyond the task that policies decide by, read once for a page of due tasks."""

    dependencies: Mapping[str, tuple[Joined, ...]] = field(default_factory=dict[str, "tuple[Joined, ...]"])
    """By the ids of those tasks that depend on others, what is known of these."""
    limits: Collection[str] = ()
    """The limits that somebody has set."""
    full: Mapping[str, str] = field(default_factory=dict[str, str])
    """The limits without a free slot, as far as this replica knows, with the reason of those that wait for one."""
    served: Collection[str] = ()
    """The queues that have a handler in this process."""
    asked_for: Collection[str] = ()
    """The tasks that workers are being given."""
    halt: HaltSpan | None = None
    """The last halt of the scheduler that is over."""
    lineages: Mapping[str, LineageState] = field(default_factory=dict[str, "LineageState"])
    """The lineages whose budgets tasks of the page draw on, by their ids."""


PLAIN: Situation = Situation()
"""The situation of a page whose tasks carry no policy that needs one."""

Policy: TypeAlias = "Callable[[ScheduledTask, Situation, PlanContext], Decision | None]"
"""A pure function; None leaves the decision to the policies after it. It may raise InvalidInput."""
