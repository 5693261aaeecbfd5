"""Two writes to one task or execution at the same moment, on Neo4j: the second sees what the first has done.

A query that looks first and writes then takes the lock too late: what it saw is not so any more.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.handler_result import Defer
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.deferral import defer
from remembrancer.policies.settlement import recovery_of
from remembrancer.ports.writes import Settlement
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.graph.outcomes import recovery_statements, settle_statements
from remembrancer.stores.graph.quarantine import quarantine_statements
from remembrancer.stores.rows import audit_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from neo4j_server import Server

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change, Lease

    MakeTask = Callable[..., ScheduledTask]
    Claimed = Callable[..., Awaitable[list[Execution]]]

pytestmark = pytest.mark.neo4j


@pytest.fixture
def graph(neo4j_server: Server) -> str:
    return neo4j_server.graph


@asynccontextmanager
async def ahead(server: Server, statements: Sequence[Statement]) -> AsyncIterator[Callable[[Awaitable[Any]], Any]]:
    """Write *statements* as another replica does that has not committed yet; what is handed over waits for it."""
    with server.driver.session(database=server.database) as session:
        transaction = session.begin_transaction()
        for statement in statements:
            numbered = [{**row, "row": place} for place, row in enumerate(statement.rows)]
            transaction.run(query(statement.name), rows=numbered).consume()

        async def overtaken(write: Awaitable[Any]) -> Any:
            writing = asyncio.ensure_future(write)
            blocked = asyncio.ensure_future(asyncio.to_thread(server.until_blocked))
            await asyncio.wait({writing, blocked}, return_when=asyncio.FIRST_COMPLETED)
            assert not writing.done(), "it did not wait"
            await blocked
            await asyncio.to_thread(transaction.commit)
            return await writing

        yield overtaken


@pytest.fixture
async def won(store: Graph, a_task: MakeTask, claimed: Claimed) -> Execution:
    """Claim the only run of a task, which may be tried again when it is lost."""
    await store.tasks.create([task := a_task(on_lost="retry")])
    return (await claimed(task))[0]


def done(won: Execution, now: datetime) -> Settlement:
    return Settlement(won, ExecutionStatus.COMPLETED, now, 1.0, ends_task=TaskStatus.COMPLETE)


async def test_an_outcome_during_the_recovery_of_its_lease_is_dropped(
    store: Graph, neo4j_server: Server, won: Execution, now: datetime
) -> None:
    lost = recovery_of(await store.tasks.get(won.task_id), won, now, "replica_b")
    async with ahead(neo4j_server, recovery_statements([], [lost])) as overtaken:
        assert await overtaken(store.queue.settle([done(won, now)])) == [False]
    made = await store.tasks.history(won.task_id, 10)

    assert sorted((each.status, each.reason_code) for each in made) == [("failed", "lease_expired"), ("running", None)]
    assert (await store.tasks.get(won.task_id)).status is TaskStatus.ACTIVE
    assert ((await store.statistics.lifetime()).counts)["executions_completed"] == 0


async def test_an_execution_settled_during_recovery_is_not_retried(
    store: Graph, neo4j_server: Server, won: Execution, a_lease: Callable[..., Lease], now: datetime
) -> None:
    lost = recovery_of(await store.tasks.get(won.task_id), won, now, "replica_b")
    (found,) = await store.query(query("execution_elements"), {"ids": [won.execution_id]})
    statements = settle_statements([done(won, now)], [str(found["element_id"])], [])
    async with ahead(neo4j_server, statements) as overtaken:
        assert await overtaken(store.queue.recover([], [lost], a_lease())) == []

    assert [each.status for each in await store.tasks.history(won.task_id, 10)] == ["completed"]
    assert ((await store.statistics.lifetime()).counts)["executions_failed"] == 0


@pytest.fixture
async def cancelling(store: Graph, won: Execution, a_change: Callable[..., Change]) -> Sequence[Statement]:
    """Cancel the task of `won`."""
    row = {**audit_rows.change_row(won.task_id, a_change("cancel")), "task_fence": None}
    return [Statement("cancel_tasks", [row])]


async def stays_cancelled(store: Graph, task_id: str) -> bool:
    """Say whether the task is as its cancellation left it, and so are the books, which are not the other's."""
    after, counted = await store.tasks.get(task_id), (await store.statistics.lifetime()).counts
    assert (after.status, after.next_run_ms, after.deferral_count) == (TaskStatus.CANCELLED, None, 0)
    assert (counted["tasks_completed"], counted["deferrals"], counted["executions_started"]) == (0, 0, 1)
    return len(await store.tasks.history(task_id, 10)) == 1


@pytest.mark.parametrize("puts_off", [False, True])
async def test_a_task_cancelled_while_its_run_settles_stays_cancelled(
    store: Graph, neo4j_server: Server, won: Execution, cancelling: Sequence[Statement], *, puts_off: bool
) -> None:
    now = won.triggered_at
    settlement = done(won, now)
    if puts_off:
        reschedule = defer(await store.tasks.get(won.task_id), Defer(now.replace(hour=12), "Busy"), now, now)
        settlement = Settlement(won, ExecutionStatus.DEFERRED, now, 1.0, reschedule=reschedule)
    async with ahead(neo4j_server, cancelling) as overtaken:
        assert await overtaken(store.queue.settle([settlement])) == [True]

    assert await stays_cancelled(store, won.task_id)


async def test_a_task_cancelled_during_recovery_is_not_retried(
    store: Graph,
    neo4j_server: Server,
    won: Execution,
    cancelling: Sequence[Statement],
    a_lease: Callable[..., Lease],
) -> None:
    lost = recovery_of(await store.tasks.get(won.task_id), won, won.triggered_at, "replica_b")
    async with ahead(neo4j_server, cancelling) as overtaken:
        assert await overtaken(store.queue.recover([], [lost], a_lease())) == []

    assert await stays_cancelled(store, won.task_id)


async def test_a_task_that_two_set_aside_is_set_aside_once(
    store: Graph, neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    await store.tasks.create([task := a_task()])
    (row,) = await store.query("MATCH (t:scheduled_task) RETURN t")
    async with ahead(neo4j_server, quarantine_statements(dict(row["t"]), "Unreadable", to_ms(now))) as overtaken:
        await overtaken(store.tasks.quarantine(task.task_id, "Unreadable", now))

    assert len(await store.audit.of_task(task.task_id)) == 2
    assert len(await store.tasks.history(task.task_id, 10)) == 1
    assert ((await store.statistics.lifetime()).counts)["tasks_failed"] == 0, "by the other, who has no books here"
