"""The priorities port: the due tasks that go before others, or after them. The laws of `ports.graph` hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask


@dataclass(slots=True)
class KnownPriorities:
    """The knowledge of one process about priorities in its graph."""

    any: bool = False
    """True if a task has a priority, as far as this process knows."""
    edition: int = 0
    """Grows when this process gives a task a priority."""

    def note(self, tasks: Sequence[ScheduledTask]) -> None:
        """Note tasks that this process has written: one of them may have a priority."""
        if any(task.served_priority is not None for task in tasks):
            self.any = True
            self.edition += 1


class Priorities(Protocol):
    """The tasks of one memory graph that have a priority."""

    known: KnownPriorities
    """The knowledge of this process about them."""

    async def due(self, now: datetime, limit: int, shards: Collection[int] | None = None) -> Sequence[ScheduledTask]:
        """Return the first due tasks of each served priority, at most *limit* of each."""
        ...

    async def find(self) -> None:
        """Look whether any task has a priority."""
        ...
