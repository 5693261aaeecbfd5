"""Nodes that users know by name, with a version: added, replaced and removed, each with its audit entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from remembrancer.stores.commits.statement import Statement, UniqueKeyTaken
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords


class Named(Protocol):
    """A value with a name and a version."""

    @property
    def name(self) -> str:
        """The name, which it alone has."""
        ...

    @property
    def version(self) -> object:
        """The version of its content."""
        ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class NamedKind(Generic[N]):
    """One kind of such nodes: its queries, and its values as nodes and in the audit log."""

    row: str
    """The field of a row that holds the properties of the node."""
    create: str
    replace: str
    delete: str
    all: str
    by_name: str
    properties: Callable[[N], Row]
    """The properties of the node, but for the time when it was first defined."""
    audited: Callable[[N], str]
    """Its summary for the audit log, as JSON."""
    read: Callable[[Row], N]


class NamedNodes(Generic[N]):
    """The nodes of one kind in one graph.

    Args:
        connection: An open graph.
        records: Reads its nodes.
        kind: The kind.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords, kind: NamedKind[N]) -> None:
        self._connection = connection
        self._records = records
        self._kind = kind

    async def add(self, value: N, change: Change) -> bool:
        """Store a value; return False if its name is taken."""
        kind = self._kind
        row: Row = {**change_row(None, change), kind.row: kind.properties(value), "after": kind.audited(value)}
        try:
            await self._connection.write([Statement(kind.create, [row])])
        except UniqueKeyTaken:
            return False
        return True

    async def replace(self, before: N, after: N, change: Change) -> bool:
        """Give a value other content, if it has the version of *before*; return whether it had."""
        kind = self._kind
        row: Row = {"name": before.name, "version_before": before.version, **change_row(None, change)}
        row |= {kind.row: kind.properties(after), "before": kind.audited(before), "after": kind.audited(after)}
        answers = await self._connection.write([Statement(kind.replace, [row])])
        return bool(answers[0])

    async def remove(self, value: N, change: Change) -> bool:
        """Remove a value; return whether this call did it."""
        row: Row = {"name": value.name, **change_row(None, change), "before": self._kind.audited(value)}
        answers = await self._connection.write([Statement(self._kind.delete, [row])])
        return bool(answers[0])

    async def all(self) -> Sequence[N]:
        """Return every value, by name."""
        return self._read(await self._connection.read(query(self._kind.all), {}))

    async def named(self, names: Sequence[str]) -> Mapping[str, N]:
        """Return those of *names* that there are."""
        found = self._read(await self._connection.read(query(self._kind.by_name), {"names": list(names)}))
        return {each.name: each for each in found}

    def _read(self, found: Sequence[Row]) -> list[N]:
        return self._records.read("name", self._kind.read, [row["k"] for row in found])
