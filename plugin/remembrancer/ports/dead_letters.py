"""The dead letter port: failures that no attempt follows. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.ports.writes import Change


class DeadLetters(Protocol):
    """The dead letters of one memory graph. Settling a failure that no attempt follows counts it."""

    async def all(self, task_id: str | None, limit: int) -> Sequence[DeadLetter]:
        """Return the dead letters of one task, or of all, the last to fail first."""
        ...

    async def get(self, dead_letter_id: str) -> DeadLetter | None:
        """Return one dead letter; None if there is none."""
        ...

    async def clear(self, letter: DeadLetter, change: Change) -> bool:
        """Delete a dead letter, if nothing has failed for its fault since it was read; return whether it did."""
        ...
