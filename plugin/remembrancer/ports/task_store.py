"""The contract for keeping tasks and what became of them.

Laws that hold for every method: a moment is an argument, no store reads a clock. What a method
acknowledges by returning is durable. A method that raises has written nothing. A row that another
replica changed meanwhile is no error: the write leaves it out of its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from remembrancer.ports.signals import Signals

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution
    from remembrancer.model.named_query import NamedQuery
    from remembrancer.model.request import IdempotencyKey
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import ArmedTimes
    from remembrancer.ports.audit_log import AuditLog
    from remembrancer.ports.event_log import EventLog
    from remembrancer.ports.filters import TaskFilter
    from remembrancer.ports.health import HealthProbe
    from remembrancer.ports.idempotency import IdempotencyStore
    from remembrancer.ports.recovery import ExpiredLease, Recovery
    from remembrancer.ports.replicas import ReplicaRegistry
    from remembrancer.ports.retention import ExecutionRetention
    from remembrancer.ports.statistics import Statistics
    from remembrancer.ports.tokens import TokenStore
    from remembrancer.ports.writes import Change, Claim, Lease, Reschedule, Settlement


class TaskStore(Signals, Protocol):
    """The tasks of one memory graph."""

    exclusive: bool
    """Whether no other replica can hold this graph: what a former process left is then dead at once."""
    commits: deque[int]
    """How many rows each of the latest commits wrote; whoever measures them takes them away."""
    past: ExecutionRetention
    """What is long over."""
    schedules: ArmedTimes
    """What its recurring tasks are armed for."""
    lost: set[str]
    """The executions that this process recorded as lost since it last asked for abandoned leases."""

    @property
    def roll(self) -> ReplicaRegistry:
        """Which graph this is, and who works on it."""
        ...

    @property
    def accounts(self) -> Statistics:
        """The graph's books."""
        ...

    @property
    def soundings(self) -> HealthProbe:
        """How the graph stands."""
        ...

    @property
    def trail(self) -> AuditLog:
        """What was done to its tasks."""
        ...

    @property
    def tokens(self) -> TokenStore:
        """Who may ask over the network."""
        ...

    @property
    def named_queries(self) -> Mapping[str, NamedQuery]:
        """The questions that come with the package, by name."""
        ...

    @property
    def requests(self) -> IdempotencyStore:
        """What was done for requests that may be sent again."""
        ...

    @property
    def events(self) -> EventLog:
        """What happened, in order."""
        ...

    async def create(
        self, tasks: Sequence[ScheduledTask], *, first: Deferral | None = None, mark: IdempotencyKey | None = None
    ) -> None:
        """Keep new tasks, each CREATED_BY its thought and SCHEDULED_FOR its first minute; all or none.

        *first* is the deferral that made the one task given, *mark* is of the request that gave tasks their dedup_keys.
        Raises DuplicateTask; OutcomeUnknown names the tasks, which can be looked for by their ids.
        """
        ...

    async def get(self, task_id: str) -> ScheduledTask:
        """Return the task with its deferral history. Raises TaskNotFound, TaskUnreadable."""
        ...

    async def find(self, wanted: TaskFilter) -> Sequence[ScheduledTask]:
        """Return tasks, the next to run first, those with nothing ahead last, newest first among them."""
        ...

    async def find_by_dedup_key(self, dedup_key: str) -> ScheduledTask | None:
        """Return the task kept under *dedup_key*, open or ended."""
        ...

    async def find_reactivation(self, deferred_task_id: str) -> ScheduledTask | None:
        """Return the open task that will bring back the agent's own task *deferred_task_id*."""
        ...

    async def due(
        self, now: datetime, limit: int, after: ScheduledTask | None = None, shares: Collection[int] | None = None
    ) -> Sequence[ScheduledTask]:
        """Return armed tasks with `next_run_ms` at or before *now*, oldest first, at most *limit*.

        With *after*, the last task of a page that this returned, the page that follows it; with *shares*, only
        tasks that are in one of them (`model.ids.share_of`).
        """
        ...

    async def next_run_at(self, shares: Collection[int] | None = None) -> datetime | None:
        """Return the earliest moment any task, or any of *shares*, is armed for."""
        ...

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> Sequence[Execution]:
        """Write the executions of those claims whose task still stands as read; return them.

        At most one replica wins an occurrence, and at most one execution exists for one attempt at it. The lease
        exists if an execution that was won runs.
        """
        ...

    async def start_now(self, execution: Execution, lease: Lease, change: Change) -> Execution | None:
        """Write a running execution outside the schedule, which stays; None: the task is not open, or not as wanted."""
        ...

    async def renew(self, lease_ids: Sequence[str], until: datetime) -> None:
        """Let the leases hold until *until*."""
        ...

    async def settle(self, settlements: Sequence[Settlement], over: Sequence[str] = ()) -> Sequence[bool]:
        """Write each outcome whose execution still runs under the same fence; say of each whether it was written.

        At most one of them puts the same task off. The leases *over* end with them.
        """
        ...

    async def abandoned(self, now: datetime, mine: str) -> Sequence[ExpiredLease]:
        """Return the leases that are over; on an exclusive graph, all that the replica *mine* does not hold."""
        ...

    async def take_over(self, over: Sequence[str], lost: Sequence[Recovery], lease: Lease) -> Sequence[Execution]:
        """End the leases *over*, fail each lost execution (its fence moves on) and start its retry.

        Returns the retries started, each RETRY_OF the one that was lost. The lease exists if there is one.
        """
        ...

    async def quarantine(self, task_id: str, fault: str, now: datetime) -> None:
        """Disarm a task that cannot be read or planned, as FAILED; the moment that it stands at counts as skipped."""
        ...

    async def cancel(self, task_id: str, change: Change, unserved: Claim | None = None) -> bool:
        """End an open task, if it stands as the change wants it; say whether this call ended it.

        A task with a moment that has come by then and has no outcome yet is ended only together with *unserved*,
        which accounts for all such moments, and is written only if the task still stands as it was read for that.
        """
        ...

    async def defer(self, task_id: str, expected_next_run_ms: int | None, rearm: Reschedule, change: Change) -> bool:
        """Write the deferral and move the next run, if the task still stands as read; say whether it did."""
        ...

    async def history(self, task_id: str | None, limit: int, before: str | None = None) -> Sequence[Execution]:
        """Return executions, the latest nominal time first: of one task, or of all; from below *before* if given."""
        ...

    def note(self, what: str, text: str) -> None:
        """Count something that changes no task, such as `cron_refused`; *text* is what people call the fault.

        It is kept with the next write, at the latest when the graph is let go.
        """
        ...

    @property
    def totals(self) -> Mapping[str, float]:
        """What was counted since the graph was made, as far as this replica knows, without asking the graph."""
        ...

    async def counters(self) -> dict[str, float]:
        """Return what was counted since the graph was made, over all replicas; see the data dictionary."""
        ...

    async def recall_counters(self) -> None:
        """Learn anew what the graph has counted: when it is opened, and when it is another than it was."""
        ...

    async def tidy(self, limit: int) -> int:
        """Bring what only people read up to date (SCHEDULED_FOR of tasks that moved on); return how many."""
        ...

    async def query(self, cypher: str, parameters: dict[str, object] | None = None) -> Sequence[dict[str, object]]:
        """Answer a reading query of the user's own."""
        ...

    async def close(self) -> None:
        """Finish the writes under way and let the graph go."""
        ...
