"""What becomes of each moment of a task, read from the graph by nobody's rules but these, with somebody else's cron.

A task owes an outcome for each moment that its schedule names and for each moment that it was put off to, once that
moment has come: by the last look of a checker or, for a task that has ended, by its end. A moment that its schedule
names is held, and owes nothing yet, while the task is put off to a later one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cronsim import CronSim

from remembrancer.model.timestamps import from_ms

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer import TaskSchedulerService

Row = dict[str, Any]

_READ: Final = {
    "tasks": "MATCH (x:scheduled_task) RETURN x, [] AS more",
    "deferrals": "MATCH (x:task_deferral) RETURN x, [] AS more ORDER BY x.deferred_at, x.deferral_count",
    "changes": "MATCH (x:task_change) WHERE x.action IN ['cancel', 'quarantine'] RETURN x, [] AS more",
    "executions": "MATCH (x:task_execution) OPTIONAL MATCH (again)-[:RETRY_OF]->(x) RETURN x, collect(again) AS more",
}


@dataclass(frozen=True)
class Promise:
    """What was asked for: a moment, or a cron schedule from a moment (excluded) on."""

    due: datetime | None = None
    cron: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """When another schedule took its place."""
    then: Promise | None = None
    """The schedule that took its place."""

    def moments(self, end: datetime) -> list[datetime]:
        """Return the moments of the cron schedule up to *end*."""
        found: list[datetime] = []
        for moment in CronSim(self.cron or "", self.since):
            if moment > min(end, self.until or end):
                break
            found.append(moment)
        return found + (self.then.moments(end) if self.then else [])


@dataclass
class Story:
    """What the graph says of one task."""

    tasks: list[Row] = field(default_factory=list)
    deferrals: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    executions: list[Row] = field(default_factory=list)
    """Those by the schedule, without the ones that another attempt took the place of."""

    @property
    def end(self) -> datetime | None:
        """When the task ended; None for one that is open."""
        if self.tasks[0]["status"] in {"PENDING", "ACTIVE"}:
            return None
        return max(row["at"] for row in self.changes) if self.changes else max(
            row["completed_at"] for row in self.executions
        )  # fmt: skip

    def named(self, promise: Promise, until: datetime) -> list[datetime]:
        """Return the moments of the schedule up to *until*."""
        if promise.cron is None:
            due = promise.due
            return [due] if due and due <= until and not any(_stands_for(row, due) for row in self.executions) else []
        return promise.moments(until)

    def put_off_to(self, until: datetime) -> list[datetime]:
        """Return the moments that the task was put off to and that came before it was put off again, or by *until*."""
        limits = [row["deferred_at"] for row in self.deferrals[1:]] + [until]
        moments = [row["deferred_until"] for row in self.deferrals]
        if self.tasks[0].get("paused_at") and self.tasks[0].get("deferral_id"):
            moments.pop()  # the pause holds it
        return [moment for moment, limit in zip(moments, limits, strict=False) if moment <= limit]

    def wrong(self, promise: Promise, seen: datetime) -> list[str]:
        """Return what must not be, given that a checker did all that was due at the moment *seen*."""
        wrong = [f"without a reason: {row}" for row in self.executions if not _is_explained(row)]
        end, nominal_ms = self.end, self.tasks[0].get("nominal_ms")
        named = self.named(promise, end or seen)
        if end is None and nominal_ms is not None:
            task = self.tasks[0]
            held = task.get("deferral_id") and task.get("next_run_ms") and from_ms(task["next_run_ms"]) > seen
            held = held or (
                task.get("paused_at") and (task.get("paused_until") is None or task["paused_until"] >= seen)
            )
            wrong += [f"neither held nor served: {each}" for each in named if each >= from_ms(nominal_ms) and not held]
            named = [each for each in named if each < from_ms(nominal_ms)]
        owed = {*named, *self.put_off_to(end or seen)}
        served: Counter[datetime] = Counter()
        for row in self.executions:
            mine = self._served_by(row, named)
            served.update(mine)
            if len(mine) != row["occurrences"]:
                wrong.append(f"it stands for {len(mine)} and counts {row['occurrences']}: {row}")
        wrong += [f"{moment} has {served[moment]} outcomes" for moment in owed if served[moment] != 1]
        return wrong + [f"{moment} has an outcome and is no moment" for moment in served.keys() - owed]

    def _served_by(self, row: Row, named: list[datetime]) -> list[datetime]:
        """Return the moments that an execution stands for."""
        first, last = row["nominal_at"], row.get("last_nominal_at") or row["nominal_at"]
        if first == last:
            return [first]
        mine = {moment for moment in named if first <= moment <= last}
        # What the task was cancelled with, or what a change or a pause held, may have been a run that was put off.
        if row["status"] in {"cancelled", "superseded"} or row.get("reason_code") == "held_by_pause":
            mine |= {row["deferred_until"] for row in self.deferrals[-1:] if first <= row["deferred_until"] <= last}
        return sorted(mine)


async def stories(service: TaskSchedulerService) -> dict[str, Story]:
    """Read the story of each task."""
    told: dict[str, Story] = defaultdict(Story)
    for kind, text in _READ.items():
        for row in await service.cypher(text):
            node: Any = row["x"]
            if kind != "executions" or (node["execution_type"] != "manual_trigger" and not row["more"]):
                getattr(told[node["task_id"]], kind).append(node)
    return told


def _stands_for(row: Row, due: datetime) -> bool:
    """Whether it is the only run, which was put off to before the only moment."""
    return row["nominal_at"] < due and row.get("reason_code") != "held_by_deferral"


def _is_explained(row: Row) -> bool:
    return row["status"] == "completed" or bool(row["status"] != "running" and row["reason_code"] and row["reason"])
