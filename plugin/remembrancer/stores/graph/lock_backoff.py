"""Tasks that could not be claimed because of others: each is left alone for a while that grows with every try."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.errors import GraphUnavailable
    from remembrancer.ports.writes import Claim

_LOG: Final = logging.getLogger("remembrancer")
_SHORTEST_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 8.0
_MOST: Final = 10_000
_NAMED: Final = 3


@dataclass(slots=True)
class _Held:
    seconds: float
    until: float


class LockBackoff:
    """Which tasks are left alone just now, and which were refused at the last try."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def divide(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
        """Return the claims that nothing is known against, and those to be tried again; the rest is left alone."""
        if not self._held:
            return list(claims), []
        now = asyncio.get_running_loop().time()
        fresh = [claim for claim in claims if claim.execution.task_id not in self._held]
        refused = [claim for claim in claims if claim.execution.task_id in self._held]
        again = [claim for claim in refused if self._held[claim.execution.task_id].until <= now]
        random.shuffle(again)  # not all of them may get their turn: not always the same ones
        return fresh, again

    def knows(self, claim: Claim) -> bool:
        """Whether the claim's task was refused at the last try."""
        return claim.execution.task_id in self._held

    def note(self, claims: Sequence[Claim], refused: GraphUnavailable) -> None:
        """Leave the tasks of these claims alone, for twice as long as before."""
        now = asyncio.get_running_loop().time()
        if len(self._held) > _MOST:
            self._held.clear()
        for claim in claims:
            before = self._held.get(claim.execution.task_id)
            seconds = min(2 * before.seconds, _LONGEST_SECONDS) if before else _SHORTEST_SECONDS
            self._held[claim.execution.task_id] = _Held(seconds, now + seconds)
        named = ", ".join(claim.execution.task_id for claim in claims[:_NAMED])
        _LOG.warning("%d due tasks could not be claimed, and are tried again (%s): %s", len(claims), named, refused)

    def keep(self, claims: Sequence[Claim]) -> None:
        """There was no time to try these: leave them alone for the shortest while."""
        until = asyncio.get_running_loop().time() + _SHORTEST_SECONDS
        for claim in claims:
            before = self._held.get(claim.execution.task_id)
            self._held[claim.execution.task_id] = _Held(before.seconds if before else _SHORTEST_SECONDS / 2, until)

    def forget(self, claims: Sequence[Claim]) -> None:
        """The write of these claims was not refused."""
        if self._held:
            for claim in claims:
                self._held.pop(claim.execution.task_id, None)
