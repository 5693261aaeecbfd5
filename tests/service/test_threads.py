"""The service from other threads and event loops: done on its own loop, awaited or waited for where it is called."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, TaskSchedulerService
from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.errors import NotRunning, WrongThread
from remembrancer.model.execution import Execution
from remembrancer.ports.handler import Firing

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow
GENEROUS = 60.0


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not true():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.02)


def in_another_loop(work: Callable[[], Any]) -> Any:
    """Run *work* in an event loop of a thread of its own; await the answer."""
    return asyncio.to_thread(lambda: asyncio.run(work()))


@pytest.mark.parametrize("graph", ["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
async def test_a_call_from_another_loop_is_done_and_wakes(request: pytest.FixtureRequest, graph: str) -> None:
    fired = list["Firing"]()
    place = ":memory:" if graph == "embedded" else request.getfixturevalue("neo4j_server").graph
    async with TaskSchedulerService(place, check_interval_seconds=3600, handler=fired.append) as service:

        async def elsewhere() -> str:
            now = datetime.now(UTC)
            later = await service.schedule_task("later", "goal", "prompt", "thought", now + timedelta(days=1))
            assert (await service.get_task(later.task_id)).name == "later"
            assert len(await service.get_scheduled_tasks()) == 1
            soon = datetime.now(UTC) + timedelta(seconds=0.5)
            task = await service.schedule_task("one", "goal", "prompt", "thought", soon)
            assert await service.telemetry.status()
            assert await service.is_healthy()
            with pytest.raises(InvalidInput):
                await service.schedule_task("", "goal", "prompt", "thought", soon)
            return task.task_id

        task_id = await in_another_loop(elsewhere)
        await until(lambda: fired)

        assert fired[0].task.task_id == task_id
        assert service.get_status().metrics["request_count"] == 6
        assert service.get_status().metrics["error_count"] == 1


async def test_events_are_followed_from_another_loop() -> None:
    async with TaskSchedulerService() as service:

        async def follow() -> str:
            async for event in service.events(after="0"):
                if event.kind == "task_created":
                    return event.task_id or ""
            return ""

        following = in_another_loop(follow)
        task = await service.schedule_task("one", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")

        assert await following == task.task_id


async def test_what_is_known_of_the_caller_goes_along() -> None:
    async with TaskSchedulerService() as service:

        async def elsewhere() -> None:
            CURRENT_ACTOR.set(Actor("rest", "somebody's token"))
            await service.schedule_task("one", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")

        await in_another_loop(elsewhere)
        (change,) = await service.audit_entries((await service.find_tasks())[0].task_id)

        assert (change.surface, change.actor) == ("rest", "somebody's token")


async def test_a_call_given_up_elsewhere_is_given_up_here() -> None:
    async with TaskSchedulerService() as service:
        store: Any = service._process.store
        begun, ended = threading.Event(), threading.Event()

        async def hang(_: str) -> None:
            begun.set()
            try:
                await asyncio.sleep(600)
            finally:
                ended.set()

        store.tasks.get = hang

        async def elsewhere() -> None:
            asking = asyncio.create_task(service.get_task("task_1"))
            await until(begun.is_set)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

        await in_another_loop(elsewhere)
        await until(ended.is_set)


async def test_a_service_is_started_and_stopped_from_elsewhere() -> None:
    service = TaskSchedulerService()
    await service.start()
    await in_another_loop(service.start)
    assert await service.is_healthy()
    await in_another_loop(service.stop)

    assert service._process.store is None
    assert service._task is None


async def test_a_plain_handler_schedules_defers_and_cancels() -> None:
    told = dict[str, Any]()

    def handle(firing: Firing) -> str:
        if firing.task.name == "child":
            told["child ran"] = True
            return "child"
        calls = firing.scheduler
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        child = calls.schedule_task("child", "goal", "prompt", "thought", soon)
        far = calls.schedule_task("far", "goal", "prompt", "thought", soon + timedelta(days=1))
        deferred = calls.defer_task(far.task_id, soon + timedelta(days=2), "Later", "thought")
        told["moved"] = deferred.next_run_ms > far.next_run_ms
        told["cancelled"] = calls.cancel_task(far.task_id, "Not needed")
        told["found"] = calls.get_task(child.task_id).name
        told["open"] = {each.name for each in calls.get_scheduled_tasks()}
        told["history"] = [each.status for each in calls.history(firing.task.task_id)]
        told["rows"] = calls.cypher("MATCH (t:scheduled_task) RETURN count(t) AS tasks")
        told["created through"] = calls.get_task(child.task_id).created_via
        return "parent"

    async with TaskSchedulerService(check_interval_seconds=3600, handler=handle) as service:
        task = await service.schedule_task("parent", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: "child ran" in told)
        await service.idle()
        ended = [(each.status, each.reason) for each in await service.history(task.task_id)]

    assert ended == [("completed", None)]
    assert told["open"] >= {"child"}
    assert told["rows"] == [{"tasks": 3}]
    assert (told["moved"], told["cancelled"], told["found"]) == (True, True, "child")
    assert (told["history"], told["created through"]) == (["running"], "handler")


async def test_a_blocking_call_on_the_loop_is_refused() -> None:
    refused = list[Exception]()

    async def handle(firing: Firing) -> None:
        try:
            firing.scheduler.get_task(firing.task.task_id)
        except WrongThread as error:
            refused.append(error)

    async with TaskSchedulerService(handler=handle) as service:
        with pytest.raises(WrongThread, match="await the service's method"):
            service.blocking.get_scheduled_tasks()
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: refused)


async def test_a_blocking_call_of_a_stopped_service_is_refused() -> None:
    service = TaskSchedulerService()
    with pytest.raises(NotRunning, match=r"start\(\)"):
        await asyncio.to_thread(service.blocking.get_scheduled_tasks)
    async with service:
        assert await asyncio.to_thread(service.blocking.get_scheduled_tasks) == []
    with pytest.raises(NotRunning):
        await asyncio.to_thread(service.blocking.get_scheduled_tasks)


async def test_a_firing_of_no_scheduler_says_so(service: TaskSchedulerService) -> None:
    task = await service.schedule_task("one", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
    execution = await service.run_now(task.task_id)
    made = Firing(Execution.model_validate(execution.model_dump()), await service.get_task(task.task_id))

    with pytest.raises(NotRunning, match=r"cancel_task\(\)"):
        made.scheduler.cancel_task(task.task_id)
    await service.idle()


@pytest.mark.parametrize(
    "place", ["schedule_tasks", "schedule_deferred_task", "run_now", "find_tasks", "get_execution"]
)
async def test_every_blocking_call_gives_what_the_service_gives(place: str) -> None:
    async with TaskSchedulerService(handler=lambda _: None) as service:
        task = await service.schedule_task("one", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
        execution = await service.run_now(task.task_id)
        soon = datetime.now(UTC) + timedelta(days=1)
        said: dict[str, tuple[Any, ...]] = {
            "schedule_tasks": ([],),
            "schedule_deferred_task": ("thought", "the agent's own", soon, "Later"),
            "run_now": (task.task_id,),
            "find_tasks": (),
            "get_execution": (execution.execution_id,),
        }
        blocked = await asyncio.to_thread(getattr(service.blocking, place), *said[place])
        awaited = await getattr(service, place)(*said[place])

        assert type(blocked) is type(awaited)
        await service.idle()


IN_DEVELOPMENT = """
import asyncio, threading
from datetime import UTC, datetime, timedelta
from remembrancer import TaskSchedulerService

async def main():
    fired = asyncio.Event()
    loop = asyncio.get_running_loop()
    def handle(firing):
        if firing.task.name == "parent":
            firing.scheduler.schedule_task("child", "g", "p", "th", datetime.now(UTC) + timedelta(seconds=.3))
        else:
            loop.call_soon_threadsafe(fired.set)
    async with TaskSchedulerService(handler=handle, check_interval_seconds=3600) as service:
        await service.schedule_task("parent", "g", "p", "th", datetime.now(UTC))
        async with asyncio.timeout(60):
            await fired.wait()
    print("fired")

asyncio.run(main())
"""


def test_a_plain_handler_schedules_in_development_mode_too() -> None:
    """Where asyncio refuses to be called from a thread that is not its own."""
    program = [sys.executable, "-X", "dev", "-c", IN_DEVELOPMENT]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)

    assert (ended.returncode, ended.stdout.strip()) == (0, "fired"), ended.stderr
