"""A task: something to do, with a schedule."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.addition import AdditionsText, additions_from
from remembrancer.model.budget import BudgetText  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.dependency import Dependencies, TriggerRule  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.follow_up import KeptFollowUp  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.plain_schedules import Once
from remembrancer.model.policy import DedupReuse, Fold, Gap, Misfire, OnLost, Overlap, SecondsField, Session
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.retry_policy import KeptRetry  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.schedule import ScheduleText, ScheduleValue, cron_value, value_from
from remembrancer.model.skip_mark import SkipsText  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus, TaskType
from remembrancer.model.timestamps import LAST_MS, from_ms, to_iso


class Disposition(StrEnum):
    """The effect of a request to schedule a task."""

    CREATED = "created"
    """The task is new."""
    EXISTING = "existing"
    """The task was there already, under the same dedup_key or for the same request; nothing was written."""
    MERGED = "merged"
    """The task was there already, and the request deferred it."""
    CHANGED = "changed"
    """The task was there already, and the request changed it."""


def _describe(schema: dict[str, Any]) -> None:
    """Add to a JSON schema of a task what the definitions of its fields say."""
    for name, each in TASK_FIELDS.items():
        if name in schema["properties"]:
            schema["properties"][name]["description"] = each.description


class ScheduledTask(BaseModel):
    """The specification's core model, with the fields that the scheduler needs in addition.

    Its fields are the properties of a `scheduled_task` node, under the same names;
    `deferral_history`, `context`, `unreadable` and `next_fires` alone are read from elsewhere, decoded or worked out.
    Each field of `ScheduleRequest` is one of them, defined there.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_describe)

    task_id: str
    """The key of the task."""
    name: str
    goal_description: str
    status: TaskStatus = TaskStatus.PENDING
    """The state of the task."""
    defer_until: datetime | None = None
    schedule_cron: str | None = None
    trigger_prompt: str
    origin_thought_id: str
    created_at: datetime
    """The time (UTC) at which it was scheduled."""
    last_triggered_at: datetime | None = None
    """The time (UTC) at which an execution of it last began; None before the first."""
    deferral_count: int = 0
    """The number of times that it was deferred."""
    deferral_history: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    """Its deferrals, the oldest first. Lists leave it empty; `get_task` reads it."""

    schedule_spec: ScheduleText = None
    """The schedule as JSON text, of a kind that `schedule_cron` and `defer_until` do not spell."""
    timezone: str = "UTC"
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST
    seconds_field: SecondsField | None = None
    wall_time: str | None = None
    """The wall time in `timezone` that was asked for in `defer_until`, as ISO-8601; None for a time with an offset.

    When the rules of the zone change, the time that follows from it changes too.
    """
    misfire: Misfire = Misfire.RUN_ONCE
    misfire_limit: int = 100
    misfire_grace_seconds: float = 60.0
    misfire_age_seconds: float | None = None
    deadline_seconds: float | None = None
    follow_up: KeptFollowUp = None
    follow_up_of: str | None = None
    """The missed execution that it follows up; None for a task that is no follow-up."""
    pause_on_failure: int | None = None
    failures_in_row: int | None = None
    """The occurrences in a row up to the last that failed for good; None for none, and without `pause_on_failure`."""
    on_lost: OnLost = OnLost.FAIL
    max_attempts: int = 3
    timeout_seconds: float | None = None
    retry: KeptRetry = None
    dedup_key: str | None = None
    """Unique in a graph: scheduling again under it returns the task that is there. See `dedup_reuse`."""
    tags: tuple[str, ...] = ()
    group: str | None = None
    queue: str | None = None
    concurrency_key: str | None = None
    overlap: Overlap | None = None
    overlap_key: str | None = None
    circuit_key: str | None = None
    priority: int | None = None
    served_priority: int | None = Field(default=None, ge=0, le=9)
    """The priority by which it is served: the highest of its own and those that depend on it; None is 5."""
    dedup_reuse: DedupReuse = DedupReuse.NEVER
    session: Session | None = None
    depends_on: Dependencies = ()
    trigger_rule: TriggerRule | None = None
    budget: BudgetText = None
    estimate: BudgetText = None
    budget_id: str | None = None
    """The lineage whose budget each of its runs draws on; None where no budget bounds it."""
    lineage_id: str | None = None
    """The thought that started the lineage it belongs to; None for a root."""
    parent_id: str | None = None
    """The task whose handler scheduled it, or that it follows up; None for a root."""
    generation: int | None = Field(default=None, ge=1)
    """The number of handlers between it and the root of its lineage, itself included; None for a root."""
    max_deferrals: int | None = None
    max_deferral_seconds: float | None = None
    deferred_task_id: str | None = None
    """The agent's own task that this one resumes when it fires."""
    created_via: str | None = None
    """The surface that it was scheduled through: service, command line, rest, …"""
    created_by: str | None = None
    """The actor that scheduled it there: a token's name, a login name; None where none is known."""
    template: str | None = None
    """The template that it was made from, by name; it stays when the template is removed."""
    template_version: int | None = None
    """The version that the template had."""
    traceparent: str | None = None
    """The span that scheduled it, as W3C writes it; the spans of its executions are linked to it."""
    context: dict[str, Any] | None = None
    """A JSON object for the handler, within `model.json_bounds`."""
    unreadable: str | None = None
    """The fault in the context that its node holds; None if it can be read. Such a task is shown, and never runs."""

    next_run_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The next time that the scheduler acts on it, epoch milliseconds; None unless armed."""
    nominal_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The first nominal time without an outcome, epoch milliseconds; None if only a deferred run is ahead."""
    deferral_id: str | None = None
    """The live deferral, if the next run is a deferred one."""
    last_deferral_id: str | None = None
    """The deferral before the live one in its chain; without a live one, the last whose run has begun."""
    chain_deferrals: int | None = None
    """The number of deferrals in a row up to the live one, or up to the last."""
    chain_since_ms: int | None = None
    """The time of the run that the first of them moved, or of its making if that is later, epoch milliseconds."""
    session_key: str | None = None
    """The occurrence key of the run whose handler began the chain; None if it began before a run."""
    question_id: str | None = None
    """The live deferral, if it waits for an answer."""
    question: str | None = None
    """The open question as JSON text, of class `Question`; None without one."""
    answer: str | None = None
    """The answer to its last question as JSON text, of class `Answer`; None before it, and after the next deferral."""
    outcomes_since_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The time from which on each occurrence up to `nominal_ms` has an outcome; None: since the task was created."""
    excluded_ms: tuple[int, ...] | None = None
    """Pairs of times ahead, from and up to (excluded), between which all have outcomes: the clock was set back."""
    additions: AdditionsText = None
    """Occurrences beyond the schedule, as JSON text: those ahead, and those whose outcome is less than a day old."""
    skips: SkipsText = None
    """Occurrences that will not run, as JSON text: their times, reason codes and reasons."""
    rules_edition: int | None = None
    """The edition of the graph's time zone rules that last moved it."""
    runs_after_id: str | None = None
    """The task that it follows, if its schedule is of kind `after`."""
    check_at_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The time from which on the scheduler looks whether it has an occurrence, epoch milliseconds.

    None for a task whose schedule names its occurrences, and for one that has ended."""
    watch: str | None = None
    """The state of that watch, as JSON text: the outcomes or matches that have had their effect."""
    joined_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """Its last occurrence that was accounted for, epoch milliseconds: later outcomes that it depends on are kept.

    None for a task that depends on no other, and before its first occurrence."""
    check_error: str | None = None
    """Why its last check failed; None unless it did. It is tried again."""
    next_check_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The time of its next check, or of the last one while none is ahead, epoch milliseconds.

    None unless its schedule is of kind `paced`."""
    paused_at: datetime | None = None
    """The time of its pause; None unless it is paused, or has yet to make up for what it missed in a pause."""
    paused_until: datetime | None = None
    """The end of its pause, planned or past; None: until it is resumed."""
    pause_reason: str | None = None
    """The reason of its pause, for people."""
    on_missed: Misfire | None = None
    """The treatment of occurrences missed in the pause, if its end named one; None: as `misfire` says."""
    wait_key: str | None = None
    """The thing that its occurrence waits for, such as `task:ID`; None unless it waits. It is not due meanwhile."""
    waits_since_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The time from which on it has waited, epoch milliseconds; None unless it waits."""
    wait_reason: str | None = None
    """The thing that it waits for, in words; None unless it waits."""
    buffered_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    """The time up to which its occurrences have waited for others to end: their lateness is no misfire.

    None for a task that never waited so."""
    fence: int = 0
    """Grows with every write that claims or moves the task."""
    next_fires: list[datetime] | None = None
    """Its next fires (UTC), five or as many as asked for, worked out when it is shown; None where not asked for."""

    @property
    def schedule(self) -> ScheduleValue:
        """The schedule as a value; for a one-time task, the time that the schedule names, not that of a deferral.

        Read once for all tasks with the same cron schedule.
        """
        if self.schedule_cron is not None:
            return cron_value(self.schedule_cron, self.timezone, self.gap, self.fold, self.seconds_field)
        if self.schedule_spec is not None:
            return value_from(self.schedule_spec)
        only_ms = self.nominal_ms if self.additions is None else additions_from(self.additions).once_ms
        at = self.defer_until or self.created_at if only_ms is None else from_ms(only_ms)
        return Once(at, self.timezone, self.fold)

    @property
    def task_type(self) -> TaskType:
        """Recurring or one-time, as the schedule is."""
        if self.schedule_cron is not None:  # at the cost of a comparison, as each fire asks it
            return TaskType.RECURRING
        if self.schedule_spec is None or not self.schedule.recurring:
            return TaskType.ONE_TIME
        return TaskType.RECURRING

    @property
    def is_single(self) -> bool:
        """True if it has one occurrence: it is a one-time task without additions."""
        return self.additions is None and self.task_type is TaskType.ONE_TIME

    @property
    def reacts(self) -> bool:
        """True if its schedule names no occurrences: they come when something has happened, or as its handler says."""
        return self.check_at_ms is not None or self.next_check_ms is not None

    @property
    def is_open(self) -> bool:
        """True if the task may still fire."""
        return self.status in OPEN_STATUSES

    def is_paused(self, now: datetime) -> bool:
        """Return whether the task is paused at *now*."""
        return self.paused_at is not None and (self.paused_until is None or now < self.paused_until)

    def info(self) -> ScheduledTaskInfo:
        """Return the specification's answer format: times as ISO strings ending in Z."""
        return ScheduledTaskInfo(
            task_id=self.task_id,
            name=self.name,
            goal_description=self.goal_description,
            status=self.status,
            defer_until=to_iso(self.defer_until) if self.defer_until else None,
            schedule_cron=self.schedule_cron,
            created_at=to_iso(self.created_at),
            last_triggered_at=to_iso(self.last_triggered_at) if self.last_triggered_at else None,
            deferral_count=self.deferral_count,
        )


