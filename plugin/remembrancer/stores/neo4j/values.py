"""Values to and from Neo4j: nodes become dicts, moments aware datetimes, as every store answers them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final, cast

from neo4j.graph import Entity, Path
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

from remembrancer.stores.commits.group_commit import Write
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from neo4j import Record

    from remembrancer.stores.commits.statement import Row


_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""Most values by far: asked for first."""


def plain_rows(records: Iterable[Record]) -> list[Row]:
    """Return the records as dicts of plain values."""
    return [_plain_map(record) for record in records]


def unpack_rows(record: Record, columns: Sequence[str]) -> list[Row]:
    """Return the rows that were gathered in one record."""
    rows = cast("list[list[object]]", record["rows"])
    return [dict(zip(columns, map(plain_value, row), strict=True)) for row in rows]


def plain_value(value: object) -> object:
    """Return one value without anything of the driver's own."""
    if type(value) in _PLAIN:
        return value
    return _plain_moment(value) if isinstance(value, DateTime) else _plain_thing(value)


def _plain_thing(value: object) -> object:
    if isinstance(value, Date | Time | Duration):
        return value.iso_format()
    if isinstance(value, Entity | dict):
        return _plain_map(cast("dict[str, object]", value))
    if isinstance(value, Path):
        return [plain_value(each) for each in _turns(value)]
    if isinstance(value, list | Point):
        return [plain_value(each) for each in cast("list[object]", value)]
    return value


def encodable(write: Write) -> Write:
    """Return *write* with a ? for each half of a character pair, which the engine does not keep."""
    statements = [
        Statement(each.name, [cast("Row", _encodable(row)) for row in each.rows]) for each in write.statements
    ]
    return Write(statements, write.answer)


def _encodable(value: object) -> object:
    if isinstance(value, dict):
        return {name: _encodable(each) for name, each in cast("Row", value).items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _plain_map(holder: Record | dict[str, object]) -> Row:
    items = cast("Iterable[tuple[str, object]]", holder.items())  # pyright: ignore[reportUnknownMemberType] (untyped)
    return {name: plain_value(value) for name, value in items}


def _plain_moment(value: DateTime) -> datetime | str:
    """Return a moment in UTC; without a zone it is none, and stays a text."""
    native = value.to_native()
    return value.iso_format() if native.tzinfo is None else native.astimezone(UTC)


def _turns(path: Path) -> list[object]:
    """Return the nodes and edges of a path, in turn."""
    turns: list[object] = [path.nodes[0]]
    for edge, node in zip(path.relationships, path.nodes[1:], strict=True):
        turns += [edge, node]
    return turns
