"""What is asked at every pass stays a look at an index, however many tasks there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString, cast

import pytest

from remembrancer.assembly import open_store
from remembrancer.model.moment import to_ms
from remembrancer.stores.due_key import last_key
from remembrancer_schema.catalog import gathered, query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask

pytestmark = pytest.mark.neo4j

TASKS = 21_000
ARMED = 20_000


@pytest.fixture
async def many(neo4j_server: Server, a_task: Callable[..., ScheduledTask], now: datetime) -> Server:
    """A server with many tasks, one due in each second from now on, and some with nothing ahead."""
    store = await open_store(neo4j_server.graph)
    for first in range(0, TASKS, 1000):
        await store.create(
            [
                a_task(
                    task_id=f"task_{place:06}",
                    origin_thought_id=f"thought_{place % 50}",
                    next_run_ms=to_ms(now) + place * 1000 if place < ARMED else None,
                )
                for place in range(first, first + 1000)
            ]
        )
    await store.close()
    return neo4j_server


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"].partition("@")[0]
    for child in plan.get("children", []):
        yield from operators(child)


def plan_of(server: Server, name: str, **parameters: object) -> list[str]:
    """The operators of a query of the catalogue, its rows gathered in one, from the last to the first."""
    text = cast("LiteralString", f"EXPLAIN {gathered(query(name)).text}")
    with server.driver.session(database=server.database) as session:
        plan = session.run(text, parameters).consume().plan
    assert plan
    return list(operators(plan))


async def test_what_is_due_and_what_is_next_are_sought_in_the_index_in_its_order(many: Server, now: datetime) -> None:
    due = plan_of(many, "due_tasks", floor_key=last_key(0), now_key=last_key(to_ms(now)), limit=100)
    following = plan_of(many, "next_run", floor_key=last_key(0))

    for plan in (due, following):
        assert plan[-1] == "NodeIndexSeekByRange"
        assert "Limit" in plan
        assert not {"Sort", "Top", "PartialTop", "PartialSort", "NodeByLabelScan", "AllNodesScan", "Filter"} & {*plan}


async def test_claims_and_outcomes_find_what_they_write_by_its_key(neo4j_server: Server) -> None:
    await (await open_store(neo4j_server.graph)).close()
    for name in ("claim_executions", "record_outcomes", "settle_executions", "retire_tasks", "release_leases"):
        plan = plan_of(neo4j_server, name, rows=[{}])

        assert any(operator.startswith("NodeUniqueIndexSeek") for operator in plan), name
        assert not {"NodeByLabelScan", "AllNodesScan", "NodeIndexScan"} & {*plan}, name
