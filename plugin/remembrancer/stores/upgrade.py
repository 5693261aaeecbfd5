"""Bring a graph's schema up to this version, and refuse one that is ahead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import GraphTooNew
from remembrancer.stores.engine import load_engine
from remembrancer.stores.folder import meaning
from remembrancer_schema.catalog import migrations, query

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.stores.engine import Database


def upgrade_embedded(database: Database, folder: Path) -> None:
    """Apply what the graph has not seen yet, in order. Raises GraphTooNew, GraphFull, GraphUnavailable."""
    try:
        _upgrade(database, folder)
    except load_engine().ArcadeDBError as error:
        raise meaning(folder, str(error)) from error


def _upgrade(database: Database, folder: Path) -> None:
    steps = migrations("embedded")
    version = _version(database)
    if version > steps[-1].version:
        raise GraphTooNew(
            f"The graph {folder} has schema version {version}; this remembrancer knows up to {steps[-1].version}. "
            "Install a newer remembrancer; nothing was changed."
        )
    for step in steps:
        if step.version <= version:
            continue
        for statement in step.statements:
            database.command("sql", statement)
        with database.transaction():
            database.command("opencypher", query("set_graph_version"), {"version": step.version})


def _version(database: Database) -> int:
    """Return the schema version of the graph; 0 for a new one."""
    if not database.schema.exists_type("remembrancer_graph"):
        return 0
    rows = database.query("opencypher", query("graph_version"), {}).to_list()
    return rows[0]["version"] if rows else 0
