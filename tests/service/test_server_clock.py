"""On a shared graph the server's clock counts, whatever a host's time service says; that it differs is told."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.engine.clock import SystemTime, clock_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer import Firing

GENEROUS = 60.0
on_neo4j = pytest.mark.neo4j


class HostTime:
    """The time service of a host whose clock is wrong."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not true():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.02)


def test_a_time_service_stands_for_the_systems_clock() -> None:
    clock = clock_from(HostTime(timedelta(minutes=5)))
    assert isinstance(clock, SystemTime)
    sent = time.monotonic()
    clock.add_reading(datetime.now(UTC), sent, time.monotonic())

    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 30
    assert clock.offset_seconds == pytest.approx(-300, abs=30)


async def test_on_an_embedded_graph_the_time_service_rules() -> None:
    host = HostTime(timedelta(days=400))
    async with TaskSchedulerService(time_service=host) as service:
        task = await service.schedule_task("one", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")

        assert abs((task.created_at - host.now()).total_seconds()) < GENEROUS
        assert await service.is_healthy()


@on_neo4j
@pytest.mark.parametrize(("ahead", "healthy"), [(300.0, False), (-300.0, False), (5.0, True)])
async def test_a_wrong_host_fires_by_the_servers_clock(
    neo4j_server: Any, ahead: float, *, healthy: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fired = list[tuple[datetime, "Firing"]]()

    async def handle(firing: Firing) -> None:
        fired.append((datetime.now(UTC), firing))

    host = HostTime(timedelta(seconds=ahead))
    async with TaskSchedulerService(neo4j_server.graph, host, handler=handle) as service:
        due = datetime.now(UTC) + timedelta(seconds=3)
        task = await service.schedule_task("one", "goal", "prompt", "thought", due)
        await until(lambda: fired)

        assert abs((task.created_at - datetime.now(UTC)).total_seconds()) < 120
        assert due - timedelta(seconds=1) < fired[0][0]
        if not healthy:
            await until(lambda: "The time_service is 300 s" in (service.get_status().last_error or ""))
            assert not await service.is_healthy()
        else:
            assert await service.is_healthy()
    assert "that of the graph's server, which counts" in caplog.text


@on_neo4j
async def test_a_host_ahead_takes_no_live_execution_over(neo4j_server: Any) -> None:
    begun = list["Firing"]()

    async def hang(firing: Firing) -> None:
        begun.append(firing)
        await asyncio.sleep(600)

    options = SchedulerOptions(lease_seconds=60.0, shutdown_timeout_seconds=0.1)
    async with TaskSchedulerService(neo4j_server.graph, handler=hang, options=options) as service:
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC), on_lost="retry")
        await until(lambda: begun)
        host = HostTime(timedelta(minutes=5))
        async with TaskSchedulerService(neo4j_server.graph, host, handler=hang, options=options) as ahead:
            assert await ahead.recover() == 0
            assert len(ahead.get_status().replication.replicas) == 2
        assert [each.status for each in await service.history()] == ["running"]
    assert len(begun) == 1
