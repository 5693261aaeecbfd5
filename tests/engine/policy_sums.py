"""What a graph keeps beside tasks, as its executions say it must be: budgets, slots, rates, circuits and follow-ups."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from policy_plans import Row

    from remembrancer import TaskSchedulerService

AMOUNTS: Final = ("runs", "tokens", "money")
UNITS: Final = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
OVERLAP_KEYS: Final[dict[str | None, Callable[[Row], str]]] = {
    None: lambda task: task["task_id"],
    "{task_id}": lambda task: task["task_id"],
    "k-{name}": lambda task: f"k-{task['name']}",
    "x{origin_thought_id}": lambda task: f"x{task['origin_thought_id']}",
    "{context.customer}": lambda task: str(task["context"]["customer"]),
    "{{{name}}}": lambda task: "{" + task["name"] + "}",
}
"""Templates of overlap keys, each with the key that a task has by it."""
_BUDGETS: Final = "MATCH (l:lineage) RETURN l"
_CHARGED: Final = "MATCH (e:task_execution) WHERE e.budget_id IS NOT NULL RETURN e"
LIMITS: Final = "MATCH (l:concurrency_limit) RETURN l"
BEGUN: Final = """
MATCH (e:task_execution) WHERE e.limit_keys IS NOT NULL
OPTIONAL MATCH (e)-[:RETRY_OF]->(f:task_execution) WHERE e.attempt > 1
RETURN e, f.execution_id AS former_id, f.reason_code AS former_code
"""
_MISSED: Final = """
MATCH (e:task_execution {status: 'missed'})-[:EXECUTION_OF]->(t:scheduled_task)
OPTIONAL MATCH (f:scheduled_task {follow_up_of: e.execution_id})-[:SPAWNED_BY]->(e)
RETURN e.execution_id AS execution_id, e.reason AS reason, t.follow_up AS wish, count(f) AS made
"""
_FAULTS: Final = frozenset({"handler_failed", "handler_raised", "retry_requested"})


async def wrong_budgets(service: TaskSchedulerService) -> list[str]:
    """Return budgets whose parts are not what their runs used and hold, and runs that are charged wrongly."""
    found: list[str] = []
    runs: list[Row] = [row["e"] for row in await service.cypher(_CHARGED)]
    for row in runs:
        row["reserved_runs"] = 1
        owed = 0 if row["status"] == "deferred" else 1  # also of one that was stopped under way
        if row["status"] != "running" and row.get("spent_runs") != owed:
            found.append(f"charged with {row.get('spent_runs')} runs for {owed}: {row}")
    for node in await service.cypher(_BUDGETS):
        lineage: Row = node["l"]
        mine = [row for row in runs if row["budget_id"] == lineage["lineage_id"]]
        for name in AMOUNTS:
            spent = sum(row.get(f"spent_{name}") or 0 for row in mine if row["status"] != "running")
            held = sum(row[f"reserved_{name}"] for row in mine if row["status"] == "running")
            told = [lineage.get(f"{part}_{name}") or 0 for part in ("spent", "reserved")]
            if told != [spent, held]:
                found.append(f"{name}: {told} are spent and reserved, its runs say {[spent, held]}: {lineage}")
            if (cap := lineage.get(name)) is not None and spent + held > cap:
                found.append(f"{name}: {spent} spent and {held} reserved of {cap}: {lineage}")
    return found


async def wrong_follow_ups(service: TaskSchedulerService) -> list[str]:
    """Return missed occurrences without the one follow-up that their task wants, and without a word about it."""
    return [
        f"followed up wrongly: {row}"
        for row in await service.cypher(_MISSED)
        if row["made"] != (row["wish"] is not None and "No follow-up was made" not in row["reason"])
    ]


@dataclass(frozen=True)
class Bucket:
    """A rate that a limit has from a moment on."""

    rate: str
    burst: int | None
    since: datetime

    @property
    def permit(self) -> timedelta:
        """The time from one permit to the next."""
        number, unit = self.rate.split("/")
        return UNITS[unit] / int(number)

    def most_in(self, time: timedelta) -> float:
        """Return how many may begin in a time."""
        burst = max(1, timedelta(seconds=0.1) // self.permit) if self.burst is None else self.burst
        return burst + time / self.permit


@dataclass
class Bounds:
    """What may run at once, and begin, under the limits that were set."""

    slots: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    """What was set; a concurrency key that nobody has set lets one run at once, as an overlap key always does."""
    most: dict[str, int] = field(default_factory=dict[str, int])
    """What had begun under each limit when it was lowered, as far as it has not ended: that goes on."""
    buckets: dict[str, Bucket] = field(default_factory=dict[str, Bucket])
    forced: set[str] = field(default_factory=set[str])
    """The executions that a caller forced; they and their next attempts are beyond all limits."""
    permanent: set[str] = field(default_factory=set[str])
    """The executions whose handlers answered that they will never work."""
    trials: dict[str, tuple[int, datetime]] = field(default_factory=dict[str, tuple[int, datetime]])
    """The failures in a row that open each circuit, and when that was set, or the circuit was reset."""

    def limit(self, key: str, slots: int | None, bucket: Bucket | None, begun: Sequence[Row]) -> None:
        """Note another limit, given what has begun."""
        self.slots[key] = slots
        self.buckets.pop(key, None)
        self.most[key] = self._under_way(begun)[key]
        if bucket is not None:
            self.buckets[key] = bucket

    def wrong(self, begun: Sequence[Row]) -> list[str]:
        """Return the limits under which too many run at once, or began."""
        self._follow_forced(begun)
        found: list[str] = []
        counts = self._under_way(begun)
        for key in counts:
            bound = self._bound(key)
            if counts[key] > max(bound, self.most.get(key, 0)):
                rows = [row for row in begun if key in row["e"]["limit_keys"] and _is_under_way(row["e"], key)]
                found.append(f"{counts[key]} at once under {key} of {bound}: {rows}")
        for key, bucket in self.buckets.items():
            rows = [row["e"] for row in begun if key in row["e"]["limit_keys"] and not self._is_excused(row)]
            found += _too_many(key, bucket, [row for row in rows if not _is_never_begun(row)])
        return found

    def settle(self, begun: Sequence[Row]) -> None:
        """Note that what has ended no longer goes on beyond a limit."""
        counts = self._under_way(begun)
        self.most = {key: min(most, counts[key]) for key, most in self.most.items()}

    def _bound(self, key: str) -> float:
        slots = self.slots.get(key, 1 if key.startswith(("overlap:", "key:")) else None)
        return math.inf if slots is None else slots

    def wrong_circuits(self, begun: Sequence[Row], limits: Sequence[Row], now: datetime) -> list[str]:
        """Return circuits that are open or closed wrongly, and what began under open ones."""
        found: list[str] = []
        now_ms = now.timestamp() * 1000
        for limit in limits:
            key: str = limit["limit_key"]
            if not key.startswith("circuit:"):
                continue
            under = [row for row in begun if key in row["e"]["limit_keys"]]
            found += self._told_by_outcomes(limit, [row["e"] for row in under])
            if limit.get("open_since_ms") is None:
                continue
            runs = [row for row in under if row["e"]["status"] == "running" and not self._is_excused(row)]
            trials = [row for row in runs if row["e"]["execution_id"] not in (limit.get("former") or ())]
            if len(trials) > (limit["trial_ms"] <= now_ms):
                found.append(f"{len(trials)} run under a circuit that is open: {limit}, {trials}")
        return found

    def _told_by_outcomes(self, limit: Row, rows: Sequence[Row]) -> list[str]:
        opens_after, since = self.trials.get(limit["limit_key"], (5, None))
        is_open, ended = limit.get("open_since_ms") is not None, [row for row in rows if row.get("completed_at")]
        told = [row["completed_at"] for row in ended if row["status"] == "completed"]
        closed = max([*told, *([since] if since else [])], default=None)
        counted = [row for row in ended if closed is None or row["completed_at"] > closed]
        counted = [row for row in counted if row["status"] == "failed" and row["reason_code"] in _FAULTS]
        failures = [row for row in counted if row["execution_id"] not in self.permanent]
        if not is_open and len(failures) >= opens_after:
            return [f"{len(failures)} failures in a row did not open {limit}"]
        if is_open and not any(row["status"] == "failed" and row["reason_code"] in _FAULTS for row in ended):
            return [f"it is open, and nothing failed: {limit}"]
        return []

    def _under_way(self, begun: Iterable[Row]) -> Counter[str]:
        """Return how many run under each limit, without those that are beyond them."""
        counted = (row["e"] for row in begun if not self._is_excused(row))
        return Counter(key for row in counted for key in row["limit_keys"] if _is_under_way(row, key))

    def _is_excused(self, row: Row) -> bool:
        """Whether it may begin beyond limits: it was forced, or takes the place of a lost one."""
        return row["e"]["execution_id"] in self.forced or row["former_code"] == "lease_expired"

    def _follow_forced(self, begun: Sequence[Row]) -> None:
        before = -1
        while before != len(self.forced):
            before = len(self.forced)
            self.forced |= {row["e"]["execution_id"] for row in begun if row["former_id"] in self.forced}


def wrong_slots(limits: Sequence[Row], executions: Sequence[Row], gone: Collection[str] = ()) -> list[str]:
    """Return slots that are held by what does not run, nor is *gone* lately, and runs without the slot they need."""
    found: list[str] = []
    for limit in limits:
        key: str = limit["limit_key"]
        under = (row for row in executions if key in (row.get("limit_keys") or ()) and _is_under_way(row, key))
        runs = sorted(row["execution_id"] for row in under)
        holders = sorted(limit.get("holders") or ())
        if key.startswith("overlap:"):
            holders = [each for each in holders if each in runs or each not in gone]
        if holders != runs:
            found.append(f"{key} is held by {limit.get('holders')}, and {runs} run")
    return found


def _too_many(key: str, bucket: Bucket, rows: Sequence[Row]) -> list[str]:
    """Return the spans in which more began than a rate lets begin."""
    times = sorted(row["triggered_at"] for row in rows if row["triggered_at"] > bucket.since)
    return [
        f"{last - first + 1} began under {key} of {bucket.rate} from {times[first]} to {times[last]}"
        for first in range(len(times))
        for last in range(first, len(times))
        if last - first + 1 > bucket.most_in(times[last] - times[first]) + 1e-6
    ]


def _is_under_way(row: Row, key: str) -> bool:
    """Whether it holds a slot: it runs; an overlap key is also held by what waits for its next attempt."""
    return row["status"] == "running" or (key.startswith("overlap:") and row.get("retry_task_id") is not None)


def _is_never_begun(row: Row) -> bool:
    """Whether it is the attempt that was begun only to be ended, since another took its place."""
    return row["attempt"] > 1 and row.get("reason_code") == "replaced" and row["triggered_at"] == row["completed_at"]
