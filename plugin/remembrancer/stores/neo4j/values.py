"""Values to and from Neo4j: nodes become dicts, and times aware datetimes."""

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


_NATIVE: Final = frozenset({str, int, float, bool, type(None)})
"""The types of most values: they are checked first."""


def python_rows(records: Iterable[Record]) -> list[Row]:
    """Return the records as dicts of plain values."""
    return [_plain_map(record) for record in records]


def unpack_rows(record: Record, columns: Sequence[str]) -> list[Row]:
    """Return the rows that one record holds together."""
    rows = cast("list[list[object]]", record["rows"])
    return [dict(zip(columns, map(to_python, row), strict=True)) for row in rows]


def to_python(value: object) -> object:
    """Return a value without types of the driver."""
    if type(value) in _NATIVE:
        return value
    return _time(value) if isinstance(value, DateTime) else _other(value)


def _other(value: object) -> object:
    if isinstance(value, Date | Time | Duration):
        return value.iso_format()
    if isinstance(value, Entity | dict):
        return _plain_map(cast("dict[str, object]", value))
    if isinstance(value, Path):
        return [to_python(each) for each in _steps(value)]
    if isinstance(value, list | Point):
        return [to_python(each) for each in cast("list[object]", value)]
    return value


def encodable(write: Write) -> Write:
    """Return *write* with a ? for each unpaired surrogate, which the engine cannot store."""
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
    return {name: to_python(value) for name, value in items}


def _time(value: DateTime) -> datetime | str:
    """Return a time in UTC; one without a zone stays a text."""
    native = value.to_native()
    return value.iso_format() if native.tzinfo is None else native.astimezone(UTC)


def _steps(path: Path) -> list[object]:
    """Return the nodes and edges of a path, in turn."""
    steps: list[object] = [path.nodes[0]]
    for edge, node in zip(path.relationships, path.nodes[1:], strict=True):
        steps += [edge, node]
    return steps
