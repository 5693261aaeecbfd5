"""The halts port: the halt of a graph, which holds for all of its replicas. The laws of `ports.graph` hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from remembrancer.ports.writes import Change

HostHalt: TypeAlias = Callable[[], Awaitable[bool | str]]
"""The host's own halt: an async function that returns False, or True, or the reason of its halt as text.

Whatever else it does is a halt too: an exception, another value, no answer within five seconds.
"""


@dataclass(frozen=True, slots=True)
class HaltRecord:
    """The last halt of a graph; without any, all is None."""

    in_force: bool = False
    since_ms: int | None = None
    """The time of its beginning, epoch milliseconds; None also if it cannot be read."""
    until_ms: int | None = None
    """The time of its end; None while it is in force."""
    reason: str = ""
    actor: str | None = None
    stops_runs: bool = False
    """True if executions that run are asked to stop."""
    edition: int = 0
    """A number that grows with each halt and each release."""
    is_spoiled: bool = False
    """True if its times cannot be read: then it is in force."""


class HaltStore(Protocol):
    """The halt of one memory graph.

    Laws: a halt is in force from the commit that writes it until the one that releases it, in each process, also after
    a crash. A record that cannot be read is in force.
    """

    async def read(self) -> HaltRecord:
        """Return the last halt. Raises GraphUnavailable."""
        ...

    async def halt(self, reason: str, change: Change, *, stops_runs: bool) -> None:
        """Begin a halt, or give the one that is in force another reason."""
        ...

    async def release(self, change: Change) -> bool:
        """End the halt; return False if none was in force."""
        ...
