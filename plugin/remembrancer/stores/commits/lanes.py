"""Lanes and kinds of writes on a server: the connections of a call, and the time for which a write waits for locks.

An urgent call never waits for a slow one: a hundred long queries of a user delay neither the scheduler nor the renewal
of leases, and a claim never shares the commit of another kind of write.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from remembrancer_schema.catalog import query


@dataclass(frozen=True, slots=True)
class Limits:
    """The most connections of a lane, and the seconds within which each call on one is answered."""

    connections: int
    seconds: float


class Lane(Enum):
    """A set of connections of its own."""

    URGENT = Limits(4, 2.5)
    """Renewals and heartbeats: if they are late by a lease, other replicas recover what still runs."""
    SCHEDULER = Limits(40, 5.0)
    """The reads of a tick, all writes, and look-ups by a key: each is answered in milliseconds."""
    USER = Limits(32, 60.0)
    """Queries that users write, lists, histories, statistics: each may read the whole graph."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Writes that commit together.

    They wait *lock_seconds* for the locks of others, and *row_share* of that more for each row, since a large batch on
    a busy server takes longer. A single write that did not get its locks in time waits *patient_seconds* more, with a
    writer of its own. None: its caller goes on with the tasks that are not locked, and tries the others again.
    """

    name: str
    writers: int
    """The number of commits that may be under way at once."""
    rows: int = 1000
    """The most rows of one commit: a commit is a round trip to the server."""
    lock_seconds: float = 0.75
    row_share: float = 0.004
    patient_seconds: float | None = None

    def limit(self, rows: int, *, patient: bool = False) -> float:
        """Return the seconds for which a commit of this number of rows waits for locks."""
        return ((patient and self.patient_seconds) or self.lock_seconds) * (1 + rows * self.row_share)


CLAIM: Final = Kind("claim", 8, rows=1)
"""Each page alone: a locked task holds up no other page."""
SETTLE: Final = Kind("settle", 2)
ACT: Final = Kind("act", 2, lock_seconds=1.0, patient_seconds=10.0)
IDLE: Final = Kind("idle", 1)
UPKEEP: Final = Kind("upkeep", 1, lock_seconds=5.0)
KINDS: Final = (CLAIM, SETTLE, ACT, IDLE, UPKEEP)

_URGENT_READS: Final = ("cluster_snapshot",)
_SCHEDULER_READS: Final = (
    *("due_tasks", "due_tasks_of_shards", "next_run", "next_run_of_shards", "task_elements", "execution_elements"),
    *(
        "expired_leases",
        "still_running",
        "task_by_id",
        "task_by_dedup_key",
        "tasks_under_dedup_keys",
        "reactivation_of",
        "deferrals_of_task",
    ),
    *("execution_by_id", "request_by_key", "token_by_digest", "oldest_executions", "batch_ages", "event_streams"),
    *(
        "graph_version",
        "graph_size",
        "counted_size",
        "due_backlog",
        "lease_state",
        "parked_tasks",
        "retries_ahead",
        "open_dead_letters",
        "counters",
        "idle_counters",
        "cancelled_tasks",
    ),
    *(
        "kept_rules",
        "zones_in_use",
        "recurring_tasks",
        "missed_ahead",
        "watches",
        "watched_tasks",
        "waits_between",
        "limits",
        "limits_by_key",
        "executions_of_ids",
        "stopped_executions",
    ),
)
_LANES: Final = {
    **{query(name): Lane.URGENT for name in _URGENT_READS},
    **{query(name): Lane.SCHEDULER for name in _SCHEDULER_READS},
}


def lane_of(text: str) -> Lane:
    """Return the lane of a reading query; one that is not in the catalogue is a user's."""
    return _LANES.get(text, Lane.USER)
