"""Health tells of the work: false within seconds when any of it is not as it should be, in words, and true again."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.engine import health, tick_record
from remembrancer.errors import GraphUnavailable
from remembrancer.model.replica import Replica
from remembrancer.model.timestamps import from_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from remembrancer import Firing

pytestmark = pytest.mark.slow
GENEROUS = 60.0


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not true():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.02)


async def unhealthy(service: TaskSchedulerService, said: str) -> None:
    """Wait until the service says that it is not healthy, and why."""
    await until(lambda: not service.get_status().is_healthy)
    assert not await service.is_healthy()
    await until(lambda: said in (service.get_status().last_error or ""))


async def mended(service: TaskSchedulerService, said: str) -> None:
    await until(lambda: service.get_status().is_healthy)
    assert await service.is_healthy()
    assert said in (service.get_status().last_error or "")


@contextmanager
def replaced(owner: Any, name: str, method: Any) -> Iterator[None]:
    setattr(owner, name, method)
    try:
        yield
    finally:
        delattr(owner, name)


async def hanging(*_: Any, **__: Any) -> Any:
    await asyncio.sleep(600)


async def test_a_pass_that_makes_no_progress_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()
    async with TaskSchedulerService() as service:
        store: Any = service._process.store
        due = store.queue.due

        async def held(*args: Any) -> Any:
            await gate.wait()
            return await due(*args)

        monkeypatch.setattr(tick_record, "_PROGRESS_SECONDS", 0.5)
        with replaced(store.queue, "due", held):
            service._process.scheduler.wake.set()  # pyright: ignore[reportOptionalMemberAccess]
            await unhealthy(service, "no progress")
            monkeypatch.undo()
            gate.set()
            await mended(service, "no progress")


async def test_an_event_loop_that_stands_still_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_STANDSTILL_SECONDS", 2.0)
    seen, gate = list[str](), threading.Event()

    async def handle(_: Firing) -> None:
        gate.wait(GENEROUS)  # blocks the loop, as an async handler should not

    async with TaskSchedulerService(handler=handle) as service:

        def look() -> None:
            while not seen:
                status = service.get_status()
                if not status.is_healthy and "stood still" in (status.last_error or ""):
                    seen.append(status.last_error or "")
                gate.wait(0.05)
            gate.set()

        looking = threading.Thread(target=look)
        looking.start()
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: not looking.is_alive())
        await until(lambda: service.get_status().is_healthy)


async def test_a_graph_that_is_not_itself_any_more_is_unhealthy() -> None:
    async def gone() -> None:
        raise GraphUnavailable("The folder of the graph is another.")

    async with TaskSchedulerService() as service:
        with replaced(service._process.store.health, "verify", gone):
            await unhealthy(service, "is another")
        await mended(service, "is another")


async def test_a_graph_that_does_not_answer_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remembrancer.engine.cluster.membership._RESPONSE_SECONDS", 0.5)
    async with TaskSchedulerService() as service:
        with replaced(service._process.store.health, "verify", hanging):
            await unhealthy(service, "has not answered")
        await mended(service, "has not answered")


async def test_another_scheduler_on_the_graph_bars_this_one() -> None:
    fired = list["Firing"]()
    async with TaskSchedulerService(check_interval_seconds=0.2, handler=fired.append) as service:
        store: Any = service._process.store
        now = from_ms(int(datetime.now(UTC).timestamp() * 1000) + 1)
        other = Replica(replica_id="replica_2", started_at=now, heartbeat_at=now, host="elsewhere", pid=42, version="1")
        await store.replicas.heartbeat(other)
        await unhealthy(service, "process 42 on elsewhere")
        await until(lambda: service._process.scheduler.membership.barred)  # pyright: ignore[reportOptionalMemberAccess]
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
        before = service._process.scheduler.ticks  # pyright: ignore[reportOptionalMemberAccess]
        await until(lambda: service._process.scheduler.ticks > before + 1)  # pyright: ignore[reportOptionalMemberAccess]
        assert fired == []

        await store.replicas.deregister(["replica_2"])
        await until(lambda: fired)
        await until(lambda: service.get_status().is_healthy)


async def test_a_full_disk_is_unhealthy_until_a_write_is_kept() -> None:
    async with TaskSchedulerService() as service:
        store: Any = service._process.store

        def full(_: object) -> None:
            raise OSError(28, "No space left on device")

        with replaced(store._connection._writer, "_commit_once", full):
            with pytest.raises(GraphUnavailable):
                await service.schedule_task("one", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
            await unhealthy(service, "The disk is full")
        await mended(service, "The disk is full")


async def test_leases_that_are_not_renewed_are_unhealthy() -> None:
    async with TaskSchedulerService(options=SchedulerOptions(lease_seconds=0.9)) as service:
        scheduler: Any = service._process.scheduler
        session: Any = service._process.store._connection  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        write = session.write

        async def refusing(statements: Any) -> Any:
            if any(each.name == "renew_leases" for each in statements):
                raise GraphUnavailable("no answer")
            return await write(statements)

        scheduler._executor._outcome_writer.hold("a lease", 1)
        with replaced(session, "write", refusing):
            await unhealthy(service, "Leases cannot be renewed")
        await mended(service, "Leases cannot be renewed")
        scheduler._executor._outcome_writer._held.clear()


class HostTime:
    """The time service of a host."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def test_a_long_catch_up_is_healthy_and_hurts_no_other() -> None:
    """An every-second task has an hour to make good: others fire meanwhile, and the checker makes its passes."""
    host, caught_up, others = HostTime(), list["Firing"](), list["Firing"]()

    async def handle(firing: Firing) -> None:
        (caught_up if firing.task.name == "each" else others).append(firing)

    options = SchedulerOptions(claim_batch_size=10)
    async with TaskSchedulerService(time_service=host, handler=handle, options=options) as service:
        await service.schedule_task(
            *("each", "goal", "prompt", "thought"),
            schedule_cron="* * * * * *",
            seconds_field="first",
            misfire="run_all",
            misfire_limit=900,
        )
        host.ahead = timedelta(hours=1)
        await until(lambda: len(caught_up) > 50)
        passes = service._process.scheduler.ticks  # pyright: ignore[reportOptionalMemberAccess]
        await service.schedule_task("other", "goal", "prompt", "thought", host.now() + timedelta(seconds=0.2))
        await until(lambda: others)
        assert len(caught_up) < 900
        while len(caught_up) < 800:
            assert await service.is_healthy()
            await asyncio.sleep(0.05)

        assert service._process.scheduler.ticks > passes  # pyright: ignore[reportOptionalMemberAccess]


