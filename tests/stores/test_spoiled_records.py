"""One record that makes no sense stops no other: at the feed, lists, reports, roll-ups, tokens, and at the loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import ExecutionUnreadable
from remembrancer.testing import ManualScheduler, VirtualClock

KINDS = ["['x', 'y']", "'odd'", "7", "null"]
SPOILED = [
    ("task_execution", "nominal_at"),
    ("task_execution", "occurrences"),
    ("task_execution", "task_id"),
    ("task_deferral", "deferred_until"),
    ("execution_summary", "first_nominal_at"),
    ("lifetime_statistics", "tasks_created"),
    ("lifetime_statistics", "error_texts"),
    ("lifetime_statistics", "most_deferrals"),
    ("hourly_statistics", "delays"),
    ("access_token", "created_at"),
    ("event_batch", "events"),
    ("event_batch", "count"),
]
OF_DIFFERENT_RECORDS = [
    SPOILED[0:1] + SPOILED[3:6] + SPOILED[8:11],
    SPOILED[1:2] + SPOILED[6:7] + SPOILED[11:12],
    SPOILED[2:3] + SPOILED[7:8],
]
CASES = [
    *(pytest.param("embedded", [each], value, id=f"{'.'.join(each)}-{value}") for each in SPOILED for value in KINDS),
    *(
        pytest.param("neo4j", several, value, id=f"several-{len(several)}-{value}", marks=pytest.mark.neo4j)
        for several in OF_DIFFERENT_RECORDS
        for value in KINDS
    ),
]
"""One by one on the embedded graph, which says whose fault it is; on a server those of different records at once."""


class Household:
    """A service over a graph with a little of everything, driven by hand."""

    def __init__(self, graph: str) -> None:
        self.graph = graph
        self.clock = VirtualClock()
        self.fired: list[str] = []
        self.service = TaskSchedulerService(graph, self.clock, handler=self._handle)
        self.by_hand = ManualScheduler(self.service, self.clock)

    def _handle(self, firing: object) -> str:
        self.fired.append(str(firing))
        return "done"

    async def live(self) -> None:
        async with self.by_hand:
            for number in range(3):
                await self.service.schedule_task(f"Task {number}", "g", "p", "thought", schedule_cron="*/10 * * * *")
            for _ in range(6):
                await self.by_hand.tick(timedelta(minutes=10))
            await self.service.create_token("ada", "read")
            await self.service.create_token("bob", "read")
            await self.service.prune(0.02)
            await self.by_hand.tick(timedelta(minutes=10))
            for task in (await self.service.get_scheduled_tasks())[:2]:
                until = self.clock.now() + timedelta(minutes=15)
                await self.service.defer_task(task.task_id, until, "Busy", "thought_busy")

    async def spoil(self, *texts: str) -> None:
        store = await open_store(self.graph)
        session = store._connection
        for text in texts:
            if store.exclusive:
                with session._database.transaction():  # pyright: ignore[reportAttributeAccessIssue]
                    session._database.command("opencypher", text)  # pyright: ignore[reportAttributeAccessIssue]
            else:
                await session.run_idempotent(text, {})  # pyright: ignore[reportAttributeAccessIssue]
        await store.close()


@pytest.fixture
async def household(graph: str) -> Household:
    made = Household(graph)
    await made.live()
    made.fired.clear()
    return made


async def drained(service: TaskSchedulerService) -> tuple[str, list[str]]:
    """Read the log from its beginning; return where that ends, and the kinds of events read."""
    cursor, kinds = "0", list[str]()
    while page := (await service.read_events(cursor, limit=1000)).events:
        kinds += [event.kind for event in page]
        cursor = page[-1].cursor or cursor
    return cursor, kinds


@pytest.mark.parametrize(("graph", "spoiled", "value"), CASES, indirect=["graph"])
async def test_a_spoiled_record_stops_no_other(
    household: Household, spoiled: list[tuple[str, str]], value: str
) -> None:
    await household.spoil(*(f"MATCH (n:{label}) WITH n LIMIT 1 SET n.{name} = {value}" for label, name in spoiled))
    service = household.service
    async with household.by_hand:
        await household.by_hand.tick(timedelta(minutes=30))

        assert len(household.fired) >= 3
        assert len(await service.get_scheduled_tasks()) == 3
        assert await service.history()
        assert await service.audit_entries()
        assert len(await service.examine()) == 10
        assert "ada" in [token.name for token in await service.list_tokens()] or "access_token" in dict(spoiled)
        await service.summaries()
        await service.running_executions()
        await service.prune(0.01)
        cursor, kinds = await drained(service)
        assert "execution_completed" in kinds
        assert (await service.read_events(None)).cursor == cursor
        await service.schedule_task("Later", "g", "p", "thought", schedule_cron="0 0 1 1 *")


async def test_a_spoiled_batch_of_events_is_told_as_a_gap(household: Household) -> None:
    async with household.by_hand:
        whole = await drained(household.service)
    await household.spoil(
        "MATCH (n:event_batch) WITH n ORDER BY n.batch_key SKIP 3 LIMIT 1 "
        "SET n.events = 'odd', n.events_compressed = null"
    )
    async with household.by_hand:
        spoiled = await drained(household.service)

    assert "gap" not in whole[1]
    assert "gap" in spoiled[1]
    assert spoiled[0] == whole[0]


async def test_missing_batches_of_events_are_told_as_a_gap(household: Household) -> None:
    async with household.by_hand:
        whole = await drained(household.service)
    await household.spoil("MATCH (n:event_batch) WITH n ORDER BY n.batch_key SKIP 3 LIMIT 2 DELETE n")
    async with household.by_hand:
        holed = await drained(household.service)

    assert (holed[0], "gap" in holed[1]) == (whole[0], True)


async def test_a_spoiled_execution_is_refused_in_our_words(household: Household) -> None:
    await household.spoil("MATCH (n:task_execution) WITH n LIMIT 1 SET n.status = [1], n.reason = 'spoiled'")
    async with household.by_hand:
        (row,) = await household.service.cypher(
            "MATCH (n:task_execution) WHERE n.reason = 'spoiled' RETURN n.execution_id AS id"
        )
        with pytest.raises(ExecutionUnreadable, match="cannot be read"):
            await household.service.get_execution(str(row["id"]))
