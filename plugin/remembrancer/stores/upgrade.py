"""Bring a graph's schema up to this version, and refuse one that is ahead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from remembrancer.errors import GraphTooNew
from remembrancer.stores.engine import load_engine
from remembrancer.stores.folder import meaning
from remembrancer_schema.catalog import Migration, migrations, query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from remembrancer.stores.engine import Database
    from remembrancer.stores.neo4j import Neo4jSession
    from remembrancer.stores.session import Row

_AWAIT_INDEXES: Final = "CALL db.awaitIndexes(600)"


def upgrade_embedded(database: Database, folder: Path) -> None:
    """Apply what the graph has not seen yet, in order. Raises GraphTooNew, GraphFull, GraphUnavailable."""
    try:
        _upgrade(database, folder)
    except load_engine().ArcadeDBError as error:
        raise meaning(folder, str(error)) from error


async def upgrade_neo4j(session: Neo4jSession, shown: str) -> None:
    """Apply what the graph has not seen yet, in order; two replicas may do so at once. Raises GraphUnavailable."""
    found = await session.read(query("graph_version"), {})
    version = found[0]["version"] if found else 0
    for step in _ahead(migrations("neo4j"), version, shown):
        for statement in step.statements:
            await session.run_again_and_again(statement, {})
        await session.run_again_and_again(_AWAIT_INDEXES, {})
        await session.run_again_and_again(query("set_graph_version"), _mark(step))


def _upgrade(database: Database, folder: Path) -> None:
    for step in _ahead(migrations("embedded"), _version(database), str(folder)):
        for statement in step.statements:
            database.command("sql", statement)
        with database.transaction():
            database.command("opencypher", query("set_graph_version"), _mark(step))


def _mark(step: Migration) -> Row:
    """Return the parameters that mark a graph; the id is for one that has none yet."""
    return {"version": step.version, "graph_id": uuid4().hex}


def _ahead(steps: Sequence[Migration], version: int, shown: str) -> Sequence[Migration]:
    """Return the steps that a graph of *version* has not seen. Raises GraphTooNew."""
    if version > steps[-1].version:
        raise GraphTooNew(
            f"The graph {shown} has schema version {version}; this remembrancer knows up to {steps[-1].version}. "
            "Install a newer remembrancer; nothing was changed."
        )
    return [step for step in steps if step.version > version]


def _version(database: Database) -> int:
    """Return the schema version of the graph; 0 for a new one."""
    if not database.schema.exists_type("remembrancer_graph"):
        return 0
    rows = database.query("opencypher", query("graph_version"), {}).to_list()
    return rows[0]["version"] if rows else 0
