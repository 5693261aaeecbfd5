"""What a store says of itself, so that its scheduler wakes in time and knows how its graph is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Signals(Protocol):
    """The signs that an open graph gives.

    Law: whatever arms a task through the store calls `on_armed`; nothing else need be told that it did.
    """

    on_armed: list[Callable[[int], None]]
    """What to call after each write that arms tasks, on any thread: with the earliest moment (epoch ms) among them.

    Also after one that was refused, lost, or left by its caller: it may have been kept."""

    on_unreadable: list[Callable[[str], None]]
    """What to call with a record that cannot be read, in words: it is left out, and stops nothing else."""

    @property
    def trouble(self) -> str | None:
        """Why writes of this process fail just now: the disk is full; None if they do not."""
        ...

    async def verify(self) -> None:
        """Check that the open graph is still the one in its folder. Raises GraphUnavailable."""
        ...
