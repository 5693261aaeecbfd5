"""Tasks under policies, by nobody's rules but these: what must not be in their graph.

Everything is read from the graph as it is. A time that a task names, or that it was put off to, has one outcome once it
has come, or it waits for something that the graph names.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from policy_plans import ALLOWED, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policy_plans import Plan, Wait

    from remembrancer import TaskSchedulerService

MILLISECOND: Final = timedelta(milliseconds=1)
OPEN: Final = frozenset({"PENDING", "ACTIVE"})
_READ: Final = {
    "tasks": "MATCH (x:scheduled_task) RETURN x, [] AS former, [] AS again",
    "deferrals": "MATCH (x:task_deferral) RETURN x, [] AS former, [] AS again ORDER BY x.deferred_at, x.deferral_count",
    "changes": "MATCH (x:task_change) WHERE x.action IN ['cancel', 'quarantine'] RETURN x, [] AS former, [] AS again",
    "executions": "MATCH (x:task_execution) OPTIONAL MATCH (again)-[:RETRY_OF]->(x) "
    "WHERE again.attempt > 1 WITH x, collect(again) AS again "
    "OPTIONAL MATCH (x)-[:RETRY_OF]->(former) WHERE x.attempt > 1 "
    "RETURN x, again, collect(former) AS former",
}
"""A dead letter that runs again is RETRY_OF what failed, and a first attempt of its own."""


@dataclass
class Ledger:
    """What the graph says of one task."""

    tasks: list[Row] = field(default_factory=list[Row])
    deferrals: list[Row] = field(default_factory=list[Row])
    changes: list[Row] = field(default_factory=list[Row])
    executions: list[Row] = field(default_factory=list[Row])

    @property
    def task(self) -> Row:
        return self.tasks[0]

    @property
    def last_attempts(self) -> list[Row]:
        """The executions by the schedule, the last attempt of each."""
        return [each for each in self.executions if each["execution_type"] != "manual_trigger" and not each["again"]]

    @property
    def end(self) -> datetime | None:
        """When the task ended; None for one that is open."""
        if self.task["status"] in OPEN:
            return None
        if self.changes:
            return max(row["at"] for row in self.changes)
        ended = [row for row in self.last_attempts if row["status"] != "running"] or self.executions
        return max(row["completed_at"] for row in ended if row["status"] != "running")  # one by hand may go on

    def wrong(self, plan: Plan, seen: datetime, *, halted: bool = False, woken: bool = False) -> list[str]:
        """Return what must not be, given that a checker did all that was due at the moment *seen*.

        After it, an outcome that gave something back may have *woken* what waited: that is due, and not looked at yet.
        """
        is_excused = halted or (woken and "poor" in plan.did)
        told = [*self._unexplained(plan), *self._attempts(plan)]
        told += self._occurrences(plan, seen, halted=halted, excused=is_excused)
        return [f"{self.task['task_id']} ({self.task['status']}): {each}" for each in told]

    def _unexplained(self, plan: Plan) -> list[str]:
        wrong: list[str] = []
        for row in self.executions:
            code = row.get("reason_code")
            if row["status"] in {"running", "completed"}:
                continue
            if not code or not row.get("reason"):
                wrong.append(f"without a reason: {row}")
            elif not ALLOWED.get(code, set()) & plan.did:
                wrong.append(f"{code} is no reason of a task with {sorted(plan.did)}: {row}")
        return wrong

    def _attempts(self, plan: Plan) -> list[str]:
        """Return attempts that are no row of failures with an end."""
        wrong: list[str] = []
        most = plan.fields.get("max_attempts", 3)
        for row in self.executions:
            if row["attempt"] > most:
                wrong.append(f"attempt {row['attempt']} of {most}: {row}")
            if len(row["again"]) > 1 or len(row["former"]) != (row["attempt"] > 1):
                wrong.append(f"no row of attempts: {row}")
            for again in row["again"]:
                follows = again["attempt"] == row["attempt"] + 1 and again["nominal_at"] == row["nominal_at"]
                if not follows or row["status"] != "failed":
                    wrong.append(f"{again['execution_id']} follows {row}")
        if self.end is not None and self.task["status"] != "FAILED":
            wrong += [f"waits for another attempt after the end: {row}" for row in self.executions if _is_retried(row)]
        return wrong

    def _occurrences(self, plan: Plan, seen: datetime, *, halted: bool, excused: bool) -> list[str]:
        """Return the times that have none or several outcomes, and the outcomes of no time."""
        end, place = self.end, self.task.get("nominal_ms")
        named, wrong = self._named(plan, end or seen), list[str]()
        if end is None and place is not None:
            first = datetime.fromtimestamp(place / 1000, UTC)
            if not excused and not self._held_by(seen):
                wrong += [f"neither held nor served: {each}" for each in named if each >= first]
            named = [each for each in named if each < first]
        put_off = self._put_off_to(plan, end or seen, named, halted=halted)
        owed = {*named, *put_off}
        served: Counter[datetime] = Counter()
        for row in self.last_attempts:
            mine = self._served_by(row, named, put_off)
            served.update(mine)
            if len(mine) != row["occurrences"]:
                wrong.append(f"it stands for {len(mine)} and counts {row['occurrences']}: {row}")
        wrong += [f"{moment} has {served[moment]} outcomes" for moment in sorted(owed) if served[moment] != 1]
        return wrong + [f"{moment} has an outcome and is no time" for moment in served.keys() - owed]

    def _held_by(self, seen: datetime) -> str | None:
        """Return what the next run waits for; None for nothing."""
        task = self.task
        armed = task.get("next_run_ms")
        if task.get("wait_key"):
            return task["wait_key"]
        if task.get("question_id"):
            return "question"
        if task.get("paused_at") and (task.get("paused_until") is None or task["paused_until"] >= seen):
            return "pause"
        return "deferral" if task.get("deferral_id") and armed and _at(armed) > seen else None

    def _named(self, plan: Plan, until: datetime) -> list[datetime]:
        """Return the times named up to *until*; a run that was put off to before the only one stands for it."""
        named = plan.named(until)
        if not plan.is_single or not named:
            return named
        due = named[0]
        early = (row for row in self.last_attempts if row["nominal_at"] < due)
        return [] if any(row.get("reason_code") != "held_by_deferral" for row in early) else named

    def _put_off_to(self, plan: Plan, until: datetime, named: Sequence[datetime], *, halted: bool) -> list[datetime]:
        """Return the times that the task was put off to and that came before it was put off again, or by *until*."""
        begins = [row["deferred_at"] for row in self.deferrals]
        limits = [
            min([limit, *(end for end in plan.ends if end > begin)])
            for begin, limit in zip(begins, [*begins[1:], until], strict=False)
        ]
        moments = [self._moment_of(row, limit, named) for row, limit in zip(self.deferrals, limits, strict=True)]
        if self.end is None and self.task.get("deferral_id") and (halted or self._held_by(until)):
            moments.pop()
        pairs = zip(moments, limits, strict=False)
        return [moment for moment, limit in pairs if moment is not None and moment <= limit]

    def _moment_of(self, deferral: Row, limit: datetime, named: Sequence[datetime]) -> datetime | None:
        """Return the time that a run was put off to; of a question, the time that its answer, or none, brought."""
        if deferral.get("question") is None:
            return deferral["deferred_until"]
        if deferral.get("answer") is not None:
            return datetime.fromisoformat(json.loads(deferral["answer"])["run_at"])
        for row in self.last_attempts:
            of_it = deferral["deferred_at"] < row["nominal_at"] and row["triggered_at"] <= limit
            if of_it and row.get("reason_code") == "no_answer":
                return row["nominal_at"]
            if deferral["deferred_at"] <= row["triggered_at"] <= limit and _is_cut_off(row):
                first, last = row["nominal_at"], row["last_nominal_at"]
                if sum(first <= each <= last for each in named) + 1 == row["occurrences"]:  # the time for an answer
                    return next((each for each in (last, first) if each not in named), first + MILLISECOND)
        return None

    def _served_by(self, row: Row, named: Sequence[datetime], put_off: Sequence[datetime] = ()) -> list[datetime]:
        """Return the times that an execution stands for."""
        first, last = row["nominal_at"], row.get("last_nominal_at") or row["nominal_at"]
        if first == last:
            return [first]
        mine = {moment for moment in named if first <= moment <= last}
        # What the task was cancelled with, or what a change or a pause held, may have been a run that was put off.
        if _is_cut_off(row):
            made = [each for each in self.deferrals if each["deferred_at"] <= row["triggered_at"]]
            untils = [self._moment_of(each, row["triggered_at"], named) for each in made[-1:]]
            mine |= {until for until in untils if until in put_off and first <= until <= last}
        return sorted(mine)

    def hinders(self, plan: Plan, wait: Wait) -> list[str]:
        """Return why an occurrence that waits for those of this task must not begin."""
        named = plan.named(min(wait.until, self.end or wait.until))
        if not plan.is_single:
            named = named[-1:] if wait.since is None else [each for each in named if each > wait.since]
        wrong: list[str] = []
        for moment in named:
            rows = [each for each in self.last_attempts if moment in self._served_by(each, named)]
            if rows and rows[0]["status"] == "deferred":
                runs = [each for each in self.last_attempts if each["execution_type"] == "deferred_trigger"]
                rows = [each for each in runs if each["nominal_at"] > moment and each["status"] != "deferred"]
            ended = [each["status"] for each in rows if each["status"] != "running" and not _is_retried(each)]
            if not ended:
                wrong.append(f"{moment} has no outcome: {rows}")
            elif wait.accepts is not None and not self._is_mended(rows[0]) and ended[0] not in wait.accepts:
                wrong.append(f"{moment} ended as {ended[0]}: {rows}")
            elif (over := rows[0].get("completed_at")) is not None and over > wait.latest:
                wrong.append(f"{moment} ended less than its delay ago: {rows}")
        return wrong

    def _is_mended(self, row: Row) -> bool:
        """Whether a run by hand made up for an outcome."""
        by_hand = [each for each in self.executions if each["execution_type"] == "manual_trigger"]
        return any(each["status"] == "completed" and each["completed_at"] >= row["completed_at"] for each in by_hand)

    @property
    def runs(self) -> int:
        """The runs that have begun, without those that were put off, or withdrawn before they began."""
        began = [each for each in self.executions if each.get("last_nominal_at") is None]
        return sum(each["status"] not in {"deferred", "cancelled"} for each in began)

    def waits(self, seen: datetime) -> list[str]:
        """Return what still waits, runs or is to be tried again."""
        found = [f"it is {row['status']}: {row}" for row in self.executions if row["status"] == "running"]
        found += [f"another attempt waits: {row}" for row in self.executions if _is_retried(row)]
        if self.task["status"] in OPEN and (held := self._held_by(seen)) not in {None, "deferral"}:
            found.append(f"it waits for {held}: {self.task}")
        armed = self.task.get("next_run_ms")
        if self.task["status"] in OPEN and (armed is None or _at(armed) <= seen):
            found.append(f"it is not armed for later: {self.task}")
        return found


async def ledgers(service: TaskSchedulerService) -> dict[str, Ledger]:
    """Read what the graph says of each task."""
    told: dict[str, Ledger] = {}
    for kind, text in _READ.items():
        for row in await service.cypher(text):
            node: Any = row["x"]
            if kind == "tasks":
                told[node["task_id"]] = Ledger()
            if node["task_id"] in told:  # a follow-up may have been made since
                getattr(told[node["task_id"]], kind).append({**node, "former": row["former"], "again": row["again"]})
    return told


def _is_cut_off(row: Row) -> bool:
    """Whether it stands for what was due when its task was cancelled, changed or resumed."""
    is_skipped = row["status"] in {"cancelled", "superseded"} or row.get("reason_code") == "held_by_pause"
    return is_skipped and row.get("last_nominal_at") is not None


def _at(moment_ms: int) -> datetime:
    return datetime.fromtimestamp(moment_ms / 1000, UTC)


def _is_retried(row: Row) -> bool:
    """Whether another attempt waits for its time."""
    return row.get("retry_task_id") is not None
