"""What the tests stand on: real graphs, a clock that moves only when told, a scheduler driven by hand."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.assembly import open_store
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from remembrancer.ports.task_store import TaskStore

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday; no clock of any zone changes near it."""

STORES: dict[str, Callable[[Path], Awaitable[TaskStore]]] = {
    "embedded": lambda folder: open_store(folder / "graph"),
}
"""Every store the contract holds for, by name: what opens it in a folder of its own. A second one is one line."""


@pytest.fixture(scope="session", autouse=True)
def _quiet_engine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the engine's log out of the home of whoever runs the tests."""
    os.environ.setdefault("REMEMBRANCER_LOG_DIR", str(tmp_path_factory.mktemp("engine-log")))


@pytest.fixture(params=sorted(STORES))
async def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[TaskStore]]]:
    """Open this test's graph, again and again: what was open before is closed first."""
    opened: list[TaskStore] = []

    async def again() -> TaskStore:
        while opened:
            await opened.pop().close()
        opened.append(await STORES[request.param](tmp_path))
        return opened[-1]

    yield again
    while opened:
        await opened.pop().close()


@pytest.fixture
async def store(reopen: Callable[[], Awaitable[TaskStore]]) -> TaskStore:
    """An empty graph."""
    return await reopen()


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at START until it is moved."""
    return VirtualClock(START)


@pytest.fixture
async def service(clock: VirtualClock) -> AsyncIterator[TaskSchedulerService]:
    """A service over a graph in memory, open but not checking, with the default handler."""
    made = TaskSchedulerService(":memory:", time_service=clock)
    async with ManualScheduler(made, clock):
        yield made


@pytest.fixture
def by_hand(service: TaskSchedulerService, clock: VirtualClock) -> ManualScheduler:
    """The checker of `service`, which looks only when told."""
    return ManualScheduler(service, clock)
