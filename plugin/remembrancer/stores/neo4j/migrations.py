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


class MigratedSession(Protocol):
    """A session that a migration runs on."""

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Run a reading query."""
        ...

    async def run_again_and_again(self, text: LiteralString, parameters: Row, *, seconds: float | None = None) -> None:
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
_LOOK_SECONDS: Final = 0.05
_BUILD_SECONDS: Final = 600.0
"""A constraint on a graph that is full already takes its time."""
_OLDEST: Final = (5, 26)
_AGENT: Final = re.compile(r"Neo4j/(\d+)\.(\d+)")


async def upgrade_neo4j(session: MigratedSession, shown: str, use: OpenMode = OpenMode.WORK) -> None:
    """Apply what the graph has not seen yet, in order; two replicas may do so at once. Raises GraphUnavailable."""
    found = await session.read(query("graph_version"), {})
    for step in steps_ahead(migrations(_NEO4J), found, shown, use):
        try:
            await _apply(session, step)
        except GraphAccessDenied as refused:
            raise GraphAccessDenied(
                f"{refused} The graph's schema is to be made or renewed: let somebody who may do that run what "
                "`remembrancer schema` prints, and start again."
            ) from refused


def neo4j_schema() -> list[str]:
    """Return the statements that make the whole schema on Neo4j, the mark of its version last; each may be repeated."""
    steps = migrations(_NEO4J)
    mark = query("set_graph_version").replace("$version", str(steps[-1].version)).replace("$graph_id", "randomUUID()")
    return [*(" ".join(statement.split()) for step in steps for statement in step.statements), mark]


def refuse_old_server(agent: str, shown: str) -> None:
    """Refuse a server that lacks what our queries need, before anything is written. Raises ServerTooOld.

    Args:
        agent: What the server calls itself; one that is no Neo4j is taken at its word that it speaks as one.
        shown: The graph, for the message.
    """
    found = _AGENT.match(agent)
    if found and (int(found[1]), int(found[2])) < _OLDEST:
        raise ServerTooOld(
            f"The server {shown} is {agent}, and this remembrancer needs Neo4j {_OLDEST[0]}.{_OLDEST[1]} or newer: "
            "older ones do not understand its queries. Upgrade the server; nothing was written."
        )


async def _apply(session: MigratedSession, step: Migration) -> None:
    for statement in step.statements:
        await session.run_again_and_again(statement, {}, seconds=_BUILD_SECONDS)
    await _until_built(session)
    await _check_declared(session, step)
    await session.run_again_and_again(query("set_graph_version"), version_mark(step))


async def declare_again(session: MigratedSession) -> None:
    """Make the constraints and indexes that are not there. Raises GraphUnavailable."""
    for step in migrations(_NEO4J):
        await _apply(session, step)


async def undeclared(session: MigratedSession) -> list[tuple[str, str, str]]:
    """Return the constraints and indexes that are not there, or not online: which it is, its label, its property."""
    standing = await _declared(session)
    texts = [text for step in migrations(_NEO4J) for text in step.statements]
    declared = [
        (found["kind"], found["label"], found["property"]) for text in texts if (found := _DECLARES.search(text))
    ]
    return [(kind, label, name) for kind, label, name in declared if (label, name) not in standing[kind]]


async def _declared(session: MigratedSession) -> Mapping[str, set[tuple[str, ...]]]:
    unique, indexed = await session.read(_UNIQUE, {}), await session.read(_INDEXED, {})
    return {
        kind: {(*row["labelsOrTypes"], *row["properties"]) for row in found}
        for kind, found in (("CONSTRAINT", unique), ("INDEX", indexed))
    }


async def _check_declared(session: MigratedSession, step: Migration) -> None:
    """Look whether all is there: a server says nothing when another constraint or index has a name of ours."""
    standing = await _declared(session)
    for statement in step.statements:
        found = _DECLARES.search(statement)
        if found and (found["label"], found["property"]) not in standing[found["kind"]]:
            raise GraphUnavailable(
                f"The schema cannot be made: `{found['name']}` is the name of another constraint or index here, or was "
                f"dropped meanwhile, and {found['label']}.{found['property']} is left without its own. Rename or drop "
                "that one (SHOW CONSTRAINTS and SHOW INDEXES list them), and start again."
            )


async def _until_built(session: MigratedSession) -> None:
    """Wait for the indexes, by looking.

    `CALL db.awaitIndexes` would hold the very lock that another replica's constraint waits for, while it waits for
    that constraint's index: two that start at once would stand still.
    """
    while (await session.read(_BUILDING, {}))[0]["building"]:  # noqa: ASYNC110 (the server tells nobody)
        await asyncio.sleep(_LOOK_SECONDS)
