"""The embedded engine's own check, and its indexes compared with their records."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from remembrancer.ports.graph_check import DERIVED, NAMED, CheckStep, Finding
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer_schema.catalog import migrations
from remembrancer_schema.kinds import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.embedded.arcadedb import Database

_DECLARED: Final = re.compile(r"CREATE INDEX IF NOT EXISTS ON (?P<label>\w+) \((?P<property>\w+)\)")
_LOST: Final = {
    "totalCorruptedRecords": "records are damaged",
    "totalUndecodableRecords": "records cannot be decoded",
    "totalErrors": "pages are damaged",
}
_BROKEN: Final = {
    "invalidLinks": "links lead nowhere",
    "missingReferenceBack": "edges are not linked from both ends",
    "edgesMissingOutReference": "edges are missing where they begin",
    "edgesMissingInReference": "edges are missing where they end",
    "staleRecordCounters": "counts of records are wrong",
    "crossLinkedChunks": "chunks belong to two records",
    "danglingPlaceholderPointers": "pointers lead to no record",
    "unreachableEdgeRecords": "edges are linked from no end",
    "totalConstraintViolations": "records violate the schema",
}
_MASK: Final = (1 << 64) - 1


def check_database(database: Database, watch: Callable[[CheckStep], None]) -> list[Finding]:
    """Return the engine's findings on its files, and the differences between indexes and records."""
    findings = _own_check(database)
    declared, missing = declared_indexes(), missing_indexes(database)
    for place, (label, name) in enumerate(declared, 1):
        watch(CheckStep("index", place, len(declared)))
        if f"{label}.{name}" in missing:
            findings.append(Finding("index", f"The index of {label}.{name} is missing.", loss=False))
        elif found := _compare(database, label, name):
            findings.append(found)
    return findings


@cache
def declared_indexes() -> list[tuple[str, str]]:
    """Return the label and the property of every index of a graph."""
    texts = [text for step in migrations("embedded") for text in step.statements]
    return [(found["label"], found["property"]) for text in texts if (found := _DECLARED.search(text))]


def missing_indexes(database: Database) -> list[str]:
    """Return the properties whose index is missing."""
    standing = {row["name"] for row in database.query("sql", "SELECT `name` FROM schema:indexes", {}).to_list()}
    return [f"{label}.{name}" for label, name in declared_indexes() if f"{label}[{name}]" not in standing]


def keys_in_indexes(database: Database) -> dict[str, int]:
    """Return the number of records of each label in the index of its key; None for an unreadable index."""
    labels = [label for label in KEYS if label not in DERIVED]
    return {label: _size(database, f"INDEX:`{label}[{KEYS[label]}]`") for label in labels}


def records_of(database: Database, label: str) -> int:
    """Return the number of readable records of a label, read one by one."""
    return _size(database, f"{label} WHERE @rid IS NOT NULL")  # without a condition, the engine uses its own counts


def _size(database: Database, source: str) -> int:
    try:
        (row,) = database.query("sql", f"SELECT count(*) AS size FROM {source}", {}).to_list()  # noqa: S608 (ours)
    except load_engine().ArcadeDBError:
        return 0
    return row["size"]


def _own_check(database: Database) -> list[Finding]:
    (result,) = database.command("sql", "CHECK DATABASE").to_list()
    lost, broken = _in_words(result, _LOST), _in_words(result, _BROKEN)
    if result.get("corruptedIndexes"):
        broken.append(f"{len(result['corruptedIndexes'])} indexes are damaged")
    if not lost and not broken:
        return []
    examples = sorted(str(warning) for warning in result.get("warnings") or ())[:NAMED]
    return [Finding("engine", f"The engine finds that {', '.join(lost + broken)}.", bool(lost), examples)]


def _in_words(result: Row, words: dict[str, str]) -> list[str]:
    return [f"{result[name]:,} {words[name]}" for name in words if result.get(name)]


def _compare(database: Database, label: str, name: str) -> Finding | None:
    """Return the fault of an index: every record has one entry, under its value, and there are no others."""
    try:
        rows = database.query("sql", f"SELECT @rid AS r, `{name}` AS k FROM {label}", {})  # noqa: S608 (names of ours)
        records = _digest((row.get("r"), row.get("k")) for row in rows)
    except load_engine().ArcadeDBError as error:
        return Finding("record", f"Records labelled {label} cannot be read: {error}", loss=True)
    try:
        rows = database.query("sql", f"SELECT FROM INDEX:`{label}[{name}]`", {})
        entries = _digest((row.get("rid"), row.get("key")[0]) for row in rows)
    except load_engine().ArcadeDBError as error:
        return Finding("index", f"The index of {label}.{name} cannot be read: {error}", loss=False)
    if records == entries:
        return None
    saw = f"The index of {label}.{name} has {entries[0]:,} entries for {records[0]:,} records"
    return Finding("index", saw + (", which differ." if entries[0] == records[0] else "."), loss=False)


def _digest(pairs: Iterable[tuple[object, object]]) -> tuple[int, int]:
    """Return the number of pairs with a value, and an order-independent checksum of them."""
    count = total = 0
    for rid, value in pairs:
        if value is not None:
            count += 1
            total = (total + hash((str(rid), str(value)))) & _MASK
    return count, total
