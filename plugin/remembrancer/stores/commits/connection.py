"""The connection to an engine: rows in, rows out."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.ports.graph_check import CheckStep, EngineRepair, Finding
    from remembrancer.stores.commits.pending_counts import PendingCounts
    from remembrancer.stores.commits.statement import Row, Statement


class GraphConnection(Protocol):
    """One open graph of one engine."""

    exclusive: bool
    folder: Path | None
    """The directory of an embedded graph."""
    counts: dict[str, float]
    """The lifetime counts of the commits of this connection."""
    pending_counts: PendingCounts
    """The counts that the next commit takes in addition to its own."""
    commit_sizes: deque[int]
    """The rows of each of the latest commits."""

    @property
    def connections(self) -> int:
        """The number of connections to the graph that are held: the most that were in use at once."""
        ...

    on_write: list[Callable[[], None]]
    """Called, on any thread, after each write: readers that wait for events listen here."""

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Answer a reading query."""
        ...

    async def ask(self, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a reading query that a user wrote, apart from all others, with values as `node_rows.plain` gives them.

        Raises InvalidInput: the query is at fault, or is more than the limits allow.
        """
        ...

    async def ask_apart(self, key: str, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a query as `ask` does, apart from those: neither ever waits for the other.

        Args:
            key: Of the one who asks. It is refused while its former query has not ended.
            text: The query.
            parameters: Their values.
            limits: The limits.
        """
        ...

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements in order, all or none; return each one's rows once they are durable.

        Raises UniqueKeyTaken or GraphUnavailable; in both cases nothing was written.
        """
        ...

    async def verify(self) -> None:
        """Check that the open graph is still the one in its directory. Raises GraphUnavailable."""
        ...

    async def missing_indexes(self) -> list[str]:
        """Return the properties whose index, or constraint, is missing or not built."""
        ...

    async def check_engine(self, watch: Callable[[CheckStep], None]) -> list[Finding]:
        """Return the faults that the engine finds in itself: its files, its indexes, its schema."""
        ...

    async def repair_engine(self, watch: Callable[[CheckStep], None]) -> EngineRepair:
        """Let the engine repair itself, and build missing indexes; return the repairs and the losses.

        Raises GraphUnavailable.
        """
        ...

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one time, into an empty directory. Raises GraphUnavailable."""
        ...

    async def warm_up(self, names: Sequence[str]) -> None:
        """Let the engine plan these queries, if it has not done so: the first caller of one then need not wait."""
        ...

    async def ensure_schema(self) -> None:
        """Declare the schema that the graph lacks, and mark it if it has no marker. Raises GraphUnavailable."""
        ...

    async def close(self) -> None:
        """Finish the writes under way and release the graph."""
        ...
