"""Values that a store writes: claims, leases, outcomes, recoveries and changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution, ExecutionStatus, Reason
    from remembrancer.model.handler_result import Thought
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.model.question import Question
    from remembrancer.model.quota import Quota
    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.task_status import TaskStatus


class Draw(NamedTuple):
    """The reservation of an execution in the budget of its lineage, besides its run."""

    lineage_id: str
    tokens: int
    money: int
    """In millionths."""


class Charge(NamedTuple):
    """The usage of an execution in the end; what it reserved beyond that is given back."""

    runs: int
    """1, or 0 for one that was deferred."""
    tokens: int | None
    """None: what it had reserved."""
    money: int | None
    """In millionths; None: what it had reserved."""
    lineage_id: str | None
    """The lineage, whose waiting tasks are looked at again; None where nothing is given back."""


@dataclass(frozen=True, slots=True)
class NewFollowUp:
    """A task that follows up missed occurrences: it is made with their outcome, if there is room for it."""

    task: ScheduledTask
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    """Bounds that hold where its lineage has none of its own."""
    quotas: Sequence[Quota] = ()
    """The quotas that it needs room in."""
    refusal: str | None = None
    """The reason for which it is not made at all, within a sentence; None unless it is known."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One occurrence (or burst) to claim for this replica, and the state of its task after that."""

    execution: Execution
    """Running, or terminal. Its fence is one more than the task's as it was read: it wins only over that one."""
    expected_next_run_ms: int | None
    """The task's `next_run_ms` as it was read."""
    next_run_ms: int | None
    next_nominal_ms: int | None
    task_status: TaskStatus
    ends_deferral: bool = False
    begins: bool = False
    """True if the task was PENDING as it was read, and this claim begins it."""
    ends_pause: bool = False
    """True if each occurrence that the pause held has an outcome then."""
    gains: Mapping[str, str | int | None] | None = None
    """Other properties of the task that change with it."""
    ends_wait: bool = False
    """True if the task waited for something as it was read: it does not afterwards."""
    draw: Draw | None = None
    """Its reservation in a budget; it is won only if that has enough left."""
    follow_up: NewFollowUp | None = None
    """The task that follows up what was missed; None without one."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease of one batch of claims: it holds until *until*, and for as long as it is renewed."""

    lease_id: str
    replica_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Reschedule:
    """A deferral of a task, and the next run that follows from it. The task keeps its place in its schedule."""

    deferral: Deferral
    next_run_ms: int | None
    """None for a run that waits for an answer without an end."""
    outstanding: Claim | None = None
    """Accounts for a run that was deferred before and is due; the deferral is written only if this is."""
    live_id: str | None = None
    """The live deferral of the task as it was read."""
    since_ms: int = 0
    """The beginning of its chain, if it does not go on with one."""
    of_deferred_run: bool = False
    """True if the handler of a deferred run asks for it: then it goes on with the chain of that run's deferral."""
    most_in_row: int | None = None
    """The most deferrals in a row that its task may have, this one among them; None for any number."""

    def asking(self, question: Question) -> Reschedule:
        """Return it as the deferral that asks *question*."""
        return replace(self, deferral=self.deferral.model_copy(update={"question": question.model_dump_json()}))


@dataclass(frozen=True, slots=True)
class Reminder:
    """A question that is asked again, of the same people or of others."""

    task: ScheduledTask
    """The task as it was read."""
    question: Question
    """The question as it is then."""
    at: datetime
    is_escalation: bool = False
    """True if others are asked."""


