"""Migrations of a graph on Neo4j: its constraints and indexes, declared, built and checked."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final, LiteralString, Protocol

from remembrancer.errors import GraphAccessDenied, GraphUnavailable, ServerTooOld
from remembrancer.stores.migrations import OpenMode, steps_ahead, version_mark
from remembrancer_schema.catalog import Migration, migrations, query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.stores.commits.statement import Row


class MigratedConnection(Protocol):
    """The connection on which a migration runs."""

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Run a reading query."""
        ...

    async def run_idempotent(self, text: LiteralString, parameters: Row, *, seconds: float | None = None) -> None:
        """Run a statement that may be repeated, until it is answered."""
        ...


_NEO4J: Final = "neo4j"
_BUILDING: Final = (
    "SHOW INDEXES YIELD name, state WHERE name STARTS WITH 'remembrancer_' AND state = 'POPULATING' "
    "RETURN count(*) AS building"
)
_UNIQUE: Final = (
    "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties WHERE type ENDS WITH 'UNIQUENESS' OR type = 'NODE_KEY' "
    "RETURN *"
)
_INDEXED: Final = (
    "SHOW INDEXES YIELD type, labelsOrTypes, properties, state WHERE type = 'RANGE' AND state = 'ONLINE' RETURN *"
)
_DECLARES: Final = re.compile(
    r"CREATE (?P<kind>\w+) (?P<name>\w+) IF NOT EXISTS FOR \(n:(?P<label>\w+)\) (?:REQUIRE|ON) \(?n\.(?P<property>\w+)"
)
_POLL_SECONDS: Final = 0.05
_BUILD_SECONDS: Final = 600.0
"""The time for a constraint: on a large graph it takes long."""
_OLDEST: Final = (5, 26)
_AGENT: Final = re.compile(r"Neo4j/(\d+)\.(\d+)")


async def upgrade_neo4j(connection: MigratedConnection, shown: str, use: OpenMode = OpenMode.SERVE) -> None:
    """Apply the migrations that the graph lacks, in order; two replicas may do so at once. Raises GraphUnavailable."""
    found = await connection.read(query("graph_version"), {})
    for step in steps_ahead(migrations(_NEO4J), found, shown, use):
        try:
            await _apply(connection, step)
        except GraphAccessDenied as refused:
            raise GraphAccessDenied(
                f"{refused} The graph's schema is to be made or renewed: let somebody who may do that run what "
                "`remembrancer schema` prints, and start again."
            ) from refused


def neo4j_schema() -> list[str]:
    """Return the statements that create the whole schema on Neo4j, the version mark last; each may be repeated."""
    steps = migrations(_NEO4J)
    mark = query("set_graph_version").replace("$version", str(steps[-1].version)).replace("$graph_id", "randomUUID()")
    return [*(" ".join(statement.split()) for step in steps for statement in step.statements), mark]


def refuse_old_server(agent: str, shown: str) -> None:
    """Refuse a server that is too old for the queries, before anything is written. Raises ServerTooOld.

    Args:
        agent: The name that the server gives itself; one that is no Neo4j is taken to speak the same Cypher.
        shown: The graph, for the message.
    """
    found = _AGENT.match(agent)
    if found and (int(found[1]), int(found[2])) < _OLDEST:
        raise ServerTooOld(
            f"The server {shown} is {agent}, and this remembrancer needs Neo4j {_OLDEST[0]}.{_OLDEST[1]} or newer: "
            "older ones do not understand its queries. Upgrade the server; nothing was written."
        )


async def _apply(connection: MigratedConnection, step: Migration) -> None:
    for statement in step.statements:
        await connection.run_idempotent(statement, {}, seconds=_BUILD_SECONDS)
    await _until_built(connection)
    await _check_declared(connection, step)
    await connection.run_idempotent(query("set_graph_version"), version_mark(step))


async def declare_again(connection: MigratedConnection) -> None:
    """Create the constraints and indexes that are missing. Raises GraphUnavailable."""
    for step in migrations(_NEO4J):
        await _apply(connection, step)


async def undeclared(connection: MigratedConnection) -> list[tuple[str, str, str]]:
    """Return the constraints and indexes that are missing, or not online: kind, label and property of each."""
    existing = await _declared(connection)
    texts = [text for step in migrations(_NEO4J) for text in step.statements]
    declared = [
        (found["kind"], found["label"], found["property"]) for text in texts if (found := _DECLARES.search(text))
    ]
    return [(kind, label, name) for kind, label, name in declared if (label, name) not in existing[kind]]


async def _declared(connection: MigratedConnection) -> Mapping[str, set[tuple[str, ...]]]:
    unique, indexed = await connection.read(_UNIQUE, {}), await connection.read(_INDEXED, {})
    return {
        kind: {(*row["labelsOrTypes"], *row["properties"]) for row in found}
        for kind, found in (("CONSTRAINT", unique), ("INDEX", indexed))
    }


async def _check_declared(connection: MigratedConnection, step: Migration) -> None:
    """Check that all of them exist: a server does not report one whose name is taken by another."""
    existing = await _declared(connection)
    for statement in step.statements:
        found = _DECLARES.search(statement)
        if found and (found["label"], found["property"]) not in existing[found["kind"]]:
            raise GraphUnavailable(
                f"The schema cannot be made: `{found['name']}` is the name of another constraint or index here, or was "
                f"dropped meanwhile, and {found['label']}.{found['property']} is left without its own. Rename or drop "
                "that one (SHOW CONSTRAINTS and SHOW INDEXES list them), and start again."
            )


async def _until_built(connection: MigratedConnection) -> None:
    """Wait for the indexes, by polling.

    `CALL db.awaitIndexes` holds a lock for which another replica's constraint waits, while it waits for the index of
    that constraint: two replicas that start at once would deadlock.
    """
    while (await connection.read(_BUILDING, {}))[0]["building"]:  # noqa: ASYNC110 (the server tells nobody)
        await asyncio.sleep(_POLL_SECONDS)
