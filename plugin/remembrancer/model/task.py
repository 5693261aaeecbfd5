"""A task: a thing to be done, with a schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.policy import OPEN_STATUSES, Fold, Gap, Misfire, OnLost, SecondsField, TaskStatus, TaskType
from remembrancer.model.schedule import Once, ScheduleText, ScheduleValue, cron_value, value_from
from remembrancer.model.timestamps import from_ms, to_iso

MISFIRE_LIMIT: Final = 100
MISFIRE_GRACE_SECONDS: Final = 60.0
_LAST_MS: Final = 253_402_300_799_999
"""The last moment that a datetime can be."""


class ScheduledTask(BaseModel):
    """The specification's core model, and what the scheduler needs beside it.

    Its fields are the properties of a `scheduled_task` node, under the same names;
    `deferral_history`, `context` and `unreadable` alone are read from elsewhere or decoded.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: str
    name: str
    goal_description: str
    status: TaskStatus = TaskStatus.PENDING
    defer_until: datetime | None = None
    schedule_cron: str | None = None
    trigger_prompt: str
    origin_thought_id: str
    created_at: datetime
    last_triggered_at: datetime | None = None
    deferral_count: int = 0
    deferral_history: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])

    schedule_spec: ScheduleText = None
    """The schedule as JSON text, of a kind that `schedule_cron` and `defer_until` do not spell."""
    timezone: str = "UTC"
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST
    seconds: SecondsField | None = None
    misfire: Misfire = Misfire.RUN_ONCE
    misfire_limit: int = MISFIRE_LIMIT
    misfire_grace_seconds: float = MISFIRE_GRACE_SECONDS
    on_lost: OnLost = OnLost.FAIL
    max_attempts: int = 3
    timeout_seconds: float | None = None
    dedup_key: str | None = None
    """Two tasks of one graph never share a key: scheduling again under it returns the task that is there."""
    deferred_task_id: str | None = None
    """The agent's own task that this one brings back when its time comes."""
    created_through: str | None = None
    """The surface that it was scheduled through: service, command line, rest, …"""
    created_as: str | None = None
    """Who scheduled it there: a token's name, a login name; None where nobody is known by name."""
    traceparent: str | None = None
    """The span that scheduled it, as W3C writes it; the spans of its executions are linked to it."""
    context: dict[str, Any] | None = None
    """What the author wants the handler to have: any JSON object within `model.json_bounds`."""
    unreadable: str | None = None
    """Why the context cannot be read that its node holds; None if it can. Such a task is shown, and never runs."""

    next_run_ms: int | None = Field(default=None, ge=0, le=_LAST_MS)
    """When the checker acts next, epoch milliseconds; None unless armed. The due lookup's one index."""
    nominal_ms: int | None = Field(default=None, ge=0, le=_LAST_MS)
    """The first moment of the schedule without an outcome, epoch milliseconds; None where a put-off run is all."""
    deferral_id: str | None = None
    """The live deferral, if the next run is one that was put off."""
    since_ms: int | None = Field(default=None, ge=0, le=_LAST_MS)
    """From when on each moment of the schedule has an outcome, up to `nominal_ms`; None: since the task was made."""
    ahead_ms: tuple[int, ...] | None = None
    """Pairs of moments ahead, from and up to (excluded), between which all have outcomes: the clock has been there."""
    fence: int = 0
    """Grows with every write that claims or moves the task."""

    @property
    def schedule(self) -> ScheduleValue:
        """When the task fires, as a value; of one occurrence, the time that the schedule names and no deferral of it.

        Read once for all tasks with the same cron schedule.
        """
        if self.schedule_cron is not None:
            return cron_value(self.schedule_cron, self.timezone, self.gap, self.fold, self.seconds)
        if self.schedule_spec is not None:
            return value_from(self.schedule_spec)
        at = self.defer_until or self.created_at if self.nominal_ms is None else from_ms(self.nominal_ms)
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
    def is_open(self) -> bool:
        """Whether anything is still to come of this task."""
        return self.status in OPEN_STATUSES

    def info(self) -> ScheduledTaskInfo:
        """Return the specification's answer format: moments as ISO strings ending in Z."""
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
    """What scheduling answers: the task as written, its next fires, and what its author should know."""

    next_fires: list[datetime] = Field(default_factory=list[datetime])
    """Up to five moments (UTC) at which it will fire, as the schedule stands."""
    notes: list[str] = Field(default_factory=list[str])
    """A past moment, a clock change ahead, a task that was there already under this dedup_key."""


class ScheduledTaskInfo(BaseModel):
    """The specification's answer format of a task."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    name: str
    goal_description: str
    status: TaskStatus = TaskStatus.PENDING
    defer_until: str | None = None
    schedule_cron: str | None = None
    created_at: str
    last_triggered_at: str | None = None
    deferral_count: int = 0
