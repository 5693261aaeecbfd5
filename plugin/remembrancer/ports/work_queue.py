"""The work queue port: due tasks, claims, leases and outcomes. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Claim, Draw, ExpiredLease, Lease, Recovery, Settlement


class WorkQueue(Protocol):
    """The armed tasks of one memory graph, and the executions under way.

    Law: every write of the store that arms a task calls `on_armed`, whichever port it goes through.
    """

    on_armed: list[Callable[[int], None]]
    """Called after each write that arms tasks, on any thread, with the earliest time (epoch ms) among them.

    Also after a write that was refused or lost, or whose caller has gone: it may have been committed."""

    lost: set[str]
    """The executions that this process recorded as lost since it last asked for expired leases."""

    async def due(
        self,
        now: datetime,
        limit: int,
        after: ScheduledTask | None = None,
        shards: Collection[int] | None = None,
        *,
        without_priority: bool = False,
    ) -> Sequence[ScheduledTask]:
        """Return armed tasks with `next_run_ms` at or before *now*, oldest first, at most *limit*.

        With *after*, the last task of a page that this method returned: the page that follows it. With *shards*: only
        tasks of these shards (`model.ids.shard_of`). With *without_priority*: none of those with a served priority.
        """
        ...

    async def next_run_at(self, shards: Collection[int] | None = None) -> datetime | None:
        """Return the earliest time for which any task, or any task of *shards*, is armed."""
        ...

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> Sequence[Execution]:
        """Write the executions of those claims whose task is still as it was read; return them.

        At most one replica wins an occurrence, and at most one execution exists for one attempt at it. The lease
        exists if an execution that was won runs.
        """
        ...

    async def start_now(
        self,
        execution: Execution,
        lease: Lease,
        change: Change,
        letter: DeadLetter | None = None,
        *,
        force: bool = False,
        draw: Draw | None = None,
    ) -> Execution | None:
        """Write a running execution outside the schedule; return None if the task is not open, or not as required.

        With a dead *letter*, it is RETRY_OF the last that failed, and a task that ended runs too, unless cancelled.
        Also if one of its limits has no free slot, unless it is to *force* it; `limits.refused` then says which.
        With *draw*, also if the budget of its lineage has less left, and its execution has the fence of the task.
        """
        ...

    async def renew(self, lease_ids: Sequence[str], until: datetime) -> None:
        """Extend the leases to *until*."""
        ...

    async def settle(self, settlements: Sequence[Settlement], ended_leases: Sequence[str] = ()) -> Sequence[bool]:
        """Write each outcome whose execution still runs under the same fence; return for each whether it was written.

        At most one of them defers the same task. The leases *ended_leases* end in the same write.
        """
        ...

    async def expired_leases(self, now: datetime, mine: str) -> Sequence[ExpiredLease]:
        """Return the leases that have expired; on an exclusive graph, all that the replica *mine* does not hold."""
        ...

    async def recover(self, ended_leases: Sequence[str], lost: Sequence[Recovery], lease: Lease) -> Sequence[Execution]:
        """End the leases *ended_leases*, fail each lost execution (its fence moves on) and start its retry.

        Returns the retries that were started, each RETRY_OF the lost execution. The lease exists if there is one.
        """
        ...
