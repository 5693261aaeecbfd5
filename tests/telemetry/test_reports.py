"""The specification's five reports and two structures: their shapes, and that every number means something."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Failed, TaskSchedulerService
from remembrancer.errors import GraphUnavailable, InvalidInput
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from pydantic import BaseModel

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

HOUR = timedelta(hours=1)
REPORTS = ("status", "tasks", "analytics", "cron", "performance", "task_statistics", "cron_analytics")
N, S, B = "number", "string", "boolean"
SHAPES: dict[str, Any] = {
    "status": {
        "service_name": S,
        "healthy": B,
        "uptime_seconds": N,
        "task_management": {"active_tasks": N, "check_interval_seconds": N, "cron_support": B},
        "execution_metrics": {
            "task_run_count": N,
            "task_error_count": N,
            "task_error_rate": N,
            "time_since_last_run": N,
            "task_running": B,
        },
        "performance": {"request_count": N, "error_count": N, "error_rate": N},
    },
    "tasks": {
        "total_count": N,
        "filtered_count": N,
        "tasks": [
            {
                "task_id": S,
                "name": S,
                "status": S,
                "type": S,
                "next_execution": S,
                "deferral_count": N,
                "created_at": S,
            }
        ],
        "summary": {"pending": N, "active": N, "one_time": N, "recurring": N},
    },
    "analytics": {
        "period": S,
        "execution_summary": {
            "total_executions": N,
            "successful_executions": N,
            "failed_executions": N,
            "success_rate": N,
            "avg_executions_per_day": N,
        },
        "task_creation": {"tasks_created": N, "tasks_completed": N, "tasks_cancelled": N, "completion_rate": N},
        "deferral_patterns": {
            "total_deferrals": N,
            "avg_deferrals_per_task": N,
            "common_deferral_reasons": [{"reason": S, "count": N}],
        },
    },
    "cron": {
        "cron_support": {"available": B, "library": S},
        "active_cron_tasks": N,
        "cron_expressions": [
            {
                "expression": S,
                "description": S,
                "task_count": N,
                "next_triggers": [{"task_id": S, "task_name": S, "next_execution": S}],
            }
        ],
        "validation_stats": {"valid_expressions": N, "invalid_attempts": N, "success_rate": N},
    },
    "performance": {
        "service_performance": {
            "uptime_seconds": N,
            "check_frequency": {"interval_seconds": N, "checks_per_hour": N, "missed_checks": N},
            "execution_timing": {"avg_trigger_delay_ms": N, "max_trigger_delay_ms": N, "tasks_triggered_on_time": N},
        },
        "resource_usage": {"active_task_memory_mb": N, "database_connections": N, "background_task_status": S},
        "error_analysis": {
            "task_execution_errors": N,
            "cron_parsing_errors": N,
            "database_errors": N,
            "most_common_error": S,
        },
    },
    "task_statistics": {
        "total_tasks_created": N,
        "active_tasks": N,
        "completed_tasks": N,
        "cancelled_tasks": N,
        "failed_tasks": N,
        "one_time_tasks": N,
        "recurring_tasks": N,
        "avg_deferral_count": N,
        "most_deferred_task": {"task_id": S, "deferral_count": N, "name": S},
    },
    "cron_analytics": {
        "cron_support_available": B,
        "cron_expressions_used": [{"expression": S, "task_count": N, "description": S}],
        "invalid_cron_attempts": N,
        "next_cron_triggers": [{"task_id": S, "next_execution": S, "cron_expression": S}],
    },
}


def shape_of(value: object) -> object:
    """Return the keys of *value* and the kinds of what they hold, all the way down."""
    match value:
        case dict():
            return {key: shape_of(each) for key, each in value.items()}
        case list():
            return [shape_of(each) for each in value[:1]]
        case bool():
            return B
        case int() | float():
            return N
        case _:
            return S if isinstance(value, str) else type(value).__name__


def read(report: BaseModel) -> Any:
    return json.loads(report.model_dump_json())


async def handle(firing: Firing) -> Any:
    name = firing.task.name
    if name == "late":
        return Defer(firing.execution.triggered_at + 2 * HOUR, "High system load")
    return Failed("No paper in the printer") if name == "bad" else None


@pytest.fixture
async def lived(clock: VirtualClock) -> Any:
    """A scheduler that has created, fired, failed, deferred, cancelled and refused."""
    service = TaskSchedulerService(time_service=clock, handler=handle, check_interval_seconds=60)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, "daily", schedule_cron="0 9 * * *")
        await schedule(service, "hourly", schedule_cron="30 * * * *")
        await schedule(service, "also hourly", schedule_cron="30 * * * *")
        gone = await schedule(service, "gone", schedule_cron="15 * * * *")
        await service.cancel_task(gone)
        for name in ("good", "bad", "bad", "late"):
            await schedule(service, name, defer_until=clock.now() + HOUR / 2)
        with pytest.raises(InvalidInput):
            await schedule(service, "never", schedule_cron="61 * * * *")
        await checker.tick(HOUR / 2)
        await checker.tick(timedelta(seconds=0.25))
        yield service


async def schedule(service: TaskSchedulerService, name: str, **choices: Any) -> str:
    return (await service.schedule_task(name, "goal", "prompt", "thought", **choices)).task_id


@pytest.mark.parametrize("name", REPORTS)
async def test_a_report_has_the_shape_of_the_specification(lived: TaskSchedulerService, name: str) -> None:
    assert shape_of(read(await getattr(lived.telemetry, name)())) == SHAPES[name]


@pytest.mark.parametrize("name", REPORTS)
async def test_a_new_graph_has_every_report_too(service: TaskSchedulerService, name: str) -> None:
    assert read(await getattr(service.telemetry, name)()).keys() == SHAPES[name].keys()


async def test_tasks_are_counted_and_filtered_by_status_and_type(lived: TaskSchedulerService) -> None:
    tasks = lived.telemetry.tasks
    everything = read(await tasks())
    assert everything["summary"] == {"pending": 1, "active": 3, "one_time": 1, "recurring": 3}
    assert [task["name"] for task in everything["tasks"]] == ["also hourly", "hourly", "late", "daily"] or [
        task["name"] for task in everything["tasks"]
    ] == ["hourly", "also hourly", "late", "daily"]
    assert everything["total_count"] == everything["filtered_count"] == 4

    failed = read(await tasks(status="FAILED", limit=1))
    assert (failed["filtered_count"], len(failed["tasks"]), failed["tasks"][0]["name"]) == (2, 1, "bad")
    active = read(await tasks(status="ACTIVE", task_type="recurring"))
    assert sorted(task["name"] for task in active["tasks"]) == ["also hourly", "hourly"]
    assert read(await tasks(status="CANCELLED"))["tasks"][0]["next_execution"] is None


async def test_analytics_tell_what_happened_by_type(lived: TaskSchedulerService) -> None:
    every = read(await lived.telemetry.analytics(period="1d"))
    recurring = read(await lived.telemetry.analytics(period="1d", task_type="recurring"))

    assert every["execution_summary"] == {
        "total_executions": 5,
        "successful_executions": 3,
        "failed_executions": 2,
        "success_rate": 0.6,
        "avg_executions_per_day": 5,
    }
    assert every["task_creation"] == {
        "tasks_created": 8,
        "tasks_completed": 1,
        "tasks_cancelled": 1,
        "completion_rate": 0.125,
    }
    assert every["deferral_patterns"]["common_deferral_reasons"] == [{"reason": "High system load", "count": 1}]
    assert recurring["execution_summary"]["total_executions"] == 2
    assert recurring["deferral_patterns"]["total_deferrals"] == 0


async def test_a_period_begins_with_the_hour_in_which_it_began(clock: VirtualClock) -> None:
    service = TaskSchedulerService(time_service=clock, handler=handle)
    async with ManualScheduler(service, clock) as checker:
        for hours, minutes in ((0, 59), (0, 1), (1, 0), (22, 0)):  # 9:59, 10:00, 11:00, 9:00 on the next day
            await checker.tick(timedelta(hours=hours, minutes=minutes))
            await schedule(service, "bad", defer_until=clock.now())
            await checker.tick(timedelta(seconds=0.5))
        clock.set(clock.now().replace(minute=59, second=59))
        counted = {
            period: read(await service.telemetry.analytics(period))["execution_summary"]["failed_executions"]
            for period in ("1h", "1d", "7d")
        }
        at_ten = clock.now() + timedelta(seconds=1)
        clock.set(at_ten)
        later = read(await service.telemetry.analytics("1d"))["execution_summary"]

    assert counted == {"1h": 1, "1d": 4, "7d": 4}
    assert (later["failed_executions"], later["success_rate"], later["avg_executions_per_day"]) == (3, 0.0, 3)


async def test_what_lies_before_the_period_is_left_out(lived: TaskSchedulerService, clock: VirtualClock) -> None:
    clock.advance(timedelta(hours=30))
    assert read(await lived.telemetry.analytics(period="1h"))["execution_summary"]["total_executions"] == 0
    assert read(await lived.telemetry.analytics(period="7d"))["execution_summary"]["total_executions"] == 5


async def test_cron_expressions_are_told_with_their_tasks_in_words(lived: TaskSchedulerService) -> None:
    report = read(await lived.telemetry.cron())
    first = report["cron_expressions"][0]

    assert (first["expression"], first["task_count"]) == ("30 * * * *", 2)
    assert first["description"] == "At 30 minutes past the hour"
    assert [each["next_execution"] for each in first["next_triggers"]] == ["2026-03-02T10:30:00Z"] * 2
    assert report["active_cron_tasks"] == 3
    assert report["validation_stats"] == {"valid_expressions": 4, "invalid_attempts": 1, "success_rate": 0.8}


async def test_an_expression_is_reported_with_its_seconds_field(service: TaskSchedulerService) -> None:
    for expression, seconds in (("*/10 0 9 * * *", "first"), ("0 9 * * * */10", "last")):
        await schedule(service, "fast", schedule_cron=expression, seconds_field=seconds)
    told = {
        each["expression"]: each["description"] for each in read(await service.telemetry.cron())["cron_expressions"]
    }

    assert told["*/10 0 9 * * *"] == told["0 9 * * * */10"]
    assert told["0 9 * * * */10"].startswith("Every 10 seconds")


async def test_performance_tells_delays_and_the_most_common_error(lived: TaskSchedulerService) -> None:
    report = read(await lived.telemetry.performance())
    assert report["error_analysis"] == {
        "task_execution_errors": 2,
        "cron_parsing_errors": 1,
        "database_errors": 0,
        "most_common_error": "No paper in the printer",
    }
    assert report["service_performance"]["execution_timing"] == {
        "avg_trigger_delay_ms": 0,
        "max_trigger_delay_ms": 0,
        "tasks_triggered_on_time": 1.0,
    }
    assert report["resource_usage"] == {
        "active_task_memory_mb": 0.0,
        "database_connections": 1,
        "background_task_status": "stopped",
    }


async def test_a_run_that_began_late_is_seen(lived: TaskSchedulerService, clock: VirtualClock) -> None:
    clock.advance(timedelta(hours=1, seconds=30))
    await lived.tick()
    timing = read(await lived.telemetry.performance())["service_performance"]["execution_timing"]

    assert timing["max_trigger_delay_ms"] == 30_250
    assert timing["tasks_triggered_on_time"] == 0.75


async def test_the_memory_of_running_tasks_is_reported_while_it_ticks() -> None:
    gate, began = asyncio.Event(), asyncio.Event()

    async def wait(_: Firing) -> None:
        began.set()
        await gate.wait()

    async with TaskSchedulerService(handler=wait) as service:
        await service.run_now(await schedule(service, "long", schedule_cron="0 0 1 1 *"))
        await began.wait()
        usage = read(await service.telemetry.performance())["resource_usage"]
        gate.set()
        await service.idle()

        assert usage["active_task_memory_mb"] > 0
        assert usage["background_task_status"] == "running"
        assert read(await service.telemetry.performance())["resource_usage"]["active_task_memory_mb"] == 0


async def test_checks_that_were_not_made_are_counted(clock: VirtualClock) -> None:
    async with TaskSchedulerService(time_service=clock, check_interval_seconds=60) as service:
        scheduler = service._process.running_scheduler()
        for minutes, passes in ((1, 2), (4, 3)):
            while scheduler.last_tick_at is None or scheduler.ticks < passes - 1:  # noqa: ASYNC110 (the checker works in its own time)
                await asyncio.sleep(0.001)
            clock.advance(timedelta(minutes=minutes))
        while scheduler.ticks < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        report = read(await service.telemetry.performance())["service_performance"]["check_frequency"]

    assert report == {"interval_seconds": 60, "checks_per_hour": 60, "missed_checks": 3}


async def test_a_graph_that_does_not_answer_is_a_database_error(lived: TaskSchedulerService) -> None:
    session: Any = lived._process.graph()._connection  # type: ignore[attr-defined]
    with pytest.raises(GraphUnavailable), session.pending_counts.counting_errors():
        raise GraphUnavailable("no answer")
    await lived.schedule_task("after", "goal", "prompt", "thought", schedule_cron="0 0 * * *")

    assert read(await lived.telemetry.performance())["error_analysis"]["database_errors"] == 1


async def test_statistics_know_the_most_deferred_task(lived: TaskSchedulerService) -> None:
    report = read(await lived.telemetry.task_statistics())
    assert report["most_deferred_task"]["name"] == "late"
    assert (report["total_tasks_created"], report["one_time_tasks"], report["recurring_tasks"]) == (8, 4, 4)
    assert (report["completed_tasks"], report["failed_tasks"], report["cancelled_tasks"]) == (1, 2, 1)
    assert report["active_tasks"] == 4


@pytest.mark.parametrize(
    ("report", "choices", "field"),
    [
        ("tasks", {"status": "OPEN"}, "status"),
        ("tasks", {"task_type": "daily"}, "type"),
        ("tasks", {"limit": 0}, "limit"),
        ("analytics", {"period": "2d"}, "period"),
        ("analytics", {"task_type": "cron"}, "task_type"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    service: TaskSchedulerService, report: str, choices: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await getattr(service.telemetry, report)(**choices)

    assert refused.value.field == field
