"""Errors of the embedded engine: their translation, retries, and its rows without its own keys."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, TypeVar, cast

from remembrancer.errors import DiskFull, GraphDamaged, GraphUnavailable, InvalidInput, RemembrancerError
from remembrancer.stores.commits.statement import Row, UniqueKeyTaken
from remembrancer.stores.cypher.tokens import EXAMPLE, READS_ONLY
from remembrancer.stores.disk_full import is_disk_full
from remembrancer.stores.embedded.arcadedb import load_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.query_limits import QueryLimits

_T = TypeVar("_T")
_TRIES: Final = 20
_KIND: Final = re.compile(r"\b(\w+(?:Exception|Error))\b")
_GRAPH_FAULTS: Final = (
    *("IsClosed", "IOException", "RecordNotFound", "ConcurrentModification", "LockException", "DatabaseOperation"),
    *("DatabaseMetadata", "NeedRetry", "TransactionException"),
)
"""Kinds of the engine's errors for which the graph is at fault, not the query."""
_TOO_LARGE: Final = ("queryMaxHeap", "queryMaxRangeSize")
_DAMAGED_PAGE: Final = ("PageCorruption", "Invalid position", "Cannot find record type")
"""The engine's messages for a write to a page with a malformed record."""
HALF_DONE: Final = ("RecordNotFoundException", "invalid content position")
"""Errors of a read during a commit: a record that only the index has yet, a page half written."""
_ENGINE_KEYS: Final = ("@rid", "@type", "@cat", "@in", "@out")


def retry_disturbed(work: Callable[[], _T], *passing: str) -> _T:
    """Do *work*, again while a commit of another thread disturbs it: the engine's error contains one of *passing*."""
    for left in reversed(range(_TRIES)):
        try:
            return work()
        except load_engine().ArcadeDBError as error:
            if left == 0 or not any(each in str(error) for each in passing):
                raise
            time.sleep(0.002)
    raise AssertionError("the last try either returns or raises")


def python_rows(rows: list[Row]) -> list[Row]:
    """Remove the engine's own keys from nodes, in place."""
    for row in rows:
        for value in row.values():
            if isinstance(value, dict):
                node = cast("Row", value)
                for key in _ENGINE_KEYS:
                    node.pop(key, None)
    return rows


def translate_read_error(fault: str) -> GraphUnavailable:
    """Return the error for a query of the catalogue: the graph is at fault."""
    return GraphUnavailable(f"The graph did not answer: {fault}")


def translate_query_error(text: str, fault: str, limits: QueryLimits) -> RemembrancerError:
    """Return the error for a user's query: the query is at fault, unless the engine's error is about the graph."""
    found = _KIND.search(fault)  # the first: the rest may quote the query
    kind = found[1] if found else ""
    if "NotIdempotent" in kind:
        return InvalidInput("query", text, READS_ONLY, EXAMPLE)
    if kind == "TimeoutException":
        return limits.too_long(text)
    if kind == "OutOfMemoryError" or any(word in fault for word in _TOO_LARGE):
        allowed = f"a query that holds less in memory at a time; the engine says: {fault[:500]}"
        return InvalidInput("query", text, allowed, EXAMPLE)
    if any(word in kind for word in _GRAPH_FAULTS) or (kind == "IndexException" and HALF_DONE[1] in fault):
        return GraphUnavailable(f"The graph did not answer: {fault}")
    return InvalidInput("query", text, f"Cypher that the engine can answer; it says: {fault[:500]}", EXAMPLE)


def translate_write_error(error: Exception) -> Exception:
    """Return the error for a write that was refused; nothing of it was written."""
    if isinstance(error, RemembrancerError):
        return error
    text = str(error)
    if "DuplicatedKeyException" in text:
        return UniqueKeyTaken(text)
    if is_disk_full(text):
        return DiskFull(f"The disk is full: nothing of this write was kept. Free some space and try again. ({text})")
    if any(each in text for each in _DAMAGED_PAGE):
        return GraphDamaged(
            f"The graph is damaged where this write goes, and nothing of it was kept: {text}. Stop every scheduler of "
            "it; `remembrancer check --repair` makes the best of what is left, or `remembrancer restore` a backup."
        )
    return GraphUnavailable(f"The graph refused the write, and nothing of it was kept: {text}")