async def test_a_record_that_cannot_be_read_stops_no_other_and_is_told() -> None:
    fired = list["Firing"]()
    async with TaskSchedulerService(handler=fired.append) as service:
        store: Any = service._process.store
        soon = datetime.now(UTC) + timedelta(seconds=1)
        bad = await service.schedule_task("bad", "goal", "prompt", "thought", soon)
        text = "UNWIND $rows AS r MATCH (t:scheduled_task {task_id: r.id}) SET t.on_lost = 'nonsense'"
        await asyncio.to_thread(write, store, text, bad.task_id)
        await service.schedule_task("good", "goal", "prompt", "thought", soon)
        await until(lambda: fired)

        assert fired[0].task.name == "good"
        await until(lambda: bad.task_id in (service.get_status().last_error or ""))
        assert await service.is_healthy()


async def test_a_lost_execution_that_cannot_be_read_stops_no_recovery(tmp_path: Any) -> None:
    begun = list["Firing"]()

    async def hang(firing: Firing) -> None:
        begun.append(firing)
        await asyncio.sleep(600)

    first = TaskSchedulerService(
        tmp_path / "graph", handler=hang, options=SchedulerOptions(shutdown_timeout_seconds=0.1)
    )
    await first.start()
    for name in ("bad", "good"):
        await first.schedule_task(name, "goal", "prompt", "thought", datetime.now(UTC), on_lost="retry", max_attempts=2)
    await until(lambda: len(begun) == 2)
    bad = next(each.execution.execution_id for each in begun if each.task.name == "bad")
    text = "UNWIND $rows AS r MATCH (e:task_execution {execution_id: r.id}) SET e.execution_type = 'nonsense'"
    await asyncio.to_thread(write, first._process.store, text, bad)
    await first._process.store.close()  # pyright: ignore[reportOptionalMemberAccess]
    first._process.store = None
    await first.stop()

    again = list["Firing"]()
    async with TaskSchedulerService(tmp_path / "graph", handler=again.append) as service:
        await until(lambda: again)

        assert again[0].task.name == "good"
        assert bad in (service.get_status().last_error or "")


def write(store: Any, text: str, identity: str) -> None:
    database = store._connection._database
    database.begin()
    database.command("opencypher", text, {"rows": [{"row": 0, "id": identity}]})
    database.commit()
