"""The waits port: tasks whose occurrences have come and wait for something. The laws of `ports.graph` hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class NewWait:
    """A task that waits from now on."""

    task: ScheduledTask
    """As it was read: due, or waiting for something else."""
    wait_key: str
    """The thing that it waits for."""
    reason: str
    """The same for people."""
    at_ms: int
    """The time from which on it waits, unless it has waited for this before."""


class Waits(Protocol):
    """The tasks of one memory graph that wait.

    Laws: a task that waits keeps its `next_run_ms` and `nominal_ms`, and is not due. Every other write that arms, moves
    or ends it ends its wait too. The tasks that wait for one thing are in the order of their `next_run_ms`.
    """

    async def park(self, waits: Sequence[NewWait]) -> Sequence[bool]:
        """Let those tasks wait that are still as they were read; return for each whether it was."""
        ...

    async def first(self, wait_key: str, limit: int) -> Sequence[ScheduledTask]:
        """Return the first tasks that wait for one thing, *limit* at most."""
        ...

    async def heads(self, after: str, limit: int) -> tuple[Sequence[ScheduledTask], str]:
        """Return the first tasks that wait for each thing after *after*, *limit* in all, and the place to go on after.

        That place is the empty text when the last thing was reached; it is also before the first.
        """
        ...

    async def wake(self, wait_key: str, limit: int = 1000) -> int:
        """Let the first tasks that wait for one thing be due again, in one commit; return how many were woken."""
        ...
