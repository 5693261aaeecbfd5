"""What the tests stand on: real graphs, a clock that moves only when told, a scheduler driven by hand."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import HealthCheck, settings

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.stores.commits.lanes import Kind
from remembrancer.stores.neo4j.pool import Pool
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from remembrancer.ports.graph import Graph

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday; no clock of any zone changes near it."""

PATIENCE_SECONDS = 60.0
ANSWER_SECONDS = 30.0

STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "embedded": lambda request: str(request.getfixturevalue("tmp_path") / "graph"),
    "neo4j": lambda request: request.getfixturevalue("neo4j_server").graph,
}
"""Every store the contract holds for, by name: an empty graph of its kind. Another one is one line."""

pytest_plugins = ["neo4j_fixtures"]


class FailuresAtOnce:
    """Prints each failure when it happens: a run that is cut off has still said what failed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and reporter is not None:
            reporter.write_line(f"\nFAILED {report.nodeid} ({report.when})\n{report.longreprtext}")


def pytest_configure(config: pytest.Config) -> None:
    """Print failures at once where nobody is at hand to ask for them again, from the process that gathers reports."""
    if "CI" in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config), "failures_at_once")


MEMORY_FOLDER = Path("/dev/shm")
ENOUGH_ROOM = 2 * 2**30
"""Bytes that must be free, in memory and in its file system; the tests take less than a quarter."""


def move_to_memory() -> None:
    """Keep temporary files in memory where there is room: a new graph then does not wait for a disk 200 times.

    TMPDIR wins. Child processes inherit it.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY_FOLDER, os.W_OK):
        return
    found = os.statvfs(MEMORY_FOLDER)
    free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    if free >= ENOUGH_ROOM and not found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY_FOLDER)
        tempfile.tempdir = None  # pytest has asked for it already


move_to_memory()

# How long an example takes says more of the machine than of the code; and where a change is judged, only what it
# changed may fail: new examples are looked for on the machines of those who work on it.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _quiet_engine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the engine's log out of the home of whoever runs the tests."""
    os.environ.setdefault("REMEMBRANCER_LOG_DIR", str(tmp_path_factory.mktemp("engine-log")))


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.neo4j] if name == "neo4j" else []) for name in STORES])
def graph(request: pytest.FixtureRequest) -> str:
    """An empty graph, once of each kind: what `open_store` and the service take."""
    return STORES[request.param](request)


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a server take long over locks and answers: that it is slow is no fault of what is tested."""
    if request.node.get_closest_marker("lock_limits") is None:
        monkeypatch.setattr(Kind, "limit", lambda *_, **__: PATIENCE_SECONDS)
        monkeypatch.setattr(Pool, "seconds", property(lambda pool: max(ANSWER_SECONDS, pool._seconds * pool._backoff)))


@pytest.fixture
async def reopen(graph: str) -> AsyncIterator[Callable[[], Awaitable[Graph]]]:
    """Open this test's graph, again and again: what was open before is closed first."""
    opened: list[Graph] = []

    async def again() -> Graph:
        while opened:
            await opened.pop().close()
        opened.append(await open_store(graph))
        return opened[-1]

    yield again
    while opened:
        await opened.pop().close()


@pytest.fixture
async def store(reopen: Callable[[], Awaitable[Graph]]) -> Graph:
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
