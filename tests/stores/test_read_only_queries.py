"""The check of a user's Cypher, before any engine sees it."""

from __future__ import annotations

import re

import pytest

from remembrancer.errors import InvalidInput
from remembrancer.stores.cypher.read_only import LONGEST_QUERY, refuse_powers
from remembrancer_schema.catalog import queries

WRITES = re.compile(r"\b(CREATE|MERGE|SET|DELETE|REMOVE)\b")
REFUSED = (
    ("LOAD CSV FROM 'file:///etc/shadow' AS l RETURN l", "LOAD CSV"),
    ("load/* a comment */csv with headers from $where as l return l", "LOAD CSV"),
    ("MATCH (t) CALL { LOAD // why not\n CSV FROM 'file:///x' AS l RETURN l } RETURN t, l", "LOAD CSV"),
    ("UNWIND [1] AS x LOAD\u00a0CSV FROM 'http://localhost/' AS l RETURN l", "LOAD CSV"),
    ("lo\u0061d c\u017fv FROM 'file:///x' AS l RETURN l", "LOAD CSV"),
    ("USING PERIODIC COMMIT 500 LOAD CSV FROM 'file:///x' AS l CREATE (:x)", "using"),
    (r"LO\u0041D CSV FROM 'file:///x' AS l RETURN l", r"\u0041"),
    (r"RETURN '\u0027 AS a LOAD CSV FROM \u0027file:///x' AS l", r"\u0027"),
    ("RETURN 1 // \\u000a LOAD CSV FROM 'file:///x' AS l RETURN l", r"\u000a"),
    ("CALL apoc.util.sleep(40000)", "apoc.util.sleep"),
    ("CALL `apoc`.`util` . `sleep`(1)", "apoc.util.sleep"),
    ("MATCH (t) CALL dbms.listConfig() YIELD name RETURN name", "dbms.listconfig"),
    ("CALL apoc.load.json('http://localhost') YIELD value RETURN value", "apoc.load.json"),
    ("OPTIONAL CALL apoc.cypher.runFile('x') YIELD row RETURN row", "apoc.cypher.runfile"),
    ("CALL db.createLabel('x')", "db.createlabel"),
    ("CALL dbms.killQuery 'x'", "dbms.killquery"),
    ("RETURN apoc.util.sleep(1)", "apoc.util.sleep()"),
    ("RETURN {a: apoc.load.csv('x')}", "apoc.load.csv()"),
    ("RETURN [x IN apoc.static.getAll('x') | x]", "apoc.static.getall()"),
    ("RETURN file()", "file()"),
    ("RETURN `sleep` (3)", "sleep()"),
    ("CREATE (:scheduled_task {name: 'x'})", "CREATE"),
    ("MATCH (t) SET t.name = 'x'", "SET"),
    ("MATCH (t) DETACH DELETE t", "DETACH"),
    ("MATCH (t) FOREACH (x IN [1] | SET t.a = x)", "FOREACH"),
    ("CALL { CREATE (n) RETURN n } IN TRANSACTIONS RETURN n", "CREATE"),
    ("MATCH (t) CALL (t) { RETURN 1 AS one } IN 4 CONCURRENT TRANSACTIONS RETURN one", "TRANSACTIONS"),
    ("CREATE USER a SET PASSWORD 'x'", "CREATE"),
    ("DROP INDEX x", "DROP"),
    ("SHOW USERS", "SHOW USERS"),
    ("SHOW SETTINGS", "SHOW SETTINGS"),
    ("CYPHER 5 SHOW TRANSACTIONS", "SHOW TRANSACTIONS"),
    ("EXPLAIN SHOW DATABASES", "SHOW DATABASES"),
    ("TERMINATE TRANSACTIONS 'neo4j-transaction-1'", "TERMINATE"),
    ("SHOW TRANSACTIONS YIELD transactionId AS id TERMINATE TRANSACTIONS id", "SHOW TRANSACTIONS"),
    ("USE system MATCH (n) RETURN n", "use"),
    ("CALL { USE other MATCH (n) RETURN n } RETURN n", "USE"),
    ("LOCK TYPE scheduled_task", "lock"),
    ("BACKUP DATABASE", "backup"),
    ("MATCH (n) RETURN n; MATCH (m) DETACH DELETE m", "statement"),
    ("", "reads this graph"),
    ("RETURN 1 // " + "x" * LONGEST_QUERY, "characters"),
    ("MATCH " + "()--" * 101 + "() RETURN 1", "101 steps from node to node"),
    ("MATCH (a)" + "<-[:X]-(b)" * 5000 + " RETURN a", "5,000 steps from node to node"),
)
ALLOWED = (
    "MATCH (t:scheduled_task) RETURN t.name, t.status ORDER BY t.name;",
    "MATCH (t:Load) WHERE t.csv = 'LOAD CSV' RETURN t.set, t.create AS delete, {set: 1, call: 2} AS m // LOAD CSV",
    "MATCH (start)-[:DEPENDS_ON*1..3]->(set) WITH start, set RETURN start, set",
    "MATCH p = shortestPath((a)-[*..5]-(b)) WHERE all(x IN nodes(p) WHERE size(labels(x)) > 0) RETURN length(p)",
    "MATCH (t:scheduled_task) USING INDEX t:scheduled_task(task_id) WHERE t.task_id = $id RETURN count(*)",
    "MATCH (t) WHERE EXISTS { (t)<-[:EXECUTION_OF]-() } AND (t.a OR (t.b)) RETURN COUNT { (t)--() } AS n",
    "CALL db.labels() YIELD label RETURN label",
    "CALL `db`.`labels`",
    "MATCH (t) CALL (t) { MATCH (t)<--(e) RETURN e LIMIT 1 } RETURN t, e",
    "SHOW INDEXES",
    "SHOW UNIQUE CONSTRAINTS",
    "EXPLAIN MATCH (n) RETURN n",
    "RETURN date.truncate('day', datetime({epochMillis: 0})) AS day, duration.between(date(), date()) AS d",
    "RETURN CASE WHEN (1 = 1) THEN (2) ELSE (3) END AS x, [x IN range(1, 3) WHERE (x > 1) | x] AS l",
    r"RETURN 'a\'b \u00e9 \\' AS text, `a``b` AS `SET` ORDER BY (text) DESC SKIP (0) LIMIT (1)",
    "MATCH (n:`create`) RETURN n.`load csv`, n { .set, .name, call: n.merge } AS m",
    "OPTIONAL MATCH (n) RETURN reduce(s = 0, x IN collect(n.x) | s + coalesce(x, 0)) AS s",
    "WITH 1 AS show RETURN show ORDER BY show",
)


@pytest.mark.parametrize(("query", "named"), REFUSED)
def test_a_query_that_asks_for_more_than_reading_is_refused(query: str, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_powers(query)

    assert refused.value.field == "query"
    assert named in str(refused.value)
    refuse_powers(refused.value.example)


@pytest.mark.parametrize("query", ALLOWED)
def test_a_query_that_reads_is_let_through(query: str) -> None:
    refuse_powers(query)


def test_every_reading_query_of_the_catalogue_is_let_through() -> None:
    reading = [each for each in queries().values() if not WRITES.search(each.text)]
    for each in reading:
        refuse_powers(each.text)

    assert len(reading) > 40
