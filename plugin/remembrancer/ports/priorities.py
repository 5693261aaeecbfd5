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
    changed: bool = False
    """True if served priorities are to be worked out again, as far as this process knows."""

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
        """Look whether any task has a priority, and whether served priorities are to be worked out again."""
        ...

    async def inherit(self, now: datetime) -> int:
        """Serve all tasks whose dependents have changed as these ask for; return the number of changes.

        Laws: an open task is served with the highest of its own priority and those of the open tasks that depend on it.
        What a commit changes is noted in that commit, so an end at any moment leaves nothing out: the rest is done by
        the next call, of any replica.
        """
        ...
