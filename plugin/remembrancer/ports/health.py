"""The health port: a few bounded reads of the state that only the graph knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

MOST_COUNTED: Final = 10_000
"""The most due tasks that are counted, and the most records that are counted one by one."""


@dataclass(frozen=True, slots=True)
class GraphHealth:
    """The state of a graph at one time."""

    due: int
    """Tasks that are due and not claimed, up to MOST_COUNTED."""
    oldest_due_ms: int | None
    """The time since which the first of them has been due, epoch milliseconds."""
    leases: int
    overdue_leases: int
    """Leases that have expired and whose executions no replica has recovered."""
    oldest_overdue_ms: int | None
    graph_now_ms: int | None
    """The time by the clock of the graph's own server; None for a graph in this process."""
    disk_free: int | None
    """Free bytes on the disk of the graph's directory; None for a graph on a server."""
    disk_size: int | None
    unreadable: int = 0
    """Records that this process could not read."""
    alive_ms: int | None = None
    """The time of the last heartbeat of any replica, epoch milliseconds; None without replicas."""
    exposure: str | None = None
    """Says that other users can enter the graph's directory, and the remedy; None if it is private, or on a server."""
    damage: str | None = None
    """Describes missing parts of the graph, as far as a bounded read shows; None if nothing is missing."""


UNKNOWN: Final = GraphHealth(0, None, 0, 0, None, None, None, None)
"""The health of a graph that does not answer."""

WAITED_FOR: Final = ("budget", "circuit", "overlap", "queue", "slot", "task")
"""The kinds of things that tasks wait for: an overlap is a slot of its key, the others are beginnings of wait keys."""


@dataclass(frozen=True, slots=True)
class WaitingCounts:
    """The counts of what does not go on by itself, each up to MOST_COUNTED."""

    retries: int
    """Next attempts that wait for their time."""
    dead_letters: int
    dead_letter_failures: int
    """The failures that these dead letters count."""
    tasks: Mapping[str, int]
    """Tasks that wait, by the kind of what they wait for."""
    since_ms: int | None
    """The time since which the first of them has waited, epoch milliseconds; None without any."""


class HealthProbe(Protocol):
    """The state of one graph: due tasks, leases, the result of a test write, its files."""

    on_unreadable: list[Callable[[str], None]]
    """Called with a description of each record that cannot be read: reads leave it out and go on."""

    @property
    def connections(self) -> int:
        """The number of connections to the graph that this process holds: the most that were in use at once."""
        ...

    @property
    def trouble(self) -> str | None:
        """The reason why writes of this process fail, such as a full disk; None if they do not fail."""
        ...

    async def verify(self) -> None:
        """Check that the open graph is still the one in its directory. Raises GraphUnavailable."""
        ...

    async def probe(self, now: datetime) -> GraphHealth:
        """Return the state of the graph at *now*."""
        ...

    async def waiting(self) -> WaitingCounts:
        """Return the counts of waiting attempts, dead letters and waiting tasks: from indexes, a few bounded reads."""
        ...

    async def damage(self) -> str | None:
        """Describe missing parts of the graph, as far as a bounded read shows; None if nothing is missing."""
        ...

    async def refuse_void(self) -> None:
        """Log missing parts. Raises GraphDamaged: tasks were created, and none of them can be read."""
        ...

    async def refusal(self) -> str | None:
        """Return why the graph cannot be written, None if it can: the answer to a write that changes nothing."""
        ...

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one time, into the empty directory *target*, during writes.

        Raises GraphUnavailable: the graph has no files here, or they cannot be copied.
        """
        ...
