"""What tasks under policies were asked for: the times that they name, and what may become of them.

The wall times of cron expressions are those of another library, and what becomes of them when clocks change, as well as
the times of intervals, is plain arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

Row = dict[str, Any]
ACCEPTED: Final = {"all_succeeded": {"completed"}, "none_failed": {"completed", "skipped", "superseded", "deferred"}}
"""The outcomes that a trigger rule accepts; others accept all."""


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

    def will(self, fields: Row) -> None:
        """Note what fields of the task may bring about."""
        self.fields |= fields
        self.did |= {f"{name}={fields[name]}" for name in ("misfire", "overlap") if fields.get(name)}
        self.did |= {name for name in ("misfire_age", "deadline") if fields.get(f"{name}_seconds")}
        if fields.get("overlap") not in {None, "allow_all"}:
            self.did.add("overlaps")
        if fields.get("pause_on_failure"):
            self.did.add("paused")

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
    "overlap": {"overlap=skip", "overlap=buffer_one", "overlap=cancel_other", "overlap=terminate_other"},
    "replaced": {"overlaps"},
    "schedule_changed": {"edited"},
    "dependency_failed": {"on_failure=cancel"},
    "dependency_unmet": {"depends"},
    "task_cancelled": {"cancelled"},
    "lease_expired": {"lost"},
    "shutdown": {"restarted"},
}
"""What of a task has to be so for an outcome to have a reason: one of these."""
