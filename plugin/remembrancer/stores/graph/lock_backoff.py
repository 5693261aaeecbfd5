"""Backoff for tasks that locks or foreign constraints refuse: each waits longer after every try."""

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
    """The tasks that are left alone at present, and those that were refused at the last try."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def divide(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
        """Return the claims of tasks that were not refused, and those to be tried again; the rest is left alone."""
        if not self._held:
            return list(claims), []
        now = asyncio.get_running_loop().time()
        fresh = [claim for claim in claims if claim.execution.task_id not in self._held]
        refused = [claim for claim in claims if claim.execution.task_id in self._held]
        again = [claim for claim in refused if self._held[claim.execution.task_id].until <= now]
        random.shuffle(again)  # there may be no time for all: not always the same ones
        return fresh, again

    def knows(self, claim: Claim) -> bool:
        """Return True if the claim's task was refused at the last try."""
        return claim.execution.task_id in self._held

    def record(self, claims: Sequence[Claim], refused: GraphUnavailable) -> None:
        """Leave the tasks of these claims alone, for twice as long as before."""
        now = asyncio.get_running_loop().time()
        if len(self._held) > _MOST:
            self._held.clear()
        for claim in claims:
            before = self._held.get(claim.execution.task_id)
            seconds = min(2 * before.seconds, _LONGEST_SECONDS) if before else _SHORTEST_SECONDS
            self._held[claim.execution.task_id] = _Held(seconds, now + seconds)
        named = ", ".join(claim.execution.task_id for claim in claims[:_NAMED])
        _LOG.warning("%d due tasks could not be claimed; trying again (%s): %s", len(claims), named, refused)

    def keep(self, claims: Sequence[Claim]) -> None:
        """Leave these alone for the shortest time: there was no time to try them."""
        until = asyncio.get_running_loop().time() + _SHORTEST_SECONDS
        for claim in claims:
            before = self._held.get(claim.execution.task_id)
            self._held[claim.execution.task_id] = _Held(before.seconds if before else _SHORTEST_SECONDS / 2, until)

    def forget(self, claims: Sequence[Claim]) -> None:
        """Forget these claims: their write was not refused."""
        if self._held:
            for claim in claims:
                self._held.pop(claim.execution.task_id, None)
