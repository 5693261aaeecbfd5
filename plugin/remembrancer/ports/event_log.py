"""The event log port: events in numbered streams.

The log has a few streams. Each commit that changes something appends its events to one of them, numbered on from the
last, under the lock of the stream: a stream misses no number, and an event with a smaller number was committed before.
So a reader that asks for the events after a number misses none, whichever replicas write at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.event import Event
    from remembrancer.model.execution import Execution
    from remembrancer.ports.handler import Progress


@dataclass(frozen=True, slots=True)
class StreamRange:
    """The events that a stream holds: from `oldest` to `newest`, both included; none if `newest` is less."""

    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class EventRetentionPolicy:
    """The events to keep: the newest of each stream, unless they are too old.

    Args:
        events: How many of each stream at least; up to one commit's events more.
        seconds: The age beyond which an event goes, even if there are fewer.
    """

    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SequencedEvent:
    """An event with its number in its stream."""

    number: int
    event: Event


class EventLog(Protocol):
    """The event log of one memory graph."""

    async def ranges(self) -> Mapping[int, StreamRange]:
        """Return the range of each stream."""
        ...

    async def read(self, stream: int, after: int, limit: int) -> Sequence[SequencedEvent]:
        """Return the stored events of *stream* with a number above *after*, in order.

        At least *limit* of them if they exist, and up to one commit's events more.
        """
        ...

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call *changed* after every write of this process, on any thread; return a function that ends that."""
        ...

    async def record_progress(self, reports: Sequence[tuple[Execution, Progress]], at: datetime) -> None:
        """Write the progress of executions that still run under the same fence, with an event for each."""
        ...

    async def running(self, limit: int) -> Sequence[Execution]:
        """Return running executions, of all replicas, the newest first."""
        ...

    async def prune(self, now: datetime, policy: EventRetentionPolicy) -> bool:
        """Delete some of the expired events; return whether there are more."""
        ...
