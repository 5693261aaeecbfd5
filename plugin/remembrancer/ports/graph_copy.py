"""The contract for moving a whole graph from one engine to another, page by page.

Laws: a page is read in the order of its keys, and every node and edge of ours is in exactly one page of one part.
What `put` acknowledges is durable, together with the mark that says how far the copy is; putting a page again changes
nothing. Nothing that is not ours is read, changed or deleted.
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
    """Of a node its key; of an edge `source`, the key of the node that it goes out from."""


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """Some of a part: a node by its properties, an edge by `source`, `target` (keys) and `properties`."""

    rows: Sequence[Mapping[str, object]]
    walked: int
    """How many nodes were looked at: some have no such edge."""
    after: str | None
    """Where the next page begins; None for the last."""


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """What a graph says of the copy that makes it, or has made it."""

    source: str
    whole: bool
    part: str | None = None
    after: str | None = None


class CopyEndpoint(Protocol):
    """Everything of ours in one graph."""

    name: str
    """How people name it, without secrets."""
    parts: Sequence[Segment]
    """In the order in which they can be written."""

    async def served_by(self) -> Sequence[str]:
        """Return the schedulers that work on a shared graph just now, as people name them."""
        ...

    async def size(self, part: Segment) -> int:
        """Return how many nodes a walk through *part* looks at."""
        ...

    async def page(self, part: Segment, after: str) -> SegmentPage:
        """Return the page of *part* behind the key *after*; the text '' is before all."""
        ...

    async def put(self, part: Segment, page: SegmentPage, source: str) -> None:
        """Keep a page of the graph called *source*, and mark how far the copy is."""
        ...

    async def finish(self, change: Change) -> None:
        """Mark the copy as whole, and say who made it."""
        ...

    async def mark(self) -> CopyProgress | None:
        """Return the mark of the copy that makes this graph, or has made it."""
        ...

    async def foreign(self, part: Segment, keys: Sequence[str]) -> frozenset[str]:
        """Return those of *keys* under which somebody else's node stands here: it is linked to, and never written."""
        ...

    async def close(self) -> None:
        """Let the graph go."""
        ...
