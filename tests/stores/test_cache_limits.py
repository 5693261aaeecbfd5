"""Every cache and bound of the stores, at its narrowest: slower perhaps, but nothing is refused, lost or miscounted."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

pytestmark = pytest.mark.slow
LIMITS = {
    "commits.counters": ["_REMEMBERED", "_TEXTS"],
    "commits.pending_counts": ["_MOST"],
    "embedded.connection": ["_READERS"],
    "embedded.writer": ["REMEMBERED", "_ROWS_PER_COMMIT"],
    "graph.bundle": ["_BULK"],
    "graph.due_index": ["_TRIES"],
    "graph.element_ids": ["_MOST"],
    "graph.time_links": ["_MOST"],
    "neo4j.connection": ["REMEMBERED"],
    "records.event_log": ["_DELETED_AT_ONCE", "_MOST_RUNNING", "_LEASES", "_MOST_BATCHES"],
}
EACH = [(module, name) for module, names in LIMITS.items() for name in names]


async def recount(graph: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return what the books of a graph say of its executions, and what its nodes say."""
    store = await open_store(graph)
    try:
        counted = (await store.statistics.lifetime()).counts
        rows = await store.query("MATCH (e:task_execution) RETURN e.status AS status, count(*) AS number")
        number = Counter({str(row["status"]): row["number"] for row in rows})
        ends = ("completed", "failed")
        return {end: counted[f"executions_{end}"] for end in ends}, {end: number[end] for end in ends}
    finally:
        await store.close()


async def let_hours_go_by(graph: str, now: datetime, hours: int) -> int:
    """Schedule tasks of one type, then of both, in each of so many hours; return how many."""
    clock = VirtualClock(now)
    every_year = ScheduleRequest("Every year", "g", "p", "t", schedule_cron="30 7 1 6 *")
    some_day = ScheduleRequest("Some day", "g", "p", "t", defer_until="2031-01-01T00:00:00Z")
    service = TaskSchedulerService(graph, clock)
    await service.open()
    scheduled = 0
    for hour in range(hours):
        clock.advance(timedelta(hours=1))
        scheduled += len(await service.schedule_tasks([every_year]))
        if hour % 7 != 6:  # so that the books meet their bound with one node to learn, and with two
            scheduled += len(await service.schedule_tasks([every_year, some_day]))
    await service.close()
    return scheduled


EMBEDDED = [(module, name) for module, name in EACH if not module.startswith("neo4j")]
LIMITED = [
    *(pytest.param("embedded", ([each], 1), id=f"{'-'.join(each)}-1") for each in EMBEDDED),
    pytest.param("embedded", (EMBEDDED, 2), id="all-embedded-2"),
    *(pytest.param("neo4j", (EACH, limit), id=f"all-{limit}", marks=pytest.mark.neo4j) for limit in (1, 2)),
]
"""At 1 one by one on the embedded graph, which says whose fault it is; else all of them at once."""


@pytest.fixture
def widened(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """Limits of the stores at their narrowest, and what puts them back."""
    names, limit = request.param
    with pytest.MonkeyPatch.context() as patch:
        for module, name in names:
            patch.setattr(import_module(f"remembrancer.stores.{module}"), name, limit)
        yield patch.undo


@pytest.mark.parametrize(("graph", "widened"), LIMITED, indirect=True)
async def test_a_day_goes_by_within_a_limit_that_is_too_small(
    graph: str, now: datetime, life: Any, widened: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    await life(graph, seed=1).live(days=1)
    await let_hours_go_by(graph, now, hours=4)

    widened()
    counted, there = await recount(graph)
    assert counted == there
    assert sum(there.values()) > 10
    said = [record.getMessage() for record in caplog.records if record.name.startswith("remembrancer")]
    assert [text for text in said if "a dead letter" not in text] == []  # handlers fail as they do elsewhere


async def test_hours_that_go_by_do_not_push_out_what_a_commit_needs(graph: str, now: datetime) -> None:
    scheduled = await let_hours_go_by(graph, now, hours=150)

    store = await open_store(graph)
    assert ((await store.statistics.lifetime()).counts)["tasks_created"] == scheduled
    await store.close()
