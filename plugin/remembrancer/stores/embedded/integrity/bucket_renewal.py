"""Replacement of damaged buckets of the embedded engine by new ones with their readable records."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.model.words import count_of
from remembrancer.stores.embedded.arcadedb import load_engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.embedded.arcadedb import Database

_TRIED: Final = 20
"""Most damaged records of a bucket to try: one unreadable record is enough."""
_FIRST: Final = 1
_MOST_BUCKETS: Final = 100


def renew_broken_buckets(database: Database) -> list[str]:
    """Replace every bucket with unreadable records that the engine did not repair; return the actions.

    Readable records move into the new bucket, without their edges, which can be derived from the properties.
    """
    try:
        (result,) = database.command("sql", "CHECK DATABASE").to_list()
    except load_engine().ArcadeDBError:
        return []
    suspects = (*(result.get("corruptedRecords") or ()), *(result.get("undecodableRecords") or ()))
    broken = _broken(database, [str(rid) for rid in suspects])
    types = database.query("sql", "SELECT `name`, `type`, `buckets` FROM schema:types", {}).to_list()
    done: list[str] = []
    for row in types:
        for bucket in row["buckets"]:
            if bucket in broken:
                moved = _renew(database, row["name"], bucket, is_edge=row["type"] == "edge")
                of_it = count_of(moved, "record")
                done.append(f"A file of {row['name']} could not be read: it was replaced, with {of_it} of it.")
    return done


def _broken(database: Database, suspects: Iterable[str]) -> set[str]:
    """Return the names of the buckets of these records that cannot be read, as a whole or at one of them.

    The engine answers some unreadable records as absent when they are asked for by themselves, and stops at them in a
    scan, which is what the build of an index does.
    """
    found = database.query("sql", "SELECT `name`, `fileId` FROM schema:buckets", {}).to_list()
    names = {str(row["fileId"]): row["name"] for row in found}
    by_bucket: defaultdict[str, list[str]] = defaultdict(list)
    for rid in suspects:
        if name := names.get(rid.removeprefix("#").partition(":")[0]):
            by_bucket[name].append(rid)
    return {
        name
        for name, records in by_bucket.items()
        if not all(_can_read(database, target) for target in (f"bucket:{name}", *records[:_TRIED]))
    }


def _can_read(database: Database, target: str) -> bool:
    try:
        for row in cast("Any", database.query("sql", f"SELECT FROM {target}", {})):
            row.to_dict()
    except load_engine().ArcadeDBError:
        return False
    return True


def _renew(database: Database, label: str, bucket: str, *, is_edge: bool) -> int:
    """Replace one bucket; return the number of moved records."""
    kept = [] if is_edge else _readable(database, bucket)
    standing = {row["name"] for row in database.query("sql", "SELECT `name` FROM schema:buckets", {}).to_list()}
    name = next(each for number in range(_FIRST, _MOST_BUCKETS) if (each := f"{label}_{number}") not in standing)
    for statement in (
        f"CREATE BUCKET {name}",
        f"ALTER TYPE {label} BUCKET +{name}",
        f"ALTER TYPE {label} BUCKET -{bucket}",
        f"DROP BUCKET {bucket}",
    ):
        database.command("sql", statement)
    moved = 0
    for node in kept:
        with suppress(load_engine().ArcadeDBError), database.transaction():
            database.command("opencypher", f"CREATE (n:{label}) SET n = $node RETURN 1 AS made", {"node": node})
            moved += 1
    return moved


def _readable(database: Database, bucket: str) -> list[Row]:
    rows: list[Row] = []
    with suppress(load_engine().ArcadeDBError):  # records before the one that ends the scan are kept
        rows.extend(each.to_dict() for each in cast("Any", database.query("sql", f"SELECT FROM bucket:{bucket}", {})))
    return [{name: value for name, value in row.items() if not name.startswith("@")} for row in rows]
