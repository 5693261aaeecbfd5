"""An idle replica asks its server little: one poll for each interval, and less often the more replicas there are."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import neo4j
import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = pytest.mark.neo4j

QUICKER = 20
"""All that a replica does by time is done so much more often here, so that a minute passes in three seconds."""
MINUTE = 60 / QUICKER
MOST = 66
"""One a second, and once a check interval those for attempts, waits, limits and priorities, with room for one more."""
USUAL = SchedulerOptions()
OPTIONS = SchedulerOptions(
    check_interval_seconds=USUAL.check_interval_seconds / QUICKER,
    lease_seconds=USUAL.lease_seconds / QUICKER,
    poll_interval_seconds=USUAL.poll_interval_seconds / QUICKER,
)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that this process sends to a server, as it is sent."""
    sent: list[str] = []
    for kind in (neo4j.AsyncSession, neo4j.AsyncTransaction):
        run: Any = kind.run

        async def noted(self: object, query: str, *rest: Any, run: Any = run, **more: Any) -> object:
            sent.append(query)
            return await run(self, query, *rest, **more)

        monkeypatch.setattr(kind, "run", noted)
    return sent


async def planned(statements: list[str]) -> None:
    """Wait until nothing is planned any longer of what is when replicas start, and when they first see one another."""
    before = -1
    for _ in range(100):
        if before == (before := sum(text.startswith("EXPLAIN") for text in statements)):
            return
        await asyncio.sleep(2 * MINUTE)


async def each_minute(server: Server, statements: list[str], replicas: int) -> float:
    """How many statements a minute so many idle replicas send together."""
    async with AsyncExitStack() as stack:
        for _ in range(replicas):
            made = TaskSchedulerService(server.graph, None, OPTIONS.check_interval_seconds, options=OPTIONS)
            service = await stack.enter_async_context(made)
        await service.schedule_task("Later", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
        await planned(statements)
        before, began = len(statements), time.monotonic()
        await asyncio.sleep(3 * MINUTE)
        minutes = (time.monotonic() - began) / MINUTE
        sent = statements[before:]
    assert sum("scheduler_replica" in text for text in sent) > 3, "each has polled"
    assert not [text for text in sent if text.startswith("EXPLAIN")]
    return len(sent) / minutes


async def test_idle_replicas_send_few_statements(neo4j_server: Server, statements: list[str]) -> None:
    one = await each_minute(neo4j_server, statements, 1)
    four = await each_minute(neo4j_server, statements, 4)

    assert one <= MOST
    assert four <= 4 * MOST * 0.75