@dataclass(frozen=True, slots=True)
class NextCheck:
    """The next check of an agent-paced task, armed by the outcome of an execution."""

    at_ms: int
    is_answer: bool
    """True if the handler named it: then it comes before a later one that is ahead already."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The terminal outcome of one running execution."""

    execution: Execution
    """As claimed: its id and fence say which write this is."""
    status: ExecutionStatus
    completed_at: datetime
    duration_seconds: float
    reason_code: Reason | None = None
    reason: str | None = None
    result: str | None = None
    thought: Thought | None = None
    ends_task: TaskStatus | None = None
    """The task's status after its last occurrence; None for a task that goes on."""
    reschedule: Reschedule | None = None
    is_last: bool = False
    """True if no occurrence follows this one, unless it is deferred."""
    additions: str | None = None
    """The additions of the task as it was claimed: its task ends only if it has no others."""
    next_check: NextCheck | None = None
    """The next check of an agent-paced task."""
    retry_due_ms: int | None = None
    """The time (epoch ms) of the next attempt, which waits from then on; None if this is the outcome."""
    is_permanent: bool = False
    """True if another attempt would fail too, as the handler said."""
    ended_because: str | None = None
    """Why no attempt follows a failure; None for any other outcome, or if one does."""
    trace_id: str | None = None
    span_id: str | None = None
    charge: Charge | None = None
    """Its usage of a budget; None for a task without one."""
    is_counted: bool = False
    """True if it counts for the failures in a row of its task."""
    is_counted_refused: bool = False
    """True if it would count as a failure, should the graph refuse it as it is."""
    depends: bool = False
    """True if its task depends on others."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a task or of the graph, and who makes it: for the audit log."""

    action: str
    """cancel, defer, run_now, create_token, …"""
    at: datetime
    surface: str
    """The way by which it came: service, command line, rest, …"""
    actor: str | None = None
    """The name of the caller there: of a token, or a login name."""
    reason: str | None = None
    thought_id: str | None = None
    if_fence: int | None = None
    """Only if the task still has this fence when it is written."""
    idempotency_key: IdempotencyKey | None = None
    """The key of the request; the store raises IdempotencyKeyReused if something was done under it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one open task: paused, resumed, updated, or ended if *after* has ended."""

    before: ScheduledTask
    """The task as it was read."""
    after: ScheduledTask
    change: Change
    outstanding: Claim | None = None
    """Accounts for occurrences that the change leaves without a run; it is written with the change."""
    returned: ScheduledTask | None = None
    """The ended task that gives its dedup_key back to this one."""
    dependency_edition: int | None = None
    """Written only with dependencies of this edition: so no two changes close a circle. None: it adds none."""

    @property
    def task_id(self) -> str:
        """The task."""
        return self.before.task_id


@dataclass(frozen=True, slots=True)
class ExpiredLease:
    """A lease that has expired, and those of its executions that have no outcome."""

    lease_id: str
    executions: Sequence[Execution]


@dataclass(frozen=True, slots=True)
class Recovery:
    """The end of one lost execution: its outcome, and the attempt that follows, if any."""

    settlement: Settlement
    retry: Execution | None
    draw: Draw | None = None
    """The reservation of the attempt in a budget."""
    without_retry: Settlement | None = None
    """The settlement that holds if the budget has nothing left for the attempt."""


@dataclass(frozen=True, slots=True)
class WaitingRetry:
    """A failed execution whose next attempt is due, and its task; None for a task that is gone or cannot be read."""

    execution: Execution
    task: ScheduledTask | None


@dataclass(frozen=True, slots=True)
class DueRetries:
    """The decisions about attempts that are due, each by the failed execution before it."""

    started: Sequence[tuple[WaitingRetry, Execution]] = ()
    """Those that start, each with the new execution."""
    held: Sequence[tuple[WaitingRetry, int | None]] = ()
    """Those of paused tasks, each with the end of the pause (epoch ms); None: until the task is resumed."""
    dropped: Sequence[WaitingRetry] = ()
    """Those that never start, of tasks that have ended or are gone."""
    given_up: Sequence[tuple[WaitingRetry, Settlement]] = ()
    """Those that never start, each with what follows from the failure before: it is the outcome."""
    put_off: Sequence[tuple[WaitingRetry, int]] = ()
    """Those that lack something now, each with the time (epoch ms) at which it is looked at again."""
