"""What a commit did, as events: read off the rows that were really written, packed for the log, and unpacked.

What one statement did is kept by columns: `count`, and for each field of `model.event.Event` that any of its events
has, either one value for all of them or a list. Of a thousand claims most fields are the same, and a list of texts is
written in a tenth of the time that a thousand maps take. A moment is epoch milliseconds.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.event import Event
from remembrancer.model.timestamps import from_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from remembrancer.stores.commits.statement import Row

STREAMS: Final = 16
"""Enough that two writers seldom wait for each other's commit, few enough for a short cursor."""
_PACKED_FROM: Final = 2000
"""Characters: of a thousand events a tenth is left when they are packed; a few can be read in the graph as they are."""
_MOMENTS: Final = ("at", "next_run_at", "nominal_at", "last_nominal_at")


def columns_of(events: Callable[[Sequence[Row]], Row], written: Sequence[Row]) -> Row:
    """Return the events of these rows, of which there is at least one, as one set of columns."""
    columns: Row = {"count": len(written)}
    for field, values in events(written).items():
        if (kept := _squeezed(values)) is not None:
            columns[field] = kept
    return columns


def to_batch(sets: Sequence[Row]) -> Row:
    """Return the parameters that log the events of one commit, but for their stream."""
    text = json.dumps(sets, separators=(",", ":"))
    at = sets[-1]["at"]
    row: Row = {
        "count": sum(each["count"] for each in sets),
        "at_ms": at[-1] if isinstance(at, list) else at,
    }
    if len(text) < _PACKED_FROM:
        return {**row, "events": text}
    return {**row, "packed": base64.b64encode(zlib.compress(text.encode(), 1)).decode()}


def from_batch(node: Row) -> Iterator[Event]:
    """Yield the events of a batch, in order. Raises one of `records.FAULTS`: it makes no sense."""
    text = node.get("events") or _unpacked(node["packed"])
    for columns in cast("list[Row]", json.loads(text)):
        count: int = columns.pop("count")
        for place in range(count):
            fields: Row = {name: _one(each, place) for name, each in columns.items()}
            moments = {name: from_ms(fields[name]) for name in _MOMENTS if fields.get(name) is not None}
            yield Event.model_validate({**fields, **moments})


def _unpacked(packed: str) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(packed))
    except zlib.error as odd:
        raise ValueError(f"packed is no compressed text: {odd}") from odd


def _one(values: object, place: int) -> object:
    """Return the value of one event of a column."""
    return cast("list[object]", values)[place] if isinstance(values, list) else values


def _squeezed(values: object) -> object:
    """Return one value in place of a list of equal ones."""
    if not isinstance(values, list):
        return values
    column = cast("list[object]", values)
    return column[0] if column[0] == column[-1] and len(set(column)) == 1 else column


def log_row(counter_id: str, sets: Sequence[Row]) -> Row:
    """Return the parameters that log what a commit of this connection, or of this writer of it, did."""
    return {"stream": _stream_of(counter_id), **to_batch(sets)}


def _stream_of(counter_id: str) -> int:
    """Return whose stream it is: the writers of one connection have streams side by side."""
    connection, _, place = counter_id.partition(".")
    return (zlib.crc32(connection.encode()) + int(place or 0)) % STREAMS
