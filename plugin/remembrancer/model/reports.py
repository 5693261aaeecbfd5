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
    DAY = "1d"
    WEEK = "7d"
    MONTH = "30d"

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
    check_interval_seconds: int | float
    cron_support: bool


class ExecutionMetrics(Shape):
    """The checker's passes since this process started."""

    task_run_count: int
    task_error_count: int
    task_error_rate: float
    time_since_last_run: int
    task_running: bool


class CallMetrics(Shape):
    """The calls that this process took."""

    request_count: int
    error_count: int
    error_rate: float


class StatusReport(Shape):
    """The report on the status of the service: `telemetry.status()`."""

    service_name: str
    healthy: bool
    uptime_seconds: int
    task_management: TaskManagement
    execution_metrics: ExecutionMetrics
    performance: CallMetrics


class TaskLine(Shape):
    """One task of a list."""

    task_id: str
    name: str
    status: TaskStatus
    type: TaskType
    next_execution: str | None
    deferral_count: int
    created_at: str


class TaskSummary(Shape):
    """The open tasks, by status and by type."""

    pending: int
    active: int
    one_time: int
    recurring: int


class TasksReport(Shape):
    """The report on open tasks: `telemetry.tasks()`."""

    total_count: int
    filtered_count: int
    tasks: list[TaskLine]
    summary: TaskSummary


class ExecutionSummary(Shape):
    """Executions that came to a result in the period."""

    total_executions: int
    successful_executions: int
    failed_executions: int
    success_rate: float
    avg_executions_per_day: int | float


class TaskCreation(Shape):
    """Tasks that came and went in the period."""

    tasks_created: int
    tasks_completed: int
    tasks_cancelled: int
    completion_rate: float


class ReasonCount(Shape):
    """One reason to wait, and how often it was given."""

    reason: str
    count: int


class DeferralPatterns(Shape):
    """The deferrals of the period, and their reasons."""

    total_deferrals: int
    avg_deferrals_per_task: float
    common_deferral_reasons: list[ReasonCount]


class AnalyticsReport(Shape):
    """The report on the activity of a period: `telemetry.analytics()`."""

    period: Period
    execution_summary: ExecutionSummary
    task_creation: TaskCreation
    deferral_patterns: DeferralPatterns


class CronSupport(Shape):
    """The reader of cron expressions."""

    available: bool
    library: str


class Trigger(Shape):
    """The next run of a task."""

    task_id: str
    task_name: str
    next_execution: str


class CronLine(Shape):
    """One cron expression, and the open tasks that follow it."""

    expression: str
    description: str
    task_count: int
    next_triggers: list[Trigger]


class ValidationStats(Shape):
    """Cron expressions that were given since the graph was created."""

    valid_expressions: int
    invalid_attempts: int
    success_rate: float


class CronReport(Shape):
    """The report on the cron expressions in use: `telemetry.cron()`."""

    cron_support: CronSupport
    active_cron_tasks: int
    cron_expressions: list[CronLine]
    validation_stats: ValidationStats


class CheckFrequency(Shape):
    """The pace of the ticks."""

    interval_seconds: int | float
    checks_per_hour: int | float
    missed_checks: int


class ExecutionTiming(Shape):
    """The delay with which runs began, over the last day."""

    avg_trigger_delay_ms: int | float
    max_trigger_delay_ms: int
    tasks_triggered_on_time: float


class ServicePerformance(Shape):
    """The checker at work."""

    uptime_seconds: int
    check_frequency: CheckFrequency
    execution_timing: ExecutionTiming


class ResourceUsage(Shape):
    """The resources of this process."""

    active_task_memory_mb: float
    database_connections: int
    background_task_status: str


class ErrorAnalysis(Shape):
    """The errors since the graph was made."""

    task_execution_errors: int
    cron_parsing_errors: int
    database_errors: int
    most_common_error: str


class PerformanceMetrics(Shape):
    """The report on timing, load and errors: `telemetry.performance()`."""

    service_performance: ServicePerformance
    resource_usage: ResourceUsage
    error_analysis: ErrorAnalysis


class MostDeferredTask(Shape):
    """The task that was deferred most often."""

    task_id: str
    deferral_count: int
    name: str


class TaskStatistics(Shape):
    """The specification's Task Execution Statistics, over the graph's whole life."""

    total_tasks_created: int
    active_tasks: int
    completed_tasks: int
    cancelled_tasks: int
    failed_tasks: int
    one_time_tasks: int
    recurring_tasks: int
    avg_deferral_count: float
    most_deferred_task: MostDeferredTask | None


class CronExpressionUse(Shape):
    """One cron expression in use."""

    expression: str
    task_count: int
    description: str


class CronTrigger(Shape):
    """The next run of a recurring task."""

    task_id: str
    next_execution: str
    cron_expression: str


class CronAnalytics(Shape):
    """The specification's Cron Scheduling Analytics."""

    cron_support_available: bool
    cron_expressions_used: list[CronExpressionUse]
    invalid_cron_attempts: int
    next_cron_triggers: list[CronTrigger]