class ScheduleResult(ScheduledTask):
    """The answer to a request: the task as it is stored, the effect of the request, the next fires, and warnings."""

    disposition: Disposition = Disposition.CREATED
    """The effect of the request."""
    next_fires: list[datetime] = Field(default_factory=list[datetime])  # pyright: ignore[reportIncompatibleVariableOverride]  never None here
    """The next times (UTC) at which it will fire, by its current schedule: five, unless another number is asked for."""
    description: str = ""
    """Its schedule in English."""
    warnings: list[str] = Field(default_factory=list[str])
    """A time in the past, a clock change ahead, a schedule that may not mean what its author thinks."""


class FieldChange(BaseModel):
    """The value of a field before and after an update."""

    model_config = ConfigDict(frozen=True)

    before: Any
    """The value that it had; None where there was none."""
    after: Any
    """The value that it has now."""


class TaskUpdate(ScheduleResult):
    """The answer to an update: the task as it is now, what has changed, and the fires before the change."""

    changed: dict[str, FieldChange] = Field(default_factory=dict[str, FieldChange])
    """By the name of the field."""
    fires_before: list[datetime] = Field(default_factory=list[datetime])
    """Up to five times (UTC) at which it would have fired without the change."""


class FireChange(ScheduleResult):
    """The answer to a change of single occurrences: the task as it is now, and the fires before the change."""

    fires_before: list[datetime] = Field(default_factory=list[datetime])
    """Up to five times (UTC) at which it would have fired without the change."""
    skipped: list[datetime] = Field(default_factory=list[datetime])
    """The occurrences ahead that will not run."""
    added: list[datetime] = Field(default_factory=list[datetime])
    """The times of the occurrences that this change adds."""


