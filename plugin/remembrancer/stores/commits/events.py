"""The event codec: the events of one commit as a batch of the event log, and back.

The events of one statement are stored by columns: `count`, and for each field of `model.event.Event` that any of them
has, either one value for all of them or a list. Most fields of a thousand claims are equal, and a list of texts is
written in a tenth of the time that a thousand maps take. A time is epoch milliseconds.
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
"""The number of streams: enough that two writers seldom wait for each other, few enough for a short cursor."""
_PACKED_FROM: Final = 2000
"""Characters from which a batch is compressed, to about a tenth; smaller ones stay readable in the graph."""
_TIMES: Final = ("at", "next_run_at", "nominal_at", "last_nominal_at", "paused_until")


def columns_of(events: Callable[[Sequence[Row]], Row], written: Sequence[Row]) -> Row:
    """Return the events of these rows, of which there is at least one, as one set of columns."""
    columns: Row = {"count": len(written)}
    for field, values in events(written).items():
        if (kept := _squeezed(values)) is not None:
            columns[field] = kept
    return columns


def to_batch(columns: Sequence[Row]) -> Row:
    """Return the parameters that append the events of one commit, without their stream."""
    text = json.dumps(columns, separators=(",", ":"))
    at = columns[-1]["at"]
    row: Row = {
        "count": sum(each["count"] for each in columns),
        "at_ms": at[-1] if isinstance(at, list) else at,
    }
    if len(text) < _PACKED_FROM:
        return {**row, "events": text}
    return {**row, "events_compressed": base64.b64encode(zlib.compress(text.encode(), 1)).decode()}


def from_batch(node: Row) -> Iterator[Event]:
    """Yield the events of a batch, in order. Raises one of `readable_records.FAULTS` if it is unreadable."""
    text = node.get("events") or _unpacked(node["events_compressed"])
    for columns in cast("list[Row]", json.loads(text)):
        count: int = columns.pop("count")
        for place in range(count):
            fields: Row = {name: _one(each, place) for name, each in columns.items()}
            times = {name: from_ms(fields[name]) for name in _TIMES if fields.get(name) is not None}
            yield Event.model_validate({**fields, **times})


def _unpacked(packed: str) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(packed))
    except zlib.error as odd:
        raise ValueError(f"packed is no compressed text: {odd}") from odd


def _one(values: object, place: int) -> object:
    """Return the value that a column has for one event."""
    return cast("list[object]", values)[place] if isinstance(values, list) else values


def _squeezed(values: object) -> object:
    """Return one value in place of a list of equal ones."""
    if not isinstance(values, list):
        return values
    column = cast("list[object]", values)
    return column[0] if column[0] == column[-1] and len(set(column)) == 1 else column


def log_row(counter_id: str, columns: Sequence[Row]) -> Row:
    """Return the parameters that append the events of a commit of this writer."""
    return {"stream": _stream_of(counter_id), **to_batch(columns)}


def _stream_of(counter_id: str) -> int:
    """Return the stream of a writer: those of one connection have different ones."""
    connection, _, place = counter_id.partition(".")
    return (zlib.crc32(connection.encode()) + int(place or 0)) % STREAMS
