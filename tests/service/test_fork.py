"""A fork of a process with a scheduler: its service says in words that it is none, and touches nothing."""

from __future__ import annotations

import asyncio
import os
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import ServiceType, TaskSchedulerService, get_service
from remembrancer.errors import NotRunning
from remembrancer.model.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

GENEROUS = 60.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


async def in_a_fork(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *work* in a fork of this process, in an event loop of its own; fail with what it says."""
    said, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(work())
        except BaseException:  # noqa: BLE001 (it must not come back into the tests of the parent)
            os.write(say, traceback.format_exc()[-4000:].encode())
        finally:
            os._exit(0)
    os.close(say)
    try:
        async with asyncio.timeout(GENEROUS):
            while os.waitpid(child, os.WNOHANG)[0] == 0:  # noqa: ASYNC110, ASYNC222 (it does not block)
                await asyncio.sleep(0.02)
        assert os.read(said, 4000).decode() == ""
    finally:
        os.close(said)


async def refuses(service: TaskSchedulerService) -> None:
    assert not await service.is_healthy()
    status = service.get_status()
    assert (status.is_healthy, status.performance.task_running) == (False, False)
    assert "is a fork" in (status.last_error or "")
    calls = (service.get_scheduled_tasks, service.start, service.open, service.tick, service.telemetry.status)
    for call in calls:
        with pytest.raises(NotRunning, match="is a fork"):
            await call()
    with pytest.raises(NotRunning, match="is a fork"):
        await asyncio.to_thread(service.blocking.get_scheduled_tasks)
    with pytest.raises(NotRunning):
        get_service(ServiceType.TASK_SCHEDULER)
    await service.stop()
    await service.close()


@pytest.mark.parametrize("graph", ["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
async def test_a_forks_service_refuses_and_the_parent_goes_on(
    request: pytest.FixtureRequest, tmp_path: Path, graph: str
) -> None:
    fired = asyncio.Event()

    async def handle(_: object) -> None:
        fired.set()

    place = tmp_path / "graph" if graph == "embedded" else request.getfixturevalue("neo4j_server").graph
    async with TaskSchedulerService(place, handler=handle) as service:
        kept = await service.schedule_task("kept", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
        await in_a_fork(lambda: refuses(service))
        await service.schedule_task("one", "goal", "prompt", "thought", datetime.now(UTC) + timedelta(seconds=0.3))
        async with asyncio.timeout(GENEROUS):
            await fired.wait()

        assert await service.is_healthy()
        assert (await service.get_task(kept.task_id)).name == "kept"
        assert get_service(ServiceType.TASK_SCHEDULER) is service


async def test_leaving_the_block_in_a_fork_leaves_the_parent_alone(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    async with service:

        async def leave() -> None:
            await service.__aexit__(None, None, None)

        await in_a_fork(leave)

        assert await service.get_scheduled_tasks() == []


async def test_forks_give_ids_of_their_own(tmp_path: Path) -> None:
    """Workers that a server forks at one time gave the same ids, also as replicas of one graph."""

    async def note() -> None:
        (tmp_path / str(os.getpid())).write_text(new_id("replica", 0))

    for _ in range(2):
        await in_a_fork(note)
    given = [each.read_text() for each in tmp_path.iterdir()]  # noqa: ASYNC240 (it is small)
    assert len({*given, new_id("replica", 0)}) == 3
