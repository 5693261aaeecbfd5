"""Values that a store writes: claims, leases, outcomes and changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution, ExecutionStatus, Reason
    from remembrancer.model.handler_result import Thought
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.model.task_status import TaskStatus


@dataclass(frozen=True, slots=True)
class Claim:
    """One occurrence (or burst) to take for this replica, and where that leaves its task."""

    execution: Execution
    """Running, or terminal. Its fence is the task's as it was read, and one more: it wins only over that."""
    expected_next_run_ms: int
    """The task's `next_run_ms` as it was read."""
    next_run_ms: int | None
    next_nominal_ms: int | None
    task_status: TaskStatus
    ends_deferral: bool = False
    begins: bool = False
    """Whether the task was PENDING as it was read, and is not any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """How long the claims of one batch hold: until *until*, or for as long as it is renewed."""

    lease_id: str
    replica_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Reschedule:
    """A deferral of a task, and when the task acts next because of it. It keeps its place in its schedule."""

    deferral: Deferral
    next_run_ms: int
    unserved: Claim | None = None
    """Accounts for a run that was put off before to a moment which has come; the deferral stands only if this does."""


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
    """The task's status after its only occurrence; None for a task that goes on."""
    rearm: Reschedule | None = None
    trace_id: str | None = None
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Who did what to a task or to the graph, for the audit trail."""

    action: str
    """cancel, defer, run_now, create_token, …"""
    at: datetime
    surface: str
    """Through what: service, command line, rest, …"""
    actor: str | None = None
    """As whom there: a token's name, a login name."""
    reason: str | None = None
    thought_id: str | None = None
    if_fence: int | None = None
    """Only if the task still has this fence when it is written."""
    mark: IdempotencyKey | None = None
    """The key of the request; the store raises IdempotencyKeyReused if something was done under it."""
