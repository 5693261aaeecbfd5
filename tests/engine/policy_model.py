"""Tasks under policies, by nobody's rules but these: the times that they name, and what must not be in their graph.

The wall times of cron expressions are those of another library, and what becomes of them when clocks change, as well as
the times of intervals, is plain arithmetic. Everything else is read
from the graph as it is. A time that a task names, or that it was put off to, has one outcome once it has come, or it
waits for something that the graph names.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer import TaskSchedulerService

Row = dict[str, Any]
ACCEPTED: Final = {"all_succeeded": {"completed"}, "none_failed": {"completed", "skipped", "superseded", "deferred"}}
"""The outcomes that a trigger rule accepts; others accept all."""
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


@dataclass(frozen=True)
class Times:
    """What a task was asked for: one moment, a cron expression in a zone, or an interval from a moment on."""

    due: datetime | None = None
    cron: str | None = None
    zone: str = "UTC"
    minutes: int = 0
    anchor: datetime | None = None

    def between(self, since: datetime, until: datetime) -> list[datetime]:
        """Return the times after *since* and up to *until*."""
        if self.cron is not None:
            found = self._on_the_wall(since, until)
        elif self.anchor is not None:
            step = timedelta(minutes=self.minutes)
            first, last = max(0, (since - self.anchor) // step), (until - self.anchor) // step
            found = {self.anchor + number * step for number in range(first, last + 1)}
        else:
            found = set[datetime]() if self.due is None else {self.due}
        return sorted(each for each in found if since < each <= until)

    def _on_the_wall(self, since: datetime, until: datetime) -> set[datetime]:
        """Return the times of a cron expression: an interval follows elapsed time, a fixed time of day comes once."""
        zone, cron = ZoneInfo(self.zone), self.cron or ""
        is_fixed = not any(part.startswith("*") for part in cron.split()[:2])
        found: set[datetime] = set()
        begin, end = (each.astimezone(zone).replace(tzinfo=None) for each in (since, until))
        for wall in CronSim(cron, begin - timedelta(hours=3)):
            if wall > end + timedelta(hours=3):
                break
            passes = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
            there = [each for each in passes if each.astimezone(zone).replace(tzinfo=None) == wall]
            if is_fixed and not there:  # right after the jump
                moment = min(passes)
                while moment.astimezone(zone).utcoffset() == min(passes).astimezone(zone).utcoffset():
                    moment += timedelta(minutes=1)
                there = [moment]
            found.update(there[:1] if is_fixed else there)
        return found


@dataclass
class Plan:
    """A task, and what was done with it."""

    times: list[tuple[datetime, Times]]
    """Its schedules, each from when on it holds."""
    fields: Row = field(default_factory=Row)
    did: set[str] = field(default_factory=set[str])
    """What was done with it, and what its handler answered."""
    ends: list[datetime] = field(default_factory=list[datetime])
    """When changes of it ended what it was put off to."""
    answer: str = "done"

    depends_on: dict[str, Row] = field(default_factory=dict[str, Row])
    """The tasks that it depends on, each with what was asked for beside its id."""

    @property
    def is_single(self) -> bool:
        return self.times[0][1].due is not None

    def period(self, occurrence: datetime) -> datetime:
        """Return the time before an occurrence: by its schedule, or else when it was made."""
        made, times = self.times[0][0], self.times[-1][1]
        before = [] if self.is_single else times.between(occurrence - timedelta(days=3), occurrence)
        return max((each for each in before if each < occurrence), default=min(made, occurrence))

    def waits_for(self, other: str, of: Plan, occurrence: datetime, now: datetime) -> Wait:
        """Return which occurrences of another task one of this task waits for, and how."""
        asked, rule = self.depends_on[other], self.fields.get("trigger_rule", "all_succeeded")
        window = asked.get("window", "period")
        since = occurrence - timedelta(hours=2) if window == "2h" else self.period(occurrence)
        delay = timedelta(minutes=9 if asked.get("delay") else 0)
        accepts = None if asked["on_failure"] == "ignore" else ACCEPTED.get(rule)
        until = now if of.is_single else occurrence
        return Wait(None if window == "latest" else since, until, now - delay, accepts)

    def named(self, end: datetime) -> list[datetime]:
        """Return the times that it names up to *end*."""
        ends = [since for since, _ in self.times[1:]] + [end]
        spans = zip(self.times, ends, strict=True)
        return [each for (since, times), until in spans for each in times.between(since, min(until, end))]


ALLOWED: Final = {
    "handler_failed": {"failed", "permanent", "defer", "ask", "ask and wait"},  # a deferral may be refused
    "handler_raised": {"raises"},
    "retry_requested": {"retry"},
    "deferred_by_handler": {"defer"},
    "asked": {"ask", "ask and wait"},
    "no_answer": {"ask", "asked"},
    "answered_no": {"refused"},
    "deferrals_exhausted": {"defer", "ask", "ask and wait"},
    "held_by_deferral": {"deferred", "defer", "ask", "ask and wait", "asked"},
    "misfire_skipped": {"misfire=skip"},
    "misfire_coalesced": {"misfire=run_once", "misfire=run_all"},
    "misfire_too_old": {"misfire_age"},
    "deadline_passed": {"deadline"},
    "held_by_pause": {"paused"},
    "held_by_halt": {"halted"},
    "stopped_by_halt": {"halted"},
    "budget_exhausted": {"poor"},
    "overlap": {"overlaps"},
    "replaced": {"overlaps"},
    "schedule_changed": {"edited"},
    "dependency_failed": {"on_failure=cancel"},
    "dependency_unmet": {"depends"},
    "task_cancelled": {"cancelled"},
    "lease_expired": {"lost"},
    "shutdown": {"restarted"},
}
"""What of a task has to be so for an outcome to have a reason: one of these."""


@dataclass(frozen=True)
class Wait:
    """The occurrences of another task that one depends on."""

    since: datetime | None
    """The time after which they are due; None: the last one alone."""
    until: datetime
    latest: datetime
    """The time by which they must have ended."""
    accepts: set[str] | None
    """The outcomes that let it begin; None for any."""


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
        return max(row["completed_at"] for row in self.executions)

    def wrong(self, plan: Plan, seen: datetime, *, halted: bool = False) -> list[str]:
        """Return what must not be, given that a checker did all that was due at the moment *seen*."""
        told = [*self._unexplained(plan), *self._attempts(plan), *self._occurrences(plan, seen, halted=halted)]
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

    def _occurrences(self, plan: Plan, seen: datetime, *, halted: bool) -> list[str]:
        """Return the times that have none or several outcomes, and the outcomes of no time."""
        end, place = self.end, self.task.get("nominal_ms")
        named, wrong = self._named(plan, end or seen), list[str]()
        if end is None and place is not None:
            first = datetime.fromtimestamp(place / 1000, UTC)
            if not halted and not self._held_by(seen):
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
        if self.task.get("deferral_id") and (halted or self._held_by(until)):
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


_BUDGETS: Final = "MATCH (l:lineage) RETURN l"
_CHARGED: Final = "MATCH (e:task_execution) WHERE e.budget_id IS NOT NULL RETURN e"
AMOUNTS: Final = ("runs", "tokens", "money")


async def wrong_budgets(service: TaskSchedulerService) -> list[str]:
    """Return budgets whose parts are not what their runs used and hold, and runs that are charged wrongly."""
    found: list[str] = []
    runs: list[Row] = [row["e"] for row in await service.cypher(_CHARGED)]
    for row in runs:
        row["reserved_runs"] = 1
        owed = 0 if row["status"] in {"deferred", "cancelled"} else 1
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


async def ledgers(service: TaskSchedulerService) -> dict[str, Ledger]:
    """Read what the graph says of each task."""
    told: dict[str, Ledger] = {}
    for kind, text in _READ.items():
        for row in await service.cypher(text):
            node: Any = row["x"]
            if kind == "tasks":
                told[node["task_id"]] = Ledger()
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
