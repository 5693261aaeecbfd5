"""The specification's five reports and two structures: their numbers come from the graph's statistics and this process.

docs/reference/telemetry.md defines each number, and the time that it covers.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from remembrancer.errors import InvalidInput
from remembrancer.model import reports as shapes
from remembrancer.model.task import ScheduledTask
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus, TaskType
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.operations.statistics import CronInUse, crons_in_use, most_deferred, population, tasks_of, total
from remembrancer.ports.graph import Graph
from remembrancer.ports.statistics import OTHER, LifetimeStatistics, WindowStatistics, most_common
from remembrancer.schedules.cron.calendar import LIBRARY, reads_cron
from remembrancer.schedules.cron.description import describe
from remembrancer.service.telemetry.metrics import Vitals, active_tasks, count_calls
from remembrancer.service.telemetry.status import NAME

_Word = TypeVar("_Word", bound=StrEnum)

_COMMON: Final = 10
_TIMING: Final = timedelta(hours=24)


class Telemetry:
    """The reports on one scheduler; every one may raise GraphUnavailable or NotRunning.

    Args:
        vitals: The scheduler's process.
    """

    def __init__(self, vitals: Vitals) -> None:
        self.vitals = vitals

    @count_calls
    async def status(self) -> shapes.StatusReport:
        """Return the status of the service."""
        passes, calls = self.vitals.passes(), self.vitals.calls
        life = await self.vitals.store().statistics.lifetime()
        return shapes.StatusReport(
            service_name=NAME,
            healthy=passes.healthy,
            uptime_seconds=int(passes.uptime_seconds),
            task_management=shapes.TaskManagement(
                active_tasks=int(active_tasks(life.counts)),
                check_interval_seconds=_number(self.vitals.interval_seconds),
                cron_support=reads_cron(),
            ),
            execution_metrics=shapes.ExecutionMetrics(
                task_run_count=passes.runs,
                task_error_count=passes.errors,
                task_error_rate=_rate(passes.errors, passes.runs),
                time_since_last_run=int(passes.age_seconds),
                task_running=passes.running,
            ),
            performance=shapes.CallMetrics(
                request_count=calls.requests,
                error_count=calls.errors,
                error_rate=_rate(calls.errors, calls.requests),
            ),
        )

    @count_calls
    async def tasks(
        self, status: str | None = None, task_type: str | None = None, limit: int = 100
    ) -> shapes.TasksReport:
        """Return the open tasks, or those of one *status* or *task_type*. Raises InvalidInput."""
        wanted = None if status is None else _word("status", status, TaskStatus)
        kind = None if task_type is None else _word("type", task_type, TaskType)
        if not 1 <= limit <= shapes.MOST_TASKS:
            raise InvalidInput("limit", limit, f"1 to {shapes.MOST_TASKS}", 100)
        store = self.vitals.store()
        count_calls = population((await store.statistics.lifetime()).counts)
        found = await tasks_of(store, wanted, kind, limit)
        return shapes.TasksReport(
            total_count=total(count_calls),
            filtered_count=total(count_calls, [wanted] if wanted else OPEN_STATUSES, [kind] if kind else TaskType),
            tasks=[_line(task) for task in found],
            summary=shapes.TaskSummary(
                pending=total(count_calls, [TaskStatus.PENDING]),
                active=total(count_calls, [TaskStatus.ACTIVE]),
                one_time=total(count_calls, types=[TaskType.ONE_TIME]),
                recurring=total(count_calls, types=[TaskType.RECURRING]),
            ),
        )

    @count_calls
    async def analytics(self, period: str = "7d", task_type: str | None = None) -> shapes.AnalyticsReport:
        """Return the activity of a *period*, of tasks of one type or of both. Raises InvalidInput."""
        span = _word("period", period, shapes.Period)
        kind = None if task_type is None else _word("task_type", task_type, TaskType)
        now = self.vitals.now()
        since = now - timedelta(hours=span.hours)
        window = await self.vitals.store().statistics.window(since, kind, until=now)
        return shapes.AnalyticsReport(
            period=span,
            execution_summary=_execution_summary(window, span),
            task_creation=_task_creation(window),
            deferral_patterns=_deferral_patterns(window),
        )

    @count_calls
    async def cron(self) -> shapes.CronReport:
        """Return the cron expressions in use."""
        store = self.vitals.store()
        counts = (await store.statistics.lifetime()).counts
        valid, invalid = int(counts["recurring_created"]), int(counts["cron_refused"])
        return shapes.CronReport(
            cron_support=shapes.CronSupport(available=reads_cron(), library=LIBRARY),
            active_cron_tasks=total(population(counts), types=[TaskType.RECURRING]),
            cron_expressions=[_cron_line(each) for each in await crons_in_use(store)],
            validation_stats=shapes.ValidationStats(
                valid_expressions=valid, invalid_attempts=invalid, success_rate=_rate(valid, valid + invalid, 1.0)
            ),
        )

    @count_calls
    async def performance(self) -> shapes.PerformanceMetrics:
        """Return the timing, the load and the errors of the scheduler."""
        store, passes = self.vitals.store(), self.vitals.passes()
        now = self.vitals.now()
        window = await store.statistics.window(now - _TIMING, until=now)
        life = await store.statistics.lifetime()
        common, _ = most_common(life.errors) or ("", 0)
        return shapes.PerformanceMetrics(
            service_performance=shapes.ServicePerformance(
                uptime_seconds=int(passes.uptime_seconds),
                check_frequency=shapes.CheckFrequency(
                    interval_seconds=_number(self.vitals.interval_seconds),
                    checks_per_hour=_number(3600 / self.vitals.interval_seconds),
                    missed_checks=passes.missed,
                ),
                execution_timing=_timing(window),
            ),
            resource_usage=shapes.ResourceUsage(
                active_task_memory_mb=round(passes.memory_bytes / 1e6, 6),
                database_connections=store.health.connections,
                background_task_status=passes.background,
            ),
            error_analysis=shapes.ErrorAnalysis(
                task_execution_errors=int(life.counts["executions_failed"]),
                cron_parsing_errors=int(life.counts["cron_refused"]),
                database_errors=int(life.counts["database_errors"]),
                most_common_error=common,
            ),
        )

    @count_calls
    async def task_statistics(self) -> shapes.TaskStatistics:
        """Return the specification's Task Execution Statistics."""
        store = self.vitals.store()
        life = await store.statistics.lifetime()
        counts = {name: int(count) for name, count in life.counts.items()}
        return shapes.TaskStatistics(
            total_tasks_created=counts["tasks_created"],
            active_tasks=int(active_tasks(counts)),
            completed_tasks=counts["tasks_completed"],
            cancelled_tasks=counts["tasks_cancelled"],
            failed_tasks=counts["tasks_failed"],
            one_time_tasks=counts["tasks_created"] - counts["recurring_created"],
            recurring_tasks=counts["recurring_created"],
            avg_deferral_count=_rate(counts["deferrals"], counts["tasks_created"]),
            most_deferred_task=await _most_deferred(store, life),
        )

    @count_calls
    async def cron_analytics(self) -> shapes.CronAnalytics:
        """Return the specification's Cron Scheduling Analytics."""
        report = await self.cron()
        ahead = [(each, line.expression) for line in report.cron_expressions for each in line.next_triggers]
        ahead.sort(key=lambda pair: (pair[0].next_execution, pair[0].task_id))
        return shapes.CronAnalytics(
            cron_support_available=report.cron_support.available,
            cron_expressions_used=[
                shapes.CronExpressionUse(
                    expression=line.expression, task_count=line.task_count, description=line.description
                )
                for line in report.cron_expressions
            ],
            invalid_cron_attempts=report.validation_stats.invalid_attempts,
            next_cron_triggers=[
                shapes.CronTrigger(task_id=each.task_id, next_execution=each.next_execution, cron_expression=expression)
                for each, expression in ahead[:_COMMON]
            ],
        )


