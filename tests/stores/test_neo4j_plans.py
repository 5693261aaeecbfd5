"""What is asked at every pass stays a look at an index, however many tasks there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString, cast

import pytest

from remembrancer.bootstrap import open_store
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.rows.due_key import last_key
from remembrancer_schema.catalog import gathered, query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from neo4j_server import Server


pytestmark = pytest.mark.neo4j

ARMED = 100_000
UNARMED = 5_000
BATCH = 25_000


@pytest.fixture
async def many(neo4j_server: Server, now: datetime) -> Server:
    """A server with many tasks, one due in each second from now on, and some with nothing ahead."""
    await (await open_store(neo4j_server.graph)).close()
    for first in range(0, ARMED + UNARMED, BATCH):
        neo4j_server.run(
            "UNWIND range($first, $last) AS place CREATE (t:scheduled_task {task_id: 'task_' + place}) "
            "SET t.next_run_ms = CASE WHEN place < $armed THEN $now_ms + place * 1000 ELSE null END, "
            "    t.due_key = t.next_run_ms * 1000000 + place % 1000000",
            first=first,
            last=min(first + BATCH, ARMED + UNARMED) - 1,
            armed=ARMED,
            now_ms=to_ms(now),
        )
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


async def test_due_tasks_and_the_next_run_are_read_in_index_order(many: Server, now: datetime) -> None:
    whole, part = {"floor_key": last_key(0)}, {"floor_key": last_key(0), "shards": list(range(0, 1000, 4))}
    until = {"now_key": last_key(to_ms(now)), "limit": 100}
    looks = {"due_tasks": whole | until, "next_run": whole, "due_tasks_of_shards": part | until}

    for name, parameters in {**looks, "next_run_of_shards": part}.items():
        plan = plan_of(many, name, **parameters)
        assert plan[-1] == "NodeIndexSeekByRange"
        assert "Limit" in plan
        assert not {"Sort", "Top", "PartialTop", "PartialSort", "NodeByLabelScan", "AllNodesScan"} & {*plan}
        assert ("Filter" in plan) == ("shards" in parameters)
    for name, parameters in {
        "due_without_priority": whole | until,
        "due_with_priority_of_shards": part | until,
    }.items():
        plan = plan_of(many, name, **parameters)
        assert plan[-1] == "NodeIndexSeekByRange"
        assert not {"Sort", "Top", "NodeByLabelScan", "AllNodesScan"} & {*plan}


async def test_claims_and_outcomes_find_nodes_by_element_id_or_key(neo4j_server: Server) -> None:
    await (await open_store(neo4j_server.graph)).close()
    settling = (
        "settle_executions",
        "arm_next_checks",
        "retire_tasks",
        "end_deferrals",
        "defer_settled",
        "retry_executions",
        "start_retries",
        "drop_retries",
        "give_up_retries",
    )
    for name in ("claim_executions", "record_outcomes", "advance_past_existing", *settling, "release_leases"):
        plan = plan_of(neo4j_server, name, given={"rows": [{}]})

        assert any(operator.startswith(("NodeUniqueIndexSeek", "NodeByElementIdSeek")) for operator in plan), name
        assert not {"NodeByLabelScan", "AllNodesScan", "NodeIndexScan"} & {*plan}, name


async def test_a_write_is_planned_once_for_any_number_of_rows(neo4j_server: Server) -> None:
    """A server plans anew for each magnitude of a list that it is given, while the first tasks wait."""
    await (await open_store(neo4j_server.graph)).close()
    told: list[object] = []
    for count in (1, 10, 100, 1000):
        text = cast("LiteralString", f"EXPLAIN {gathered(query('settle_executions')).text}")
        with neo4j_server.driver.session(database=neo4j_server.database) as session:
            told.append(session.run(text, given={"rows": [{}] * count}).consume().plan)

    assert told[0]
    assert told == told[:1] * 4
