"""Starting and stopping: one thing at a time, within its bound, and nothing is left running or locked."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.errors import GraphUnavailable, NotRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from remembrancer import Firing

pytestmark = pytest.mark.slow
GENEROUS = 60.0
NEVER = 600.0
"""How long what hangs would hang."""
QUICK = SchedulerOptions(shutdown_timeout_seconds=0.2)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not true():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.02)


async def hanging(*_: Any, **__: Any) -> Any:
    await asyncio.sleep(NEVER)


def others() -> set[str]:
    """Return the names of the tasks that are under way beside this one."""
    return {each.get_name() for each in asyncio.all_tasks() if each is not asyncio.current_task()}


async def nothing_is_left(graph: Path) -> None:
    await until(lambda: not others())
    async with TaskSchedulerService(graph) as heir:
        assert await heir.is_healthy()


async def test_three_starts_at_once_are_one(tmp_path: Path) -> None:
    fired = list["Firing"]()
    service = TaskSchedulerService(tmp_path / "graph", handler=fired.append)
    await asyncio.gather(*(service.start() for _ in range(3)))
    await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
    await until(lambda: fired)
    await service.idle()

    assert len([name for name in others() if name == "remembrancer loop"]) == 1
    assert len(fired) == 1
    await service.stop()
    await nothing_is_left(tmp_path / "graph")


async def test_a_stop_asked_for_during_a_start_holds(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    starting = [asyncio.create_task(service.start()) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await service.stop()
    ended = await asyncio.gather(*starting, return_exceptions=True)

    assert {type(each) for each in ended} == {NotRunning}
    assert service._task is None
    assert not await service.is_healthy()
    await nothing_is_left(tmp_path / "graph")


@pytest.mark.parametrize("name", ["join", "poll_repeatedly"])
async def test_a_start_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def failing(_: object) -> None:
        raise GraphUnavailable("no answer")

    service = TaskSchedulerService(tmp_path / "graph")
    with monkeypatch.context() as patched:
        patched.setattr(f"remembrancer.engine.cluster.membership.Membership.{name}", failing)
        with pytest.raises(GraphUnavailable):
            await service.start()
    await nothing_is_left(tmp_path / "graph")
    await service.start()

    assert await service.is_healthy()
    await service.stop()


async def test_a_start_whose_caller_gives_up_leaves_nothing_behind(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    starting = asyncio.create_task(service.start())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    await nothing_is_left(tmp_path / "graph")


HANGS: dict[str, Callable[[Any], None]] = {
    "the pass": lambda service: setattr(service._process.store.queue, "due", hanging),
    "the sign-off": lambda service: setattr(service._process.store.replicas, "deregister", hanging),
    "a housekeeping": lambda service: setattr(service._process.store, "idle_work", hanging),
    "the question what comes next": lambda service: setattr(service._process.store.queue, "next_run_at", hanging),
}


@pytest.mark.parametrize("what", HANGS)
async def test_a_stop_ends_whatever_hangs(tmp_path: Path, what: str) -> None:
    service = TaskSchedulerService(tmp_path / "graph", options=QUICK)
    await service.start()
    await until(lambda: service._process.scheduler.last_tick_at)  # pyright: ignore[reportOptionalMemberAccess]
    HANGS[what](service)
    service._process.scheduler.wake.set()  # pyright: ignore[reportOptionalMemberAccess]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(GENEROUS):
        await service.stop()

    await nothing_is_left(tmp_path / "graph")


async def test_a_stop_ends_though_the_graph_does_not_close(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph", options=QUICK)
    await service.start()
    store: Any = service._process.store
    close, store.close = store.close, hanging
    async with asyncio.timeout(GENEROUS):
        await service.stop()
    await close()

    assert service._process.store is None


async def test_two_stops_at_once_end_together(tmp_path: Path) -> None:
    began = asyncio.Event()

    async def handle(_: Firing) -> None:
        began.set()
        await asyncio.sleep(NEVER)

    service = TaskSchedulerService(tmp_path / "graph", handler=handle, options=QUICK)
    await service.start()
    await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
    await began.wait()
    stops = [asyncio.create_task(service.stop()) for _ in range(2)]
    await asyncio.wait(stops, return_when=asyncio.FIRST_COMPLETED)

    assert service._process.store is None
    await asyncio.gather(*stops)
    await nothing_is_left(tmp_path / "graph")


async def test_a_stop_goes_on_when_its_caller_gives_up(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph", options=QUICK)
    await service.start()
    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping

    await until(lambda: service._process.store is None)
    await nothing_is_left(tmp_path / "graph")


@pytest.mark.parametrize("plain", [False, True])
async def test_a_handler_may_stop_its_scheduler(tmp_path: Path, *, plain: bool) -> None:
    left = threading.Event()

    async def handle(_: Firing) -> str:
        await service.stop()
        left.set()
        return "stopped"

    def handle_plainly(firing: Firing) -> str:
        firing.scheduler.stop()
        left.set()
        return "stopped"

    service = TaskSchedulerService(tmp_path / "graph", handler=handle_plainly if plain else handle)
    await service.start()
    task = await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
    await until(left.is_set)
    await until(lambda: service._process.store is None)

    await until(lambda: not others())
    async with TaskSchedulerService(tmp_path / "graph") as heir:
        assert [(each.status, each.result) for each in await heir.history(task.task_id)] == [("completed", "stopped")]


async def test_a_handler_may_stop_another_scheduler(tmp_path: Path) -> None:
    """That one does not wait for this handler: its stop is over when it returns."""
    closed = list[bool]()

    async def handle(_: Firing) -> None:
        async with TaskSchedulerService(tmp_path / "inner") as inner:
            pass
        closed.append(inner._process.store is None)

    async with TaskSchedulerService(handler=handle) as service:
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: closed)

    assert closed == [True]


async def test_a_start_during_a_stop_comes_after_it(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    await service.start()
    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0)
    await service.start()

    assert stopping.done()
    assert await service.is_healthy()
    await service.stop()
    await nothing_is_left(tmp_path / "graph")


def test_a_service_lives_on_after_its_loop_has_ended(tmp_path: Path) -> None:
    """The first loop ends without a stop: what is left of it is let go, and the service works on the next."""
    fired = list["Firing"]()
    service = TaskSchedulerService(tmp_path / "graph", handler=fired.append, options=QUICK)
    asyncio.run(service.start())

    async def again() -> None:
        with pytest.raises(NotRunning):
            await service.get_scheduled_tasks()
        await service.start()
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC))
        await until(lambda: fired)
        await service.stop()
        await nothing_is_left(tmp_path / "graph")

    asyncio.run(again())


async def test_a_start_waits_for_no_graph_that_opens_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A thread that opens a folder cannot be cancelled: once it is done, the graph is closed again."""
    gate = threading.Event()
    from remembrancer.bootstrap import engines

    opened = engines.open_folder
    with monkeypatch.context() as patched:
        patched.setattr(engines, "open_folder", lambda *args, **named: (gate.wait(GENEROUS), opened(*args, **named))[1])
        service = TaskSchedulerService(tmp_path / "graph", options=QUICK)
        starting = asyncio.create_task(service.start())
        await asyncio.sleep(0.2)
        began = time.monotonic()
        await service.stop()
        assert time.monotonic() - began < GENEROUS / 2
        with pytest.raises(NotRunning):
            await starting
        gate.set()

    await nothing_is_left(tmp_path / "graph")