class BackfillOccurrence(BaseModel):
    """A time in the past that a backfill looks at."""

    model_config = ConfigDict(frozen=True)

    nominal_at: datetime
    """The time (UTC) that the schedule names."""
    completed: bool
    """True if it has a completed execution already, its own or one of an earlier backfill."""
    starts: bool
    """True if the backfill runs it."""


class Backfill(FireChange):
    """The answer to a backfill: each occurrence of the range, and those that start."""

    dry_run: bool = False
    """True if nothing was written."""
    occurrences: list[BackfillOccurrence] = Field(default_factory=list[BackfillOccurrence])
    """Those of the range, ascending."""
    starts: int = 0
    """So many of them run, one after the other."""


class ResumeResult(ScheduleResult):
    """The answer to a resumption: the task, and how many occurrences its pause held."""

    missed: int = 0
    """Occurrences whose time passed in the pause."""
    runs: int = 0
    """So many of them run now; the others are skipped, with the reason `held_by_pause`."""


class ScheduledTaskInfo(BaseModel):
    """The specification's answer format of a task."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The key of the task."""
    name: str
    """The name of the task, for people."""
    goal_description: str
    """The purpose of the task."""
    status: TaskStatus = TaskStatus.PENDING
    """The state of the task."""
    defer_until: str | None = None
    """The time asked for, or the one that the task was last deferred to."""
    schedule_cron: str | None = None
    """The cron expression of a recurring task."""
    created_at: str
    """The time at which it was scheduled."""
    last_triggered_at: str | None = None
    """The time at which an execution of it last began; None before the first."""
    deferral_count: int = 0
    """The number of times that it was deferred."""
