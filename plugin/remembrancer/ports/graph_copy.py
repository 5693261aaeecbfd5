"""The copy port: a whole graph, read or written page by page.

Laws: a page is read in the order of its keys, and every node and edge of remembrancer is in exactly one page of one
segment. A page that `write` has returned is durable, together with the progress of the copy; writing a page again
changes nothing. Nodes and edges of others are not read, changed or deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.ports.writes import Change


@dataclass(frozen=True, slots=True)
class Segment:
    """The nodes of one label, or the edges of one type."""

    name: str
    key: str
    """Of nodes the property that is their key; of edges `source`, the key of the node that they leave."""


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """Some rows of a segment: a node by its properties, an edge by `source`, `target` (keys) and `properties`."""

    rows: Sequence[Mapping[str, object]]
    walked: int
    """The number of nodes that were read: some have no such edge."""
    after: str | None
    """The key after which the next page begins; None for the last page."""


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """The mark of the copy that writes this graph, or has written it."""

    source: str
    whole: bool
    part: str | None = None
    after: str | None = None


class CopyEndpoint(Protocol):
    """All nodes and edges of remembrancer in one graph."""

    name: str
    """The name of the graph in messages, without secrets."""
    segments: Sequence[Segment]
    """In the order in which they can be written."""

    async def active_replicas(self) -> Sequence[str]:
        """Return the schedulers that work on a shared graph at present, as messages name them."""
        ...

    async def size(self, segment: Segment) -> int:
        """Return how many nodes reading *segment* takes."""
        ...

    async def page(self, segment: Segment, after: str) -> SegmentPage:
        """Return the page of *segment* after the key *after*; the empty text is before all keys."""
        ...

    async def write(self, segment: Segment, page: SegmentPage, source: str) -> None:
        """Write a page of the graph called *source*, and the progress of the copy."""
        ...

    async def halt(self) -> Mapping[str, object]:
        """Return the record of the graph's last halt, as it is stored."""
        ...

    async def complete(self, change: Change, halt: Mapping[str, object]) -> None:
        """Mark the copy as whole, with the *halt* of its source and an entry of the audit log."""
        ...

    async def progress(self) -> CopyProgress | None:
        """Return the mark of the copy that writes this graph, or has written it."""
        ...

    async def foreign_keys(self, segment: Segment, keys: Sequence[str]) -> frozenset[str]:
        """Return those of *keys* whose node here belongs to others: a copy links to it, and never writes it."""
        ...

    async def close(self) -> None:
        """Release the graph."""
        ...
