"""Repair of the embedded engine's links, counts and indexes, after its files were saved elsewhere."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.model.words import count_of
from remembrancer.ports.graph_check import CheckStep, EngineRepair
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.integrity.bucket_renewal import renew_broken_buckets
from remembrancer.stores.embedded.integrity.engine_check import keys_in_indexes, records_of
from remembrancer_schema.catalog import migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from remembrancer.stores.embedded.arcadedb import Database

_STEPS: Final = 3
_ROUNDS: Final = 6


def repair_database(database: Database, watch: Callable[[CheckStep], None]) -> EngineRepair:
    """Declare missing types and indexes, have the engine repair its records and links, and build all indexes.

    Records that the engine cannot decode are removed from the graph: the copy of its files still has them.
    """
    watch(CheckStep("schema", 0, _STEPS))
    before = keys_in_indexes(database)
    emptied = _renew_buckets(database)
    done = [f"The file of {name} was missing; it was replaced by an empty one." for name in emptied]
    refused = _declare(database)
    watch(CheckStep("engine", 1, _STEPS))
    done += _mend(database)
    if renewed := renew_broken_buckets(database):
        done += [*renewed, *_mend(database)]
    if refused:
        done += [f"A declaration failed: {each}" for each in _declare(database)]
    watch(CheckStep("index", 2, _STEPS))
    try:
        database.command("sql", "REBUILD INDEX *")
    except load_engine().ArcadeDBError as error:
        done.append(f"Not every index could be built: {error}")
    else:
        done.append("All indexes were built.")
    watch(CheckStep("index", _STEPS, _STEPS))
    left = {label: records_of(database, label) for label in before}
    lost = {label: before[label] - left[label] for label in before if before[label] > left[label]}
    return EngineRepair(done, {label: 0 for label in emptied if label in before} | lost)


def _renew_buckets(database: Database) -> list[str]:
    """Create a bucket for every type that has lost its own: a later insert would create one without an index."""
    types = database.query("sql", "SELECT `name`, `buckets` FROM schema:types", {}).to_list()
    emptied = sorted(row["name"] for row in types if not row["buckets"])
    for name in emptied:
        database.command("sql", f"CREATE BUCKET {name}_0")
        database.command("sql", f"ALTER TYPE {name} BUCKET +{name}_0")
    return emptied


def _declare(database: Database) -> list[str]:
    """Declare types and indexes again; an index that cannot be built yet does not stop the repair."""
    refused: list[str] = []
    for step in migrations("embedded"):
        for statement in step.statements:
            try:
                database.command("sql", statement)
            except load_engine().ArcadeDBError as error:
                refused.append(f"{statement.split(chr(10))[0][:80]}: {error}")
    return refused


def _mend(database: Database) -> list[str]:
    """Have the engine repair its findings, repeatedly while it finds more, or fails at a record."""
    fault, mended, removed = "", 0, 0
    for _ in range(_ROUNDS):
        (result,) = database.command("sql", "CHECK DATABASE").to_list()
        if not any(result.get(name) for name in ("totalWarnings", "totalErrors", "totalCorruptedRecords")):
            fault = ""
            break
        removed += _drop(database, result.get("undecodableRecords") or ())
        try:
            (result,) = database.command("sql", "CHECK DATABASE FIX").to_list()
        except load_engine().ArcadeDBError as error:
            fault = str(error)
            removed += _drop(database, result.get("corruptedRecords") or ())
        else:
            fault, mended = "", mended + (result.get("autoFix") or 0)
            removed += result.get("removedRecords") or 0
            if not result.get("autoFix") and not result.get("removedRecords"):
                removed += _drop(database, result.get("corruptedRecords") or ())
    done = [f"The engine repaired {count_of(mended, 'link or count', 'links and counts')}."] * bool(mended)
    done += [f"The engine removed {count_of(removed, 'record')} that it could not read, nodes or edges."] * bool(
        removed
    )
    return done + [f"The engine could not repair everything: {fault}"] * bool(fault)


def _drop(database: Database, records: Iterable[object]) -> int:
    """Delete records that the engine cannot repair, one by one; return their number."""
    dropped = 0
    for rid in records:
        with suppress(load_engine().ArcadeDBError), database.transaction():
            deleted = database.command("sql", f"DELETE FROM {rid}").to_list()  # noqa: S608 (the engine's own id)
            dropped += sum(row.get("count") or 0 for row in deleted)
    return dropped
