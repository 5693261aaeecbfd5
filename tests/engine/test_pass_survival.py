"""A scheduler survives every error that is not its own: it tells of it once, and goes on; only cancellation ends it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import SchedulerOptions, ServiceType, TaskSchedulerService, get_service
from remembrancer.engine.faults import Faults
from remembrancer.errors import NotRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from remembrancer import Firing

pytestmark = pytest.mark.slow
GENEROUS = 60.0
EVERY = {"schedule_cron": "* * * * * *", "seconds_field": "first"}
FAULTS = [RuntimeError("a bug"), KeyError("a key"), OSError("a driver's own"), asyncio.CancelledError("of another")]


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not true():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.02)


class Spoilt:
    """A method that raises as long as it is to."""

    def __init__(self, owner: Any, name: str, fault: BaseException) -> None:
        self.owner, self.name, self.fault = owner, name, fault
        self.calls = 0

    def __enter__(self) -> Self:
        setattr(self.owner, self.name, self.raising)
        return self

    def __exit__(self, *_: object) -> None:
        delattr(self.owner, self.name)

    async def raising(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        raise self.fault


def counting(fired: list[Firing]) -> Any:
    async def handle(firing: Firing) -> None:
        fired.append(firing)

    return handle


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: type(each).__name__)
async def test_a_pass_survives_whatever_the_graph_raises(fault: BaseException) -> None:
    fired = list["Firing"]()
    async with TaskSchedulerService(handler=counting(fired)) as service:
        store: Any = service._process.store
        with Spoilt(store.queue, "due", fault):
            await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
            await until(lambda: service._collect_custom_metrics()["task_error_count"] > 1)
            assert not await service.is_healthy()
            assert str(fault) in (service.get_status().last_error or "")
            assert fired == []
        await until(lambda: fired)
        await until(lambda: service.get_status().is_healthy)

        assert str(fault) in (service.get_status().last_error or "")  # the last there was


PLACES: dict[str, Callable[[Any], tuple[Any, str]]] = {
    "recovery": lambda service: (service._process.store.queue, "expired_leases"),
    "what comes next": lambda service: (service._process.store.queue, "next_run_at"),
    "tidying": lambda service: (service._process.store, "idle_work"),
    "forgetting": lambda service: (service._process.store.events, "prune"),
    "retention": lambda service: (service._process.store.retention, "oldest"),
    "a heartbeat": lambda service: (service._process.store.replicas, "heartbeat"),
    "the look at the graph": lambda service: (service._process.store.health, "verify"),
    "renewal": lambda service: (service._process.store.queue, "renew"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_work_beside_the_firing_fails_alone(place: str) -> None:
    fired = list["Firing"]()
    options = SchedulerOptions(lease_seconds=0.6, execution_retention_days=1.0)
    async with TaskSchedulerService(check_interval_seconds=1.0, handler=counting(fired), options=options) as service:
        owner, name = PLACES[place](service)
        await service.schedule_task("each", "goal", "prompt", "thought", **EVERY)
        scheduler: Any = service._process.scheduler
        scheduler._executor._outcome_writer.hold("a lease", 1)

        def is_called_twice() -> bool:
            # Work that was under way at the start counts as done for an hour when it ends, so it is made due each time.
            scheduler._recover_at = None
            scheduler.loop._retention._finished_at = scheduler.loop._event_retention._finished_at = None
            return spoilt.calls > 1

        with Spoilt(owner, name, RuntimeError(f"a bug in {place}")) as spoilt:
            await until(is_called_twice)
            before = len(fired)
            await until(lambda: len(fired) > before + 1)
            await until(lambda: f"a bug in {place}" in (service.get_status().last_error or ""))
            assert service._task
            assert not service._task.done()
        before = len(fired)
        await until(lambda: len(fired) > before + 1)


async def test_a_fault_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with TaskSchedulerService() as service:
        store: Any = service._process.store
        with Spoilt(store.queue, "due", RuntimeError("a bug")) as spoilt:
            service._process.scheduler.wake.set()  # pyright: ignore[reportOptionalMemberAccess]
            await until(lambda: spoilt.calls > 2)
    said = [each for each in caplog.records if "a bug" in each.getMessage() and each.levelno == logging.ERROR]

    assert [each.getMessage() for each in said if "A tick failed" in each.getMessage()] == [
        "A tick failed and is tried again: RuntimeError: a bug"
    ]
    assert said[0].exc_info is not None


def test_a_fault_that_comes_back_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    for _ in range(3):
        faults.report("Work", "It broke.")
    faults.resolve("Work")
    faults.report("Work", "It broke.")

    assert [each.getMessage() for each in caplog.records] == ["It broke."] * 2


async def test_the_heartbeat_begins_again_after_a_fault() -> None:
    options = SchedulerOptions(lease_seconds=0.3)
    async with TaskSchedulerService(options=options) as service:
        scheduler: Any = service._process.scheduler
        with Spoilt(service._process.store.queue, "renew", RuntimeError("a bug")) as spoilt:
            scheduler._executor._outcome_writer.hold("a lease", 1)
            await until(lambda: spoilt.calls > 1)
        scheduler._executor._outcome_writer._held.clear()

        assert not scheduler._heartbeat.done()


async def test_a_time_service_that_fails_for_a_while_is_survived() -> None:
    class Host:
        broken = False

        def now(self) -> datetime:
            if self.broken:
                raise RuntimeError("no time")
            return datetime.now(UTC)

    host, fired = Host(), list["Firing"]()
    async with TaskSchedulerService(time_service=host, check_interval_seconds=0.2, handler=counting(fired)) as service:
        host.broken = True
        await until(
            lambda: not service._process.scheduler or "no time" in (service._process.scheduler.faults.last_error or "")
        )
        host.broken = False
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: fired)


async def test_a_task_that_breaks_planning_stops_no_other(tmp_path: Any) -> None:
    fired = list["Firing"]()
    async with TaskSchedulerService(handler=counting(fired)) as service:
        store: Any = service._process.store
        bad = await service.schedule_task("bad", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
        row = {"row": 0, "task_id": bad.task_id}
        text = "UNWIND $rows AS r MATCH (t:scheduled_task {task_id: r.task_id}) SET t.nominal_ms = 'nonsense'"
        await asyncio.to_thread(write, store, text, row)
        with pytest.raises(Exception, match=r"nonsense|read"):
            await service.get_task(bad.task_id)
        await service.schedule_task("good", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: fired)

        assert fired[0].task.name == "good"


def write(store: Any, text: str, row: dict[str, Any]) -> None:
    database = store._connection._database
    database.begin()
    database.command("opencypher", text, {"rows": [row]})
    database.commit()


async def test_a_checker_that_was_ended_is_started_again() -> None:
    fired = list["Firing"]()
    service = TaskSchedulerService(handler=counting(fired))
    async with service:
        checker = service._task
        assert checker
        checker.cancel()
        await until(checker.done)
        assert not await service.is_healthy()
        await until(lambda: "ended from outside" in (service.get_status().last_error or ""))

        await service.start()
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC) + timedelta(seconds=0.5))
        await until(lambda: fired)
        assert service._task is not checker
        await until(lambda: service.get_status().is_healthy)
        assert get_service(ServiceType.TASK_SCHEDULER) is service
    with pytest.raises(NotRunning):
        get_service(ServiceType.TASK_SCHEDULER)


async def test_a_stop_after_the_checker_was_ended_closes(tmp_path: Any) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    await service.start()
    assert service._task
    service._task.cancel()
    await until(service._task.done)
    await service.stop()

    async with TaskSchedulerService(tmp_path / "graph") as other:
        assert await other.get_scheduled_tasks() == []


PROGRAM = """
import asyncio
from datetime import UTC, datetime, timedelta
from remembrancer import TaskSchedulerService

async def main():
    service = TaskSchedulerService({graph!r})
    await service.start()
    for place in range({tasks}):
        await service.schedule_task("t", "g", "p", "th", datetime.now(UTC) + timedelta(hours=1))
    raise LookupError("of the program itself")

asyncio.run(main())
"""


@pytest.mark.parametrize("tasks", [0, 1, 20])
def test_an_exception_without_a_stop_ends_the_program(tmp_path: Any, tasks: int) -> None:
    program = PROGRAM.format(graph=str(tmp_path / "graph"), tasks=tasks)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith("LookupError: of the program itself")
    assert "was destroyed but it is pending" not in ended.stderr


@pytest.mark.neo4j
def test_an_exception_without_a_stop_ends_it_on_neo4j(neo4j_server: Any) -> None:
    program = PROGRAM.format(graph=neo4j_server.graph, tasks=5)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert "LookupError: of the program itself" in ended.stderr
