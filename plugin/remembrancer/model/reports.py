"""The specification's reports on the scheduler, field by field."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from remembrancer.model.task_status import TaskStatus, TaskType  # noqa: TC001 (pydantic reads the annotations at run time)

MOST_TASKS: Final = 1000
"""Tasks in one report at most."""


class Period(StrEnum):
    """The length of time that analytics cover."""

    HOUR = "1h"
    """The last hour."""
    DAY = "1d"
    """The last 24 hours."""
    WEEK = "7d"
    """The last 7 days, 168 hours."""
    MONTH = "30d"
    """The last 30 days, 720 hours."""

    @property
    def hours(self) -> int:
        """Its length in hours."""
        return {"1h": 1, "1d": 24, "7d": 168, "30d": 720}[self.value]


class Shape(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True)


class TaskManagement(Shape):
    """The open tasks, and the settings of their checks."""

    active_tasks: int
    """Open tasks, PENDING and ACTIVE."""
    check_interval_seconds: int | float
    """Seconds from one regular tick of the loop to the next."""
    cron_support: bool
    """True if the library can read cron expressions now."""


class ExecutionMetrics(Shape):
    """The ticks of the loop since this process started."""

    task_run_count: int
    """Ticks."""
    task_error_count: int
    """Ticks that failed."""
    task_error_rate: float
    """Failed ticks for each tick, 0 to 1."""
    time_since_last_run: int
    """Seconds since the last good tick; 0 before the first."""
    task_running: bool
    """True while the loop runs."""


class CallMetrics(Shape):
    """The calls that this process took."""

    request_count: int
    """Calls served; reads of events, the status and the health do not count."""
    error_count: int
    """Calls of these that were refused or failed."""
    error_rate: float
    """Failed calls for each call, 0 to 1."""


class StatusReport(Shape):
    """The report on the status of the service: `telemetry.status()`."""

    service_name: str
    """The specification's name of the service."""
    healthy: bool
    """True if the loop runs, its last tick is recent and was good, and the graph is there and the same."""
    uptime_seconds: int
    """Seconds since this process started."""
    task_management: TaskManagement
    """The open tasks, and the settings of the loop."""
    execution_metrics: ExecutionMetrics
    """The ticks of the loop."""
    performance: CallMetrics
    """The calls that this process served."""


class TaskLine(Shape):
    """One task of a list."""

    task_id: str
    """The key of the task."""
    name: str
    """The name of the task."""
    status: TaskStatus
    """The state of the task."""
    type: TaskType
    """One-time or recurring."""
    next_execution: str | None
    """The time of its next run, ISO-8601 in UTC; None without one ahead."""
    deferral_count: int
    """The number of times that it was deferred."""
    created_at: str
    """The time at which it was scheduled, ISO-8601 in UTC."""


class TaskSummary(Shape):
    """The open tasks, by status and by type."""

    pending: int
    """Tasks that wait for their first occurrence."""
    active: int
    """Tasks that have fired and go on."""
    one_time: int
    """Open one-time tasks."""
    recurring: int
    """Open recurring tasks."""


class TasksReport(Shape):
    """The report on open tasks: `telemetry.tasks()`."""

    total_count: int
    """Open tasks, PENDING and ACTIVE."""
    filtered_count: int
    """Tasks that fit the filter; without a status, the open ones of them."""
    tasks: list[TaskLine]
    """Up to `limit` of these; the next to run first, with a filter the newest first."""
    summary: TaskSummary
    """The open tasks, by status and by type."""


class ExecutionResults(Shape):
    """Executions that came to a result in the period."""

    total_executions: int
    """Completed and failed executions; a deferred one has no result."""
    successful_executions: int
    """Completed executions."""
    failed_executions: int
    """Failed executions."""
    success_rate: float
    """Completed executions for each with a result, 0 to 1."""
    avg_executions_per_day: int | float
    """Executions with a result, over the length of the period in days."""


class TaskCreation(Shape):
    """Tasks that came and went in the period."""

    tasks_created: int
    """Tasks scheduled in the period."""
    tasks_completed: int
    """Tasks that completed in it."""
    tasks_cancelled: int
    """Tasks that were cancelled in it."""
    completion_rate: float
    """Tasks completed for each task created; more than 1 where older ones completed."""


class ReasonCount(Shape):
    """One reason to wait, and how often it was given."""

    reason: str
    """The first 160 characters of its first line; `(other)` stands for the rarest together."""
    count: int
    """The number of deferrals with this reason."""


class DeferralPatterns(Shape):
    """The deferrals of the period, and their reasons."""

    total_deferrals: int
    """Deferrals in the period."""
    avg_deferrals_per_task: float
    """Deferrals for each task created in the period."""
    common_deferral_reasons: list[ReasonCount]
    """The ten most common reasons, the most common first."""


class AnalyticsReport(Shape):
    """The report on the activity of a period: `telemetry.analytics()`."""

    period: Period
    """The period asked for; it begins with a UTC hour, so it covers up to an hour more."""
    execution_summary: ExecutionResults
    """The executions of the period."""
    task_creation: TaskCreation
    """The tasks of the period."""
    deferral_patterns: DeferralPatterns
    """The deferrals of the period."""


