"""The lanes to a Neo4j server: which connections a call takes, and how long a write waits for locks.

What is urgent never waits behind what is slow: a hundred long queries of a user stop neither the checker nor the
renewal of leases, and a claim never waits in the commit of something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.statement import Statement


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a lane has at most, and within how many seconds each call on one is answered."""

    connections: int
    seconds: float


class Lane(Enum):
    """A set of connections of its own."""

    URGENT = Limits(4, 2.5)
    """Renewals and membership: late by a lease, and others take over what lives."""
    CHECKER = Limits(40, 5.0)
    """What a pass asks, all writes, and look-ups by a key: each is answered in milliseconds."""
    USER = Limits(32, 60.0)
    """Queries of a user's own, lists, histories, statistics: each may read the whole graph."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Writes that commit together.

    They wait *lock_seconds* for the locks of others, and *row_share* of that more for each row, since a large batch on
    a busy server takes its time. A single write that did not get its locks in time waits *patient_seconds* more, with
    a writer of its own; None: its caller takes what is free of locks, and comes back for the rest.
    """

    name: str
    writers: int
    """How many commits may be under way at once."""
    rows: int = 1000
    """How many rows go together at most: a commit is a round trip to a server."""
    lock_seconds: float = 0.75
    row_share: float = 0.004
    patient_seconds: float | None = None

    def limit(self, rows: int, *, patient: bool = False) -> float:
        """Return how many seconds a commit of so many rows waits for locks."""
        return ((patient and self.patient_seconds) or self.lock_seconds) * (1 + rows * self.row_share)


CLAIM: Final = Kind("claim", 8, rows=1)
"""Each page alone: one with a locked task drags down no other."""
SETTLE: Final = Kind("settle", 2)
ACT: Final = Kind("act", 2, lock_seconds=1.0, patient_seconds=10.0)
TIDY: Final = Kind("tidy", 1)
UPKEEP: Final = Kind("upkeep", 1, lock_seconds=5.0)
KINDS: Final = (CLAIM, SETTLE, ACT, TIDY, UPKEEP)

_URGENT_WRITES: Final = frozenset({"renew_leases", "sign_on", "sign_off"})
_URGENT_READS: Final = ("roster",)
_CHECKER_READS: Final = (
    *("due_tasks", "due_tasks_of_shares", "next_run", "next_run_of_shares", "task_elements", "execution_elements"),
    *("leases_over", "still_running", "task_by_id", "task_by_dedup_key", "reactivation_of", "deferrals_of_task"),
    *("execution_by_id", "request_by_key", "token_by_digest", "oldest_executions", "batch_ages", "event_streams"),
    *(
        "graph_version",
        "graph_size",
        "counted_size",
        "due_backlog",
        "lease_state",
        "counters",
        "idle_counters",
        "cancelled_tasks",
    ),
    *("zone_rules", "zones_in_use", "recurring_tasks", "missed_ahead"),
)
_KINDS: Final = {
    **dict.fromkeys(("claim_executions", "step_over", "skip_unreadable", "quarantine_tasks"), CLAIM),
    **dict.fromkeys(("disarm_unreadable", "lose_executions", "retry_executions"), CLAIM),
    **dict.fromkeys(("settle_executions", "link_created_thoughts", "defer_settled"), SETTLE),
    **dict.fromkeys(("create_tasks", "cancel_tasks", "defer_tasks", "start_executions"), ACT),
    **dict.fromkeys(("unlink_times", "link_times"), TIDY),
    **dict.fromkeys(("report_progress", "begin_roll_up", "roll_up_executions", "forget_thoughts"), UPKEEP),
    **dict.fromkeys(("forget_events", "rearm_tasks", "keep_zones"), UPKEEP),
}
_SHARED: Final = frozenset({"record_outcomes", "end_deferrals", "hold_leases", "release_leases"})
"""Parts of several kinds of write; alone, of a claim."""
_LANES: Final = {
    **{query(name): Lane.URGENT for name in _URGENT_READS},
    **{query(name): Lane.CHECKER for name in _CHECKER_READS},
}


def lane_of(text: str) -> Lane:
    """Return the lane of a reading query; one that is not of the catalogue is a user's."""
    return _LANES.get(text, Lane.USER)


def is_urgent(statements: Sequence[Statement]) -> bool:
    """Whether a write is neither counted nor answered, and no worse for being done twice: it goes at once."""
    return bool(statements) and all(each.name in _URGENT_WRITES for each in statements)


def kind_of(statements: Sequence[Statement]) -> Kind:
    """Return the kind of a write: that of the first of its statements which tells."""
    if not statements:
        return TIDY
    telling = [each.name for each in statements if each.name not in _SHARED]
    return _KINDS.get(telling[0], ACT) if telling else CLAIM
