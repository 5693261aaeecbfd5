"""The contract for how a graph stands at a moment: a few bounded reads of what only the graph can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

MOST_COUNTED: Final = 10_000
"""How many due tasks are counted at most, and up to how many records are counted one by one."""


@dataclass(frozen=True, slots=True)
class GraphHealth:
    """How a graph stands."""

    due: int
    """Tasks that are due and not claimed, up to MOST_COUNTED."""
    oldest_due_ms: int | None
    """Since when the first of them has been due, epoch milliseconds."""
    leases: int
    overdue_leases: int
    """Leases that have run out, and whose executions nobody has taken over."""
    oldest_overdue_ms: int | None
    graph_now_ms: int | None
    """What the clock of the graph's own server says; None for a graph in this process."""
    disk_free: int | None
    """Bytes, where the graph's folder is; None for a graph on a server."""
    disk_size: int | None
    unreadable: int = 0
    """Records that this process could not read."""
    alive_ms: int | None = None
    """When a replica last gave a sign of life, epoch milliseconds; None where none has signed on."""
    exposure: str | None = None
    """Other users can enter the graph's folder, and what mends it; None where it is private, or on a server."""
    damage: str | None = None
    """What of the graph is missing, as far as a bounded look tells; None where nothing is."""


NOTHING: Final = GraphHealth(0, None, 0, 0, None, None, None, None)
"""Stands for the sounding of a graph that does not answer."""


class HealthProbe(Protocol):
    """Takes soundings of one graph."""

    async def sound(self, now: datetime) -> GraphHealth:
        """Return how the graph stands at *now*."""
        ...

    async def damage(self) -> str | None:
        """Return what of the graph is missing, in words, as far as a bounded look tells; None where nothing is."""
        ...

    async def refuse_void(self) -> None:
        """Log what is missing. Raises GraphDamaged: tasks were made, and none of them can be read."""
        ...

    async def refusal(self) -> str | None:
        """Return why the graph cannot be written, None if it can: learnt by a write that changes nothing."""
        ...

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one moment, into the empty folder *target*, while it is written to.

        Raises GraphUnavailable: the graph has no files here, or they cannot be copied.
        """
        ...
