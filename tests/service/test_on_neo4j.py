"""The service on a graph that it shares: the same acts, and take-over when a lease has ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import Defer, Firing, SchedulerOptions, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = pytest.mark.neo4j

MINUTE = timedelta(minutes=1)


async def test_a_task_fires_in_time_and_its_outcome_is_kept(neo4j_server: Server) -> None:
    fired: asyncio.Queue[Firing] = asyncio.Queue()

    async def handle(firing: Firing) -> str:
        fired.put_nowait(firing)
        return "well"

    async with TaskSchedulerService(neo4j_server.graph, check_interval_seconds=3600, handler=handle) as service:
        moment = datetime.now(UTC) + timedelta(seconds=0.3)
        task = await service.schedule_task("Report", "goal", "Write it", "thought", moment)
        assert (await asyncio.wait_for(fired.get(), 120)).task.task_id == task.task_id
        await service.idle()
        (execution,) = await service.history(task.task_id)
        assert (execution.status, execution.result) == ("completed", "well")
        assert await service.cypher(
            "MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task) "
            "RETURN t.name AS name, e.status AS status, e.completed_at AS at, e AS node"
        ) == [
            {
                "name": "Report",
                "status": "completed",
                "at": execution.completed_at,
                "node": {**await node(service), "completed_at": execution.completed_at},
            }
        ]
        with pytest.raises(InvalidInput, match="only reads"):
            await service.cypher("MATCH (t:scheduled_task) DETACH DELETE t")
        metrics = service._collect_custom_metrics()
        assert (metrics["scheduled_tasks_created"], metrics["scheduled_tasks_completed"]) == (1.0, 1.0)
        assert await service.is_healthy()


async def node(service: TaskSchedulerService) -> dict[str, object]:
    (row,) = await service.cypher("MATCH (e:task_execution) RETURN properties(e) AS node")
    return row["node"]  # pyright: ignore[reportReturnType]


async def test_counters_live_on_in_the_next_process(neo4j_server: Server, clock: VirtualClock) -> None:
    for turn in (1.0, 2.0):
        service = TaskSchedulerService(neo4j_server.graph, clock)
        async with ManualScheduler(service, clock) as checker:
            await service.schedule_task("Task", "goal", "prompt", "thought", clock.now() + MINUTE)
            assert await checker.tick(MINUTE) == 1
            metrics = service._collect_custom_metrics()
            assert (metrics["scheduled_tasks_created"], metrics["scheduled_tasks_completed"]) == (turn, turn)


async def test_a_handler_defers_and_a_recurring_task_goes_on(neo4j_server: Server, clock: VirtualClock) -> None:
    fired: list[str] = []

    async def handle(firing: Firing) -> Defer | None:
        fired.append(firing.execution.nominal_at.strftime("%H:%M:%S"))
        return Defer(clock.now() + timedelta(minutes=7, seconds=30), "Not yet") if len(fired) == 1 else None

    service = TaskSchedulerService(neo4j_server.graph, clock, handler=handle)
    async with ManualScheduler(service, clock) as checker:
        await service.schedule_task("Beat", "goal", "prompt", "thought", schedule_cron="*/5 * * * *")
        for _ in range(20):
            await checker.tick(MINUTE)

        assert fired == ["09:05:00", "09:12:30", "09:15:00", "09:20:00"]
        rows = await service.cypher("MATCH (d:task_deferral) RETURN d.reason AS reason, d.deferred_until AS until")
        assert rows == [{"reason": "Not yet", "until": datetime(2026, 3, 2, 9, 12, 30, tzinfo=UTC)}]


@pytest.mark.parametrize(("on_lost", "outcomes"), [("fail", ["failed"]), ("retry", ["completed", "failed"])])
async def test_runs_of_a_dead_replica_are_taken_over_after_their_lease(
    neo4j_server: Server, clock: VirtualClock, on_lost: str, outcomes: list[str]
) -> None:
    begun = asyncio.Event()

    async def hang(firing: Firing) -> None:
        begun.set()
        await asyncio.Event().wait()

    dead = TaskSchedulerService(
        neo4j_server.graph, clock, handler=hang, options=SchedulerOptions(shutdown_timeout_seconds=0)
    )
    await dead.open()
    task_id = (
        await dead.schedule_task("Task", "goal", "prompt", "thought", clock.now() + MINUTE, on_lost=on_lost)
    ).task_id
    clock.advance(MINUTE)
    ticking = asyncio.ensure_future(dead.tick())
    await begun.wait()
    await perish(dead)
    await asyncio.gather(ticking, return_exceptions=True)

    heir = TaskSchedulerService(neo4j_server.graph, clock, handler=lambda _: "well")
    async with ManualScheduler(heir, clock):
        await heir.idle()
        assert [each.status for each in await heir.history(task_id)] == ["running"]  # its lease holds
        clock.advance(timedelta(seconds=SchedulerOptions().lease_seconds))
        await heir.recover()
        await heir.idle()

        made = await heir.history(task_id)
        assert sorted(each.status for each in made) == outcomes
        assert {each.reason_code for each in made if each.status == "failed"} == {"lease_expired"}
        assert (await heir.get_task(task_id)).status == ("COMPLETE" if on_lost == "retry" else "FAILED")


async def perish(service: TaskSchedulerService) -> None:
    """Take the graph away beneath a service, as a crash does, and let its handlers end unheard."""
    store, scheduler = service._process.store, service._process.scheduler
    assert store
    assert scheduler
    await store.close()
    service._process.store = None
    scheduler._executor._cut_off = True  # as when the loop ends without a stop: nothing more is written
    while runs := list(scheduler._executor._runs.tasks):
        for each in runs:
            each.cancel()
        await asyncio.sleep(0)


async def test_two_replicas_apply_a_set_at_once(neo4j_server: Server) -> None:
    tasks = {f"task-{number}": {"trigger_prompt": "Make tea", "every": "90m"} for number in range(5)}
    async with TaskSchedulerService(neo4j_server.graph) as one, TaskSchedulerService(neo4j_server.graph) as other:
        await asyncio.gather(one.apply_set("house", tasks), other.apply_set("house", tasks))
        assert len(await one.find_tasks()) == 5
        again = await other.apply_set("house", {"task-1": tasks["task-1"]}, prune=True)
        assert sorted(each.action for each in again.tasks) == [*["removed"] * 4, "unchanged"]