class CronSupport(Shape):
    """The reader of cron expressions."""

    available: bool
    """True if the library can read cron expressions now."""
    library: str
    """The name of the library."""


class Trigger(Shape):
    """The next run of a task."""

    task_id: str
    """The key of the task."""
    task_name: str
    """The name of the task."""
    next_execution: str
    """The time of its next run, ISO-8601 in UTC."""


class CronLine(Shape):
    """One cron expression, and the open tasks that follow it."""

    expression: str
    """The expression as given."""
    description: str
    """The expression in English."""
    task_count: int
    """The open tasks that follow it."""
    next_triggers: list[Trigger]
    """Up to three of their next runs."""


class ValidationStats(Shape):
    """Cron expressions that were given since the graph was created."""

    valid_expressions: int
    """Recurring tasks that were accepted."""
    invalid_attempts: int
    """Requests refused because of their cron expression."""
    success_rate: float
    """Accepted for each given, 0 to 1; 1 before the first."""


class CronReport(Shape):
    """The report on the cron expressions in use: `telemetry.cron()`."""

    cron_support: CronSupport
    """The library that reads cron expressions."""
    active_cron_tasks: int
    """Open recurring tasks."""
    cron_expressions: list[CronLine]
    """The twenty expressions that most open tasks follow."""
    validation_stats: ValidationStats
    """The expressions given since the graph was made."""


class CheckFrequency(Shape):
    """The pace of the ticks."""

    interval_seconds: int | float
    """Seconds from one regular tick of the loop to the next."""
    checks_per_hour: int | float
    """Regular ticks in an hour, by that interval."""
    missed_checks: int
    """Regular ticks that were not made, because the process was busy or suspended."""


class ExecutionTiming(Shape):
    """The delay with which runs began, over the last day."""

    avg_trigger_delay_ms: int | float
    """The average delay after the armed time, in milliseconds."""
    max_trigger_delay_ms: int
    """The longest delay, in milliseconds."""
    tasks_triggered_on_time: float
    """The share of runs and missed occurrences that began within a second; 1 where nothing was due."""


class ServicePerformance(Shape):
    """The loop at work."""

    uptime_seconds: int
    """Seconds since this process started."""
    check_frequency: CheckFrequency
    """The pace of the ticks."""
    execution_timing: ExecutionTiming
    """The delays of the last 24 hours."""


class ResourceUsage(Shape):
    """The resources of this process."""

    active_task_memory_mb: float
    """Megabytes of the tasks and executions whose handlers run."""
    database_connections: int
    """Connections to the graph: 1 of the embedded engine, else the most used at once."""
    background_task_status: str
    """The state of the loop: `running`, `stopped` or `failed`."""


class ErrorAnalysis(Shape):
    """The errors since the graph was made."""

    task_execution_errors: int
    """Failed executions."""
    cron_parsing_errors: int
    """Refused cron expressions."""
    database_errors: int
    """Failed reads and writes of the graph."""
    most_common_error: str
    """The most frequent text among all of these; empty if there was none."""


class PerformanceMetrics(Shape):
    """The report on timing, load and errors: `telemetry.performance()`."""

    service_performance: ServicePerformance
    """The ticks of this process, and the delays of the last 24 hours."""
    resource_usage: ResourceUsage
    """The resources of this process."""
    error_analysis: ErrorAnalysis
    """The errors since the graph was made."""


class MostDeferredTask(Shape):
    """The task that was deferred most often."""

    task_id: str
    """The key of the task."""
    deferral_count: int
    """The number of times that it was deferred."""
    name: str
    """The name of the task."""


class TaskStatistics(Shape):
    """The specification's Task Execution Statistics, over the graph's whole life."""

    total_tasks_created: int
    """Tasks scheduled."""
    active_tasks: int
    """Open tasks, PENDING and ACTIVE."""
    completed_tasks: int
    """Tasks that completed."""
    cancelled_tasks: int
    """Tasks that were cancelled."""
    failed_tasks: int
    """Tasks that failed."""
    one_time_tasks: int
    """One-time tasks scheduled."""
    recurring_tasks: int
    """Recurring tasks scheduled."""
    avg_deferral_count: float
    """Deferrals for each task scheduled."""
    most_deferred_task: MostDeferredTask | None
    """The task that was deferred most often; None before the first deferral, or if it is gone."""


class CronExpressionUse(Shape):
    """One cron expression in use."""

    expression: str
    """The expression as given."""
    task_count: int
    """The open tasks that follow it."""
    description: str
    """The expression in English."""


class CronTrigger(Shape):
    """The next run of a recurring task."""

    task_id: str
    """The key of the task."""
    next_execution: str
    """The time of its next run, ISO-8601 in UTC."""
    cron_expression: str
    """The expression that it follows."""


class CronAnalytics(Shape):
    """The specification's Cron Scheduling Analytics."""

    cron_support_available: bool
    """True if the library can read cron expressions now."""
    cron_expressions_used: list[CronExpressionUse]
    """The twenty expressions that most open tasks follow."""
    invalid_cron_attempts: int
    """Requests refused because of their cron expression, since the graph was made."""
    next_cron_triggers: list[CronTrigger]
    """The ten soonest runs of these expressions."""
