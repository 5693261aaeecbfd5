"""Loops within one expression of a user's query: what no engine could stop is refused before it begins."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.stores.cypher.read_only import refuse_powers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GENEROUS = 90
NESTED = "a loop within a loop"
RANGE = "a long range()"
REFUSED = (
    ("RETURN size([x IN range(1,1000000) WHERE any(y IN range(1,1000000) WHERE x*y=-1)]) AS n", NESTED),
    ("WITH $a AS a RETURN [x IN a WHERE ANY /* so */ (`y` IN a WHERE x*y=-1)] AS n", NESTED),
    ("WITH $a AS a RETURN [x IN a | [y IN a | x * y]] AS n", NESTED),
    ("WITH $a AS a RETURN none(x IN a WHERE single(y IN a WHERE x = y)) AS n", NESTED),
    ("WITH $a AS a RETURN all(x IN a WHERE reduce(s = 0, y IN a | s + y) > x) AS n", NESTED),
    ("WITH $a AS a RETURN reduce(s = 0, x IN a | s + size([y IN a WHERE y < x])) AS n", NESTED),
    ("WITH $a AS a RETURN reduce(s = 1 IN [1], x IN a | s OR any(y IN a WHERE y < x)) AS n", NESTED),
    ("MATCH (t) WITH collect(t.name) AS a RETURN [x IN a WHERE NOT x IN a] AS n", NESTED),
    ("WITH $a AS a RETURN [x IN a WHERE x IN [1, 2] + a] AS n", NESTED),
    ("MATCH (t) WITH $a AS a, t RETURN [x IN a | [(t)--(e) WHERE e.a = x | e.b]] AS n", NESTED),
    ("RETURN [x IN range(1,1000) WHERE any(y IN range(1,1000) WHERE x*y=-1)] AS n", NESTED),
    ("WITH $a AS a RETURN [x IN [1,2] | [y IN [1,2] | [z IN a WHERE z = x + y]]] AS n", NESTED),
    ("RETURN [a IN [1] | [b IN [1] | [c IN [1] | [d IN [1] | d]]]] AS n", NESTED),
    ("UNWIND range(1,10000) AS x WITH x WHERE any(y IN range(1,100000) WHERE x*y=-1) RETURN count(*) AS n", RANGE),
    ("MATCH (t) WHERE none(y IN range(1, t.count) WHERE y = 0) RETURN t", RANGE),
    ("WITH range(1,1000000) AS a UNWIND a AS x RETURN count(x) AS n", RANGE),
    ("RETURN [x IN range(1,10000) | range(1,10000)] AS n", RANGE),
    ("UNWIND range(1,10000) AS x RETURN collect([x, range(1,10000)]) AS n", RANGE),
    ("RETURN [x IN range(0, size($a) * 1000000) | x] AS n", RANGE),
    ("RETURN reduce(s = [1,2], x IN range(1,40) | s + s) AS n", "may double"),
    ("RETURN reduce(s = 'x', x IN range(1,40) | CASE WHEN x > 0 THEN s + s ELSE s END) AS n", "may double"),
    ("RETURN reduce(s = 'x', x IN range(1,40) | CASE WHEN x > 0 THEN s ELSE '' END + s) AS n", "may double"),
    ("RETURN reduce(s = 'x', x IN range(1,40) | replace(s, 'x', 'xx')) AS n", "may double"),
    ("MATCH (a) RETURN [(a)-[:RETRY_OF*1..8]->(b) | b.x] AS n", "more than one step"),
    ("MATCH (a) RETURN [p = (a)-->()-->()-->(b) WHERE b.x = 1 | length(p)] AS n", "more than one step"),
    ("RETURN " + "(" * 200 + "1" + ")" * 200, "within 100 others"),
    ("MATCH (a) WHERE (a)-[:RETRY_OF*8]->({x: 1}) RETURN a", "no fixed length"),
    ("MATCH (a) WHERE a.x = 1 AND NOT (exists((a)-[*]->({x: 1}))) RETURN a", "no fixed length"),
)
HARMLESS = (
    "WITH $a AS a RETURN [x IN a WHERE any(y IN [1, 2, 3] WHERE x*y=-1)] AS n",
    "RETURN [x IN [1,2] | [y IN [3,4] | [z IN range(1, 9) | x * y + z]]] AS n",
    "MATCH p=(a)-[*..3]->(b) WHERE all(x IN nodes(p) WHERE any(l IN labels(x) WHERE l = 't')) RETURN length(p)",
    "MATCH (t) RETURN [k IN keys(t) WHERE k IN ['name', 'status'] | k] AS l, [x IN split(t.name, ' ') | size(x)] AS m",
    "MATCH (t) RETURN [k IN keys(t) WHERE k IN $wanted AND NOT k IN $others | k] AS l",
    "WITH $a AS a RETURN [x IN a WHERE x IN $b] AS both",
    "WITH $a AS a RETURN [x IN [y IN a WHERE y > 1] WHERE x < 9 | x] AS sieved",
    "WITH $a AS a, $b AS b RETURN [i IN range(0, size(a) - 1) | a[i] + b[i]] AS sums",
    "WITH $a AS a RETURN reduce(s = '', x IN a | s + x + ', ') AS joined",
    "WITH $a AS a RETURN reduce(m = 0, x IN a | CASE WHEN x > m THEN x ELSE m END) AS highest",
    "MATCH (t) RETURN reduce(s = t.name, c IN ['.', '-'] | replace(s, c, '')) AS plain",
    "MATCH (t) WHERE t.status IN ['PENDING'] AND t.name IN $names RETURN [(t)<-[:EXECUTION_OF]-(e) | e.status] AS l",
    "MATCH p=shortestPath((a)-[*..5]-(b)) WHERE EXISTS { (a)-[:RETRY_OF*1..3]->(b) } RETURN COUNT { (a)-[*2]-() }",
    "MATCH (a)-[:RETRY_OF*1..3]->(b) WHERE a.x = 1 MATCH (b)-[:RETRY_OF*0..2]->(c) RETURN count(*) AS n",
    "UNWIND range(1, $n) AS x RETURN x",
    "RETURN range(1, 500000) AS x",
)


@pytest.mark.parametrize(("query", "named"), REFUSED)
def test_a_query_that_nothing_could_stop_is_refused(query: str, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_powers(query)

    assert refused.value.field == "query"
    assert named in str(refused.value)
    assert re.search(r"at character \d+", str(refused.value))
    refuse_powers(refused.value.example)


@pytest.mark.parametrize("query", HARMLESS)
def test_a_harmless_loop_is_let_through(query: str) -> None:
    refuse_powers(query)


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TaskSchedulerService]:
    is_embedded = request.param == "embedded"
    graph = str(tmp_path / "graph") if is_embedded else request.getfixturevalue("neo4j_server").graph
    options = SchedulerOptions(query_seconds=10)
    async with TaskSchedulerService(graph, options=options, check_interval_seconds=3600) as service:
        yield service


async def test_queries_are_answered_after_many_that_loop(service: TaskSchedulerService) -> None:
    endless = [query for query, _ in REFUSED if "$" not in query]
    asked = [asyncio.wait_for(service.cypher(query), GENEROUS) for query in endless]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert all(isinstance(each, InvalidInput) for each in answers), answers
    assert await service.cypher("RETURN 1 AS n") == [{"n": 1}]


async def test_the_examples_of_the_refusals_are_answered(service: TaskSchedulerService) -> None:
    for query, _ in REFUSED:
        with pytest.raises(InvalidInput) as refused:
            refuse_powers(query)
        assert isinstance(await service.cypher(str(refused.value.example)), list)
