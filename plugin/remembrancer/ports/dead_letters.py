"""The dead letter port: failures that no attempt follows. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Change, Draw, Lease


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

    async def rerun(
        self, letter: DeadLetter, execution: Execution, lease: Lease, change: Change, draw: Draw | None
    ) -> Execution | None:
        """Write a running execution, RETRY_OF the last that failed; None if its task is cancelled or gone.

        With *draw*, also if the budget of its lineage has less left.
        """
        ...
