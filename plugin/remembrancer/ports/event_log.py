"""What is asked of the graph's event log.

The log is made of a few streams. Each commit that changes something writes its events onto the end of one of them,
numbered on from the last, under the stream's lock: in a stream no number is missing, and what has a smaller number was
committed before. So whoever asks for what follows a number is never passed by, whichever replicas write meanwhile.
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
    """Which events of a stream there are: from `oldest` to `newest`, both included; none if `newest` is less."""

    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class EventRetentionPolicy:
    """How long events are kept: the newest of each stream, unless they are older than so many seconds.

    Args:
        events: So many of each stream at least; up to a commit's worth more.
        seconds: What is older goes, even if there are fewer.
    """

    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SequencedEvent:
    """An event, and its number in its stream."""

    number: int
    event: Event


class EventLog(Protocol):
    """The event log of one memory graph."""

    async def extents(self) -> Mapping[int, StreamRange]:
        """Return what each stream holds."""
        ...

    async def read(self, stream: int, after: int, limit: int) -> Sequence[SequencedEvent]:
        """Return the events of *stream* that are kept with a number above *after*, in order.

        At least *limit* of them if there are so many, and up to a commit's worth more.
        """
        ...

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have *changed* called after every write of this process, on any thread; return what ends that."""
        ...

    async def report(self, reports: Sequence[tuple[Execution, Progress]], at: datetime) -> None:
        """Keep how far executions have come that still run under the same fence; an event of each."""
        ...

    async def running(self, limit: int) -> Sequence[Execution]:
        """Return executions under way, of all replicas, the newest first."""
        ...

    async def prune(self, now: datetime, keeping: EventRetentionPolicy) -> bool:
        """Forget some of what need not be kept any more; say whether there is more to forget."""
        ...