async def _most_deferred(store: Graph, life: LifetimeStatistics) -> shapes.MostDeferredTask | None:
    task = await most_deferred(store, life)
    if task is None or life.most_deferred is None:
        return None
    return shapes.MostDeferredTask(task_id=task.task_id, deferral_count=life.most_deferred[0], name=task.name)


def _execution_summary(window: WindowStatistics, period: shapes.Period) -> shapes.ExecutionResults:
    good, bad = int(window.counts["executions_completed"]), int(window.counts["executions_failed"])
    return shapes.ExecutionResults(
        total_executions=good + bad,
        successful_executions=good,
        failed_executions=bad,
        success_rate=_rate(good, good + bad),
        avg_executions_per_day=_number((good + bad) / (period.hours / 24)),
    )


def _task_creation(window: WindowStatistics) -> shapes.TaskCreation:
    created, completed = int(window.counts["tasks_created"]), int(window.counts["tasks_completed"])
    return shapes.TaskCreation(
        tasks_created=created,
        tasks_completed=completed,
        tasks_cancelled=int(window.counts["tasks_cancelled"]),
        completion_rate=_rate(completed, created),
    )


def _deferral_patterns(window: WindowStatistics) -> shapes.DeferralPatterns:
    deferrals = int(window.counts["deferrals"])
    return shapes.DeferralPatterns(
        total_deferrals=deferrals,
        avg_deferrals_per_task=_rate(deferrals, window.counts["tasks_created"]),
        common_deferral_reasons=[
            shapes.ReasonCount(reason=reason, count=count) for reason, count in _common_first(window.reasons)
        ],
    )


