"""Bring a graph's schema up to this version, and refuse one that is ahead of it."""

from __future__ import annotations

import asyncio
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from remembrancer.errors import (
    GraphForbidden,
    GraphMissing,
    GraphTooNew,
    GraphTooOld,
    GraphUnavailable,
    GraphUnfinished,
    ServerTooOld,
)
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.directory import meaning
from remembrancer_schema.catalog import Migration, migrations, query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from remembrancer.stores.commits.connection import Row
    from remembrancer.stores.embedded.arcadedb import Database
    from remembrancer.stores.neo4j.connection import Neo4jSession

_EMBEDDED: Final = "embedded"
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


class Use(Enum):
    """What a graph is opened for."""

    WORK = auto()
    BE_READ = auto()
    """By a copy: nothing of it may change, its schema neither."""
    BE_LOOKED_AT = auto()
    """By people, read-only: a part of it may be missing."""
    BE_CHECKED = auto()
    """By a check: nothing of it may change, and a part of it may be missing."""
    BE_WRITTEN = auto()
    """By a copy, which may have been broken off before."""


def upgrade_embedded(database: Database, folder: Path, use: Use = Use.WORK) -> None:
    """Apply what the graph has not seen yet, in order. Raises GraphUnavailable in one of its forms."""
    try:
        for step in _ahead(migrations(_EMBEDDED), _standing(database), str(folder), use):
            for statement in step.statements:
                database.command("sql", statement)
            with database.transaction():
                database.command("opencypher", query("set_graph_version"), _mark(step))
    except load_engine().ArcadeDBError as error:
        raise meaning(folder, str(error)) from error


async def upgrade_neo4j(session: Neo4jSession, shown: str, use: Use = Use.WORK) -> None:
    """Apply what the graph has not seen yet, in order; two replicas may do so at once. Raises GraphUnavailable."""
    found = await session.read(query("graph_version"), {})
    for step in _ahead(migrations(_NEO4J), found, shown, use):
        try:
            await _apply(session, step)
        except GraphForbidden as refused:
            raise GraphForbidden(
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


async def _apply(session: Neo4jSession, step: Migration) -> None:
    for statement in step.statements:
        await session.run_again_and_again(statement, {}, seconds=_BUILD_SECONDS)
    await _until_built(session)
    await _check_declared(session, step)
    await session.run_again_and_again(query("set_graph_version"), _mark(step))


async def declare_again(session: Neo4jSession) -> None:
    """Make the constraints and indexes that are not there. Raises GraphUnavailable."""
    for step in migrations(_NEO4J):
        await _apply(session, step)


async def undeclared(session: Neo4jSession) -> list[tuple[str, str, str]]:
    """Return the constraints and indexes that are not there, or not online: which it is, its label, its property."""
    standing = await _declared(session)
    texts = [text for step in migrations(_NEO4J) for text in step.statements]
    declared = [
        (found["kind"], found["label"], found["property"]) for text in texts if (found := _DECLARES.search(text))
    ]
    return [(kind, label, name) for kind, label, name in declared if (label, name) not in standing[kind]]


async def _declared(session: Neo4jSession) -> Mapping[str, set[tuple[str, ...]]]:
    unique, indexed = await session.read(_UNIQUE, {}), await session.read(_INDEXED, {})
    return {
        kind: {(*row["labelsOrTypes"], *row["properties"]) for row in found}
        for kind, found in (("CONSTRAINT", unique), ("INDEX", indexed))
    }


async def _check_declared(session: Neo4jSession, step: Migration) -> None:
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


def _mark(step: Migration) -> Row:
    """Return the parameters that mark a graph; the id is for one that has none yet."""
    return {"version": step.version, "graph_id": uuid4().hex}


async def _until_built(session: Neo4jSession) -> None:
    """Wait for the indexes, by looking.

    `CALL db.awaitIndexes` would hold the very lock that another replica's constraint waits for, while it waits for
    that constraint's index: two that start at once would stand still.
    """
    while (await session.read(_BUILDING, {}))[0]["building"]:  # noqa: ASYNC110 (the server tells nobody)
        await asyncio.sleep(_LOOK_SECONDS)


def _ahead(steps: Sequence[Migration], found: Sequence[Row], shown: str, use: Use) -> Sequence[Migration]:
    """Return the steps that a graph, standing as *found*, has not seen. Raises what is against its *use*."""
    version = found[0]["version"] if found else 0
    newest = steps[-1].version
    if version > newest:
        raise GraphTooNew(
            f"The graph {shown} has schema version {version}; this remembrancer knows up to {newest}. "
            "Install a newer remembrancer; nothing was changed."
        )
    if (
        use not in {Use.BE_WRITTEN, Use.BE_LOOKED_AT, Use.BE_CHECKED}
        and found
        and (copying := found[0]["copying_from"])
    ):
        raise GraphUnfinished(
            f"A copy of {copying} into the graph {shown} was broken off, or is under way: a part of it is missing. "
            f"`remembrancer copy` with the same two graphs goes on with it."
        )
    if use is Use.BE_CHECKED and version == 0:
        return ()
    to_read = use in {Use.BE_READ, Use.BE_LOOKED_AT, Use.BE_CHECKED}
    if to_read and version == 0:
        raise GraphMissing(f"There is no graph {shown}: nothing of a schedule is kept there.")
    if to_read and version < newest:
        raise GraphTooOld(
            f"The graph {shown} has schema version {version}, and this remembrancer needs {newest}. "
            "What is only read is not changed: open it once, with `remembrancer status`, to renew it."
        )
    return [step for step in steps if step.version > version]


def _standing(database: Database) -> Sequence[Row]:
    """Return the graph's version and what is copied into it; no row for a new one."""
    if not database.schema.exists_type("remembrancer_graph"):
        return []
    return database.query("opencypher", query("graph_version"), {}).to_list()
