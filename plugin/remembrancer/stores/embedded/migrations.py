"""Migrations of an embedded graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.files.directory import translate_open_error
from remembrancer.stores.migrations import OpenMode, steps_ahead, version_mark
from remembrancer_schema.catalog import migrations, query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.embedded.arcadedb import Database


_EMBEDDED: Final = "embedded"


def upgrade_embedded(database: Database, folder: Path, use: OpenMode = OpenMode.SERVE) -> None:
    """Apply the missing migrations, in order. Raises a kind of GraphUnavailable."""
    try:
        for step in steps_ahead(migrations(_EMBEDDED), _standing(database), str(folder), use):
            with database.transaction():  # the engine writes the schema's file once, and not for each statement
                for statement in step.statements:
                    database.command("sql", statement)
            with database.transaction():
                database.command("opencypher", query("set_graph_version"), version_mark(step))
    except load_engine().ArcadeDBError as error:
        if use is not OpenMode.CHECK:  # a check reports a damaged mark or index, and continues
            raise translate_open_error(folder, str(error)) from error


def _standing(database: Database) -> Sequence[Row]:
    """Return the graph's version, and the source of a copy in progress; no row for a new graph."""
    if not database.schema.exists_type("remembrancer_graph"):
        return []
    return database.query("opencypher", query("graph_version"), {}).to_list()