def _common_first(texts: Counter[str]) -> list[tuple[str, int]]:
    """Return the texts that were counted most often; what was counted of no text by itself comes last."""
    found = [(text, count) for text, count in texts.most_common() if text != OTHER][:_COMMON]
    return [*found, (OTHER, texts[OTHER])] if texts[OTHER] else found


def _timing(window: WindowStatistics) -> shapes.ExecutionTiming:
    counts = window.counts
    return shapes.ExecutionTiming(
        avg_trigger_delay_ms=_number(counts["trigger_delay_ms"] / max(1, counts["triggers"])),
        max_trigger_delay_ms=window.longest_delay_ms,
        tasks_triggered_on_time=round(window.on_time, 3),
    )


def _cron_line(cron: CronInUse) -> shapes.CronLine:
    return shapes.CronLine(
        expression=cron.use.expression,
        description=describe(cron.use.expression, cron.upcoming[0].seconds_field if cron.upcoming else None),
        task_count=cron.use.tasks,
        next_triggers=[
            shapes.Trigger(task_id=task.task_id, task_name=task.name, next_execution=_next(task) or "")
            for task in cron.upcoming
        ],
    )


def _line(task: ScheduledTask) -> shapes.TaskLine:
    return shapes.TaskLine(
        task_id=task.task_id,
        name=task.name,
        status=task.status,
        type=task.task_type,
        next_execution=_next(task),
        deferral_count=task.deferral_count,
        created_at=to_iso(task.created_at),
    )


def _next(task: ScheduledTask) -> str | None:
    return None if task.next_run_ms is None else to_iso(from_ms(task.next_run_ms))


def _rate(part: float, whole: float, of_none: float = 0.0) -> float:
    """Return *part* of *whole* to three digits; *of_none* where there is no whole."""
    return round(part / whole, 3) if whole else of_none


def _number(value: float) -> int | float:
    """Return a whole number as such, any other to three digits."""
    return int(value) if value == int(value) else round(value, 3)


def _word(field: str, value: str, words: type[_Word]) -> _Word:
    try:
        return words(value)
    except ValueError:
        allowed = ", ".join(words)
        raise InvalidInput(field, value, allowed, next(iter(words)).value) from None
