"""The two-method door to an engine: run a read, run a write; rows in, rows out."""

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
    """Where an embedded graph lies."""
    counts: dict[str, float]
    """What the commits of this session counted so far."""
    notes: PendingCounts
    """What the next commit shall count beside its own."""
    commits: deque[int]
    """How many rows each of the latest commits wrote."""

    @property
    def connections(self) -> int:
        """How many connections to the graph are held: as many as were ever in use at once."""
        ...

    on_write: list[Callable[[], None]]
    """What to call, on any thread, after each write: who waits for events listens here."""

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Answer a reading query."""
        ...

    async def ask(self, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a reading query of a user's own, apart from all else: with values as `rows.plain` gives them.

        Raises InvalidInput: the query is at fault, or is more than the limits allow.
        """
        ...

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements in order, all or none; return each one's rows once they are durable.

        Raises UniqueKeyTaken or GraphUnavailable; in both cases nothing was written.
        """
        ...

    async def verify(self) -> None:
        """Check that the open graph is still the one in its folder. Raises GraphUnavailable."""
        ...

    async def missing_indexes(self) -> list[str]:
        """Return the properties whose index, or constraint, is not there or not built."""
        ...

    async def check_engine(self, watch: Callable[[CheckStep], None]) -> list[Finding]:
        """Return what the engine finds wrong with itself: its files, its indexes, what it was told to declare."""
        ...

    async def repair_engine(self, watch: Callable[[CheckStep], None]) -> EngineRepair:
        """Have the engine mend itself, and declare and build what is missing; return what was done, and is lost.

        Raises GraphUnavailable.
        """
        ...

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one moment, into an empty folder. Raises GraphUnavailable."""
        ...

    async def prepare(self, names: Sequence[str]) -> None:
        """Let the engine plan these queries, if it plans and has not done so: whoever runs one then need not wait."""
        ...

    async def renew_schema(self) -> None:
        """Declare what the graph lacks, and mark it if it has no marker. Raises GraphUnavailable."""
        ...

    async def close(self) -> None:
        """Finish the writes under way and let the graph go."""
        ...
