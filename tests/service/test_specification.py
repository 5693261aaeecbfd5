"""The specification's own example, and every shape that it shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from remembrancer import InvalidInput, ServiceType, TaskSchedulerService, get_service
from remembrancer.errors import NotRunning

if TYPE_CHECKING:
    from remembrancer.testing import ManualScheduler, VirtualClock

METRICS = {
    "active_tasks",
    "check_interval",
    "task_run_count",
    "task_error_count",
    "task_error_rate",
    "task_interval_seconds",
    "time_since_last_task_run",
    "task_running",
    "uptime_seconds",
    "request_count",
    "error_count",
    "error_rate",
    "healthy",
    "scheduled_tasks_created",
    "scheduled_tasks_completed",
    "scheduled_tasks_failed",
    "deferral_requests",
    "cron_trigger_count",
    "avg_task_execution_time",
}


async def test_task_scheduler_telemetry() -> None:
    # Setup service
    time_service = Mock()
    with pytest.warns(UserWarning, match=r"time_service\.now\(\) returned Mock") as warned:
        task_scheduler = TaskSchedulerService(
            db_path=":memory:",
            time_service=time_service,
            check_interval_seconds=5,
        )

    await task_scheduler.start()

    # Schedule tasks
    one_time_task = await task_scheduler.schedule_task(
        name="Test Task",
        goal_description="Test one-time execution",
        trigger_prompt="Execute test",
        origin_thought_id="test_thought",
        defer_until="2025-08-15T12:00:00Z",
    )

    recurring_task = await task_scheduler.schedule_task(
        name="Recurring Test",
        goal_description="Test recurring execution",
        trigger_prompt="Execute recurring test",
        origin_thought_id="test_thought_2",
        schedule_cron="*/5 * * * *",  # Every 5 minutes
    )

    # Verify metrics
    metrics = task_scheduler._collect_custom_metrics()
    assert metrics["active_tasks"] == 2.0
    assert metrics["check_interval"] == 5.0

    # Check status
    status = task_scheduler.get_status()
    assert status.is_healthy
    assert status.service_name == "TaskSchedulerService"

    # Test capabilities
    capabilities = task_scheduler.get_capabilities()
    assert "schedule_task" in capabilities.actions
    assert "cancel_task" in capabilities.actions
    assert "get_scheduled_tasks" in capabilities.actions

    # Test task retrieval
    tasks = await task_scheduler.get_scheduled_tasks()
    assert len(tasks) == 2
    assert any(task.name == "Test Task" for task in tasks)
    assert any(task.name == "Recurring Test" for task in tasks)

    # Beyond the example: one warning and no more, the replies are tasks, and it stops.
    assert len(warned) == 1
    assert {one_time_task.name, recurring_task.name} == {"Test Task", "Recurring Test"}
    await task_scheduler.stop()


async def test_all_nineteen_metrics_are_there_under_their_names(service: TaskSchedulerService) -> None:
    metrics = service._collect_custom_metrics()
    assert metrics.keys() == METRICS
    assert all(type(value) is float for value in metrics.values())
    assert service.get_status().metrics == metrics


async def test_the_metrics_count_what_happened(service: TaskSchedulerService, by_hand: ManualScheduler) -> None:
    soon = by_hand.clock.now() + timedelta(minutes=1)
    for name in ("one", "two"):
        await service.schedule_task(name, "goal", "prompt", "thought", defer_until=soon)
    cron = await service.schedule_task("cron", "goal", "prompt", "thought", schedule_cron="* * * * *")
    await service.defer_task(cron.task_id, soon + timedelta(minutes=1, seconds=30), "Later")
    with pytest.raises(InvalidInput):
        await service.schedule_task("", "goal", "prompt", "thought", defer_until=soon)
    await by_hand.tick(timedelta(minutes=1))
    await by_hand.tick(timedelta(minutes=2))
    metrics = service._collect_custom_metrics()
    told = {name: metrics[name] for name in METRICS if name.startswith(("scheduled", "deferral", "cron", "active"))}
    assert told == {
        "active_tasks": 1,
        "scheduled_tasks_created": 3,
        "scheduled_tasks_completed": 2,
        "scheduled_tasks_failed": 0,
        "deferral_requests": 1,
        "cron_trigger_count": 1,
    }
    assert (metrics["request_count"], metrics["error_count"], metrics["error_rate"]) == (5, 1, 0.2)


async def test_the_status_has_the_shape_of_the_specification() -> None:
    async with TaskSchedulerService(check_interval_seconds=60) as service:
        shape = service.get_status().model_dump()
        assert set(shape) >= {"service_name", "active_tasks", "check_interval", "cron_support"}
        assert shape["cron_support"] is True
        assert set(shape["task_execution"]) == {"run_count", "error_count", "error_rate", "last_run_age_seconds"}
        assert set(shape["performance"]) == {"uptime_seconds", "task_running", "healthy"}
        assert (shape["performance"]["task_running"], shape["performance"]["healthy"]) == (True, True)


async def test_the_capabilities_are_those_of_the_specification(service: TaskSchedulerService) -> None:
    shape = service.get_capabilities().model_dump()
    expected = {
        "cron_support": True,
        "description": "Task scheduling and deferral service",
        "service_name": "TaskSchedulerService",
        "version": "1.0.0",
        "dependencies": ["TimeService"],
    }
    assert {name: shape[name] for name in expected} == expected
    assert set(shape["features"]) >= {"cron_scheduling", "one_time_defer", "task_persistence"}
    for action in shape["actions"]:
        assert callable(getattr(service, action))


async def test_a_task_and_its_info_have_the_specified_fields(service: TaskSchedulerService) -> None:
    task = await service.schedule_task(
        "Daily Backup", "Backup system data", "Back up", "thought_def456", schedule_cron="0 2 * * *"
    )
    assert set(task.model_dump()) >= {
        *("task_id", "name", "goal_description", "status", "defer_until", "schedule_cron", "trigger_prompt"),
        *("origin_thought_id", "created_at", "last_triggered_at", "deferral_count", "deferral_history"),
    }
    (info,) = await service.get_scheduled_tasks()
    assert info.model_dump(mode="json") == {
        "task_id": task.task_id,
        "name": "Daily Backup",
        "goal_description": "Backup system data",
        "status": "PENDING",
        "defer_until": None,
        "schedule_cron": "0 2 * * *",
        "created_at": "2026-03-02T09:00:00Z",
        "last_triggered_at": None,
        "deferral_count": 0,
    }


async def test_an_agents_task_is_deferred_as_the_specification_shows(service: TaskSchedulerService) -> None:
    deferred_task = await service.schedule_deferred_task(
        thought_id="thought_xyz789",
        task_id="original_task_123",
        defer_until="2026-08-15T14:00:00Z",
        reason="Waiting for external API rate limit reset",
        context={"api": "weather_service", "retry_count": 2},
    )
    assert "original_task_123" in deferred_task.name
    last = deferred_task.deferral_history[-1]
    assert last["deferral_reason"] == "Waiting for external API rate limit reset"
    assert last["context"] == {"api": "weather_service", "retry_count": 2}
    assert deferred_task.deferral_count == 1
    again = await service.schedule_deferred_task(
        "thought_later", "original_task_123", "2026-08-16T14:00:00Z", "Still waiting", {"retry_count": 3}
    )
    assert (again.task_id, again.deferral_count) == (deferred_task.task_id, 2)
    assert [entry["context"] for entry in again.deferral_history][-1] == {"retry_count": 3}
    assert len(await service.get_scheduled_tasks()) == 1


async def test_a_host_finds_the_running_service_by_its_type() -> None:
    with pytest.raises(NotRunning):
        get_service(ServiceType.TASK_SCHEDULER)
    async with TaskSchedulerService() as service:
        for name in (ServiceType.TASK_SCHEDULER, ServiceType.MAINTENANCE, "maintenance"):
            assert get_service(name) is service
        with pytest.raises(ValueError, match="cooking"):
            get_service("cooking")
    with pytest.raises(NotRunning):
        get_service(ServiceType.MAINTENANCE)


async def test_health_is_right_before_while_and_after_it_runs() -> None:
    service = TaskSchedulerService()
    assert not await service.is_healthy()
    for _ in range(2):
        await service.start()
        await service.start()  # a second start of what runs changes nothing
        assert await service.is_healthy()
        assert service._task is not None
        assert not service._task.done()
        assert not service._shutdown_event.is_set()
        await service.stop()
        assert not await service.is_healthy()
        assert service._task is None
        assert service._shutdown_event.is_set()
    await service.stop()


async def test_a_checker_that_has_not_looked_for_long_is_unhealthy(clock: VirtualClock) -> None:
    async with TaskSchedulerService(time_service=clock, check_interval_seconds=60) as service:
        while service._process.scheduler is None or service._process.scheduler.last_tick_at is None:  # noqa: ASYNC110 (its own time)
            await asyncio.sleep(0.01)
        clock._now += timedelta(minutes=5)  # time goes by, and the checker is not woken
        assert not await service.is_healthy()
        assert not service.get_status().is_healthy
        clock.advance(timedelta(0))


@pytest.mark.parametrize("interval", [0, -1, 86_401, "60", True, float("nan")])
def test_an_interval_that_makes_no_sense_is_refused(interval: object) -> None:
    with pytest.raises(InvalidInput, match=r"check_interval_seconds=.*Example"):
        TaskSchedulerService(check_interval_seconds=interval)  # pyright: ignore[reportArgumentType]


class Telling:
    """A host's time service."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


def test_a_naive_time_service_is_refused() -> None:
    with pytest.raises(InvalidInput, match="aware"):
        TaskSchedulerService(time_service=Telling(datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_the_hosts_time_is_gone_by() -> None:
    moment = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
    async with TaskSchedulerService(time_service=Telling(moment)) as service:
        task = await service.schedule_task("a", "b", "c", "d", defer_until="2031-05-06T09:00:00+02:00")
        assert task.created_at == moment
        assert task.warnings != []


async def test_what_is_asked_of_a_stopped_service_is_refused_in_words() -> None:
    service = TaskSchedulerService()
    for asked in (service.get_scheduled_tasks(), service.cancel_task("task_1"), service.run_now("task_1")):
        with pytest.raises(NotRunning, match=r"start\(\)"):
            await asked
    assert service.get_status().active_tasks == 0
