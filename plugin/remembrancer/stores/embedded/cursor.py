"""A cursor over an answer of the embedded engine: an answer that is too large is never wholly in memory."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.stores.embedded.arcadedb import load_engine

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.embedded.arcadedb import Database

Batch = tuple[list["Row"], int]
"""Rows, and their size as JSON in bytes."""
_MOST_ROWS: Final = 1000
_BATCH_BYTES: Final = 1024 * 1024
_SMALL: Final = 100
_CURSOR: Final = re.compile(r'"rs":(\d+)')
_HEAD: Final = 64
"""The characters within which a reply names its cursor."""
_READ: Final = 0
"""The binding's flag for a statement that only reads."""


def batches(database: Database, text: str, parameters: Row, most_bytes: int) -> Generator[Batch]:
    """Yield the answer to a reading query batch by batch; if it is closed early, the rest is not computed.

    A batch of more than *most_bytes* is not decoded: it is yielded without rows, as the last one.
    """
    binding = sys.modules.get("arcadedb._native.lib")
    if binding is None:  # the JVM's build
        return _of_any(database, text, parameters)
    return _of_native(cast("Any", binding), cast("Any", database), (text, parameters), most_bytes)


def _of_native(binding: Any, database: Any, asked: tuple[str, Row], most_bytes: int) -> Generator[Batch]:
    """Read by the binding's own calls: its cursor reads 256 rows first, however large they are, and then 2,048."""
    codec = cast("Any", import_module("arcadedb._native.codec"))
    database._check_not_closed()  # noqa: SLF001
    text, given = binding.b(asked[0]), binding.b(codec.encode_params((asked[1],)))
    sent, _ = binding.call_bin("arcadedb_n_exec", database._h, _READ, b"opencypher", text, given, 1)  # noqa: SLF001
    wanted, cursor = 1, 0
    try:
        while True:
            cursor = _cursor_of(sent)
            if len(sent) > most_bytes:
                yield [], len(sent)
                return
            reply = _checked(codec.loads(sent))
            if reply["rows"]:
                yield reply["rows"], len(sent)
            _checked(reply.get("rerr") or {"ok": True})
            if reply["drained"]:
                return
            each = max(1, len(sent) // max(1, len(reply["rows"])))
            wanted = max(1, min(2 * wanted, _MOST_ROWS, _BATCH_BYTES // each))
            sent = binding.call("arcadedb_n_next", cursor, wanted)
    finally:
        if cursor:
            binding.call("arcadedb_n_rs_close", cursor)


def _cursor_of(sent: str) -> int:
    """Return the number of the cursor that a reply leaves open; 0 if there is none."""
    found = _CURSOR.search(sent, 0, _HEAD)
    return int(found[1]) if found else 0


def _checked(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a reply that is no error. Raises the engine's error."""
    if not reply.get("ok"):
        raise load_engine().ArcadeDBError(f"{reply.get('cls')}: {reply.get('error')}")
    return reply


def _of_any(database: Database, text: str, parameters: Row) -> Generator[Batch]:
    """Read by the calls that every build has."""
    found: Iterator[Any] = iter(cast("Any", database.query("opencypher", text, parameters)))
    while rows := [cast("Row", each.to_dict()) for each in islice(found, _SMALL)]:
        yield rows, len(json.dumps(rows, default=str))
