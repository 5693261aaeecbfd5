"""Every query of the catalogue seeks what it wants, on a graph of any history: no plan reads what only grows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, LiteralString, cast

import pytest

from remembrancer.bootstrap import open_store
from remembrancer_schema.catalog import gathered, queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from neo4j_server import Server

    from remembrancer_schema.catalog import Query

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]

FEW: Final = frozenset(
    {
        *("remembrancer_graph", "scheduler_replica", "execution_lease", "event_stream", "access_token"),
        *(
            "lifetime_statistics",
            "cron_expression",
            "zone_rules",
            "named_calendar",
            "task_template",
            "dead_letter",
            "concurrency_limit",
            "dead_letter",
        ),
        *("USES_CALENDAR", "FOLLOWS", "FROM_TEMPLATE", "DEPENDS_ON"),
    }
)
"""Labels whose nodes are as many as replicas, leases or expressions, and edges that only tasks have which refer to a
calendar or another task: to read them all is no fault."""
REPORTS: Final = frozenset(
    {
        *("outcomes", "outcomes_by_task", "outcomes_by_day", "why_not", "deferral_reasons", "thought_to_deferral"),
        "deferral_chains",
        *("history_edges", "summaries", "size_of_own_thoughts", "rolled_up", "counted_size"),
    }
)
"""Questions about the whole of the past, which the scheduler itself does not ask; the last one of no server."""
WHOLE: Final = frozenset({"check"})
"""Families of queries that read all of a graph, as a check or a repair has to."""
TASKS: Final = 3000


def operators(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield plan["operatorType"].partition("@")[0], plan["args"].get("Details", "")
    for child in plan.get("children", []):
        yield from operators(child)


def scans_of(server: Server, query: Query) -> list[str]:
    """The operators that read a whole label or index, as the scheduler runs the query."""
    text = gathered(query.text).text if "$rows" in query.text else query.text
    parameters: dict[str, object] = dict.fromkeys(re.findall(r"\$(\w+)", text))
    with server.driver.session(database=server.database) as session:
        given = {"given": {"rows": []}} if "given" in parameters else {}
        plan = session.run(cast("LiteralString", "EXPLAIN " + text), parameters | given).consume().plan
    assert plan
    scans = [(name, of) for name, of in operators(cast("dict[str, Any]", plan)) if "Scan" in name]
    return [f"{name}({of})" for name, of in scans if not FEW & {*re.findall(r"\w+:(\w+)", of)}]


def fill(server: Server) -> None:
    server.run(
        "UNWIND range(1, $tasks) AS i MERGE (h:thought {thought_id: 'thought_' + (i % 50)}) "
        "MERGE (m:time {time_id: 'time_' + (i % 500)}) "
        "CREATE (t:scheduled_task {task_id: 'task_' + i, fence: 0, status: 'PENDING', task_type: 'one_time', "
        "  next_run_ms: i, due_key: i * 1000000, status_index_key: 'PENDING|one_time|task_' + i}), "
        "(t)-[:CREATED_BY]->(h), (t)-[:SCHEDULED_FOR]->(m), "
        "(e:task_execution {execution_id: 'exec_' + i, occurrence_key: 'key_' + i, status: 'running', fence: 1}), "
        "(e)-[:EXECUTION_OF]->(t), (:task_change {change_id: 'change_' + i})-[:CHANGE_OF]->(t), "
        "(:task_deferral {deferral_id: 'deferral_' + i})-[:DEFERRAL_OF]->(t), (:execution_lease {lease_id: 'l' + i}), "
        "(:event_batch {batch_key: i}), (:hourly_statistics {hour_id: 'hour_' + i, hour_ms: i})",
        tasks=TASKS,
    )


async def opened(server: Server) -> None:
    await (await open_store(server.graph)).close()


async def fresh(server: Server) -> None:
    await opened(server)


async def filled(server: Server) -> None:
    await opened(server)
    fill(server)


async def emptied(server: Server) -> None:
    await filled(server)
    server.run("CALL db.prepareForReplanning()")
    server.wipe()
    await opened(server)


async def refilled(server: Server) -> None:
    await emptied(server)
    fill(server)


async def counted(server: Server) -> None:
    await refilled(server)
    server.run("CALL db.prepareForReplanning()")


@pytest.mark.parametrize("history", [fresh, refilled, counted], ids=lambda each: each.__name__)
async def test_every_query_is_planned_as_seeks(
    neo4j_server: Server, history: Callable[[Server], Awaitable[None]]
) -> None:
    """The server's statistics lag behind what was written: what it plans just then, it keeps for as long as it can."""
    await history(neo4j_server)
    neo4j_server.run("CALL db.clearQueryCaches()")
    asked = [query for name, query in queries().items() if name not in REPORTS and query.family not in WHOLE]
    counted = {query.name for query in asked if query.written == "size_of_<label>"}
    scans = {query.name: scans_of(neo4j_server, query) for query in asked}

    assert {name: found for name, found in scans.items() if found and name not in counted} == {}
    assert len(asked) > 100


async def test_outcomes_cost_what_is_written_after_a_refill(neo4j_server: Server) -> None:
    await refilled(neo4j_server)
    neo4j_server.run("CALL db.clearQueryCaches()")
    placed = "MATCH (e:task_execution) RETURN e.execution_id AS execution_id, elementId(e) AS element_id LIMIT 10"
    rows = [
        {**row, "row": place, "fence": 1, "completed_ms": 1, "outcome": {"status": "completed"}}
        for place, row in enumerate(neo4j_server.run(placed))
    ]
    text = cast("LiteralString", "PROFILE " + gathered(queries()["settle_executions"].text).text)
    with neo4j_server.driver.session(database=neo4j_server.database) as session:
        profile = session.run(text, {"given": {"rows": rows}}).consume().profile

    assert sum(hits(cast("dict[str, Any]", profile))) < 100 * len(rows)


def hits(profile: dict[str, Any]) -> Iterator[int]:
    yield profile.get("dbHits", 0)
    for child in profile.get("children", []):
        yield from hits(child)
