"""Write outcomes down: those of one turn of the loop in one commit, and each lease ends with its last outcome."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import GraphUnavailable, RemembrancerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.ports.instruments import Instruments
    from remembrancer.ports.task_store import Settlement, TaskStore

_LOG: Final = logging.getLogger("remembrancer")
_T = TypeVar("_T")
_ASK_AGAIN_SECONDS: Final = (0.1, 0.5, 2.0, 5.0)
_MOST: Final = 1000
"""Outcomes in one commit."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An outcome to be written, and the lease under which its execution ran."""

    settlement: Settlement
    lease_id: str


@dataclass(slots=True)
class _Held:
    """A lease: how many outcomes are still to come, and whether it ends with the last of them."""

    open: int
    ends: bool = True


class Ledger:
    """What this replica holds and has to write down.

    Args:
        store: Where it is written.
        instruments: What measures.
    """

    def __init__(self, store: TaskStore, instruments: Instruments) -> None:
        self._store = store
        self._instruments = instruments
        self._held: dict[str, _Held] = {}
        self._ended: list[Entry] = []
        self._writes: set[asyncio.Task[None]] = set()

    @property
    def leases(self) -> list[str]:
        """The leases with executions whose outcome is not written yet."""
        return list(self._held)

    def hold(self, lease_id: str, executions: int) -> None:
        """Keep the lease until so many outcomes are written or given up."""
        self._held[lease_id] = _Held(executions)

    def enter(self, settlement: Settlement, lease_id: str) -> None:
        """Write an outcome, together with all that come in this turn of the loop."""
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._begin)
        self._ended.append(Entry(settlement, lease_id))

    async def idle(self) -> None:
        """Return when everything entered has been written."""
        while self._ended or self._writes:
            await (asyncio.wait(self._writes) if self._writes else asyncio.sleep(0))

    def _begin(self) -> None:
        """Begin the writes; one that puts a task off goes alone, since two must not put the same task off."""
        ended, self._ended = self._ended, []
        plain = [entry for entry in ended if entry.settlement.rearm is None]
        batches = [plain[start : start + _MOST] for start in range(0, len(plain), _MOST)]
        batches += [[entry] for entry in ended if entry.settlement.rearm]
        for batch in batches:
            write = asyncio.get_running_loop().create_task(self._write(batch))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    def give_up(self, execution_id: str, lease_id: str, error: RemembrancerError) -> None:
        """Leave an execution to its lease, which is renewed while others need it, and then runs out."""
        self._held[lease_id].ends = False
        self._count_down(lease_id, 1)
        _LOG.error("The outcome of %s could not be written; its lease will bring it back: %s", execution_id, error)

    async def _write(self, batch: Sequence[Entry]) -> None:
        """Write a batch; if the graph does not take it, each outcome by itself, so that a bad one fails alone."""
        try:
            await patiently(lambda: self._settle(batch), f"{len(batch)} outcomes")
        except RemembrancerError as error:
            if len(batch) > 1:
                for entry in batch:
                    await self._write_alone(entry)
            else:
                self._give_up(batch[0], error)

    async def _write_alone(self, entry: Entry) -> None:
        try:
            await self._settle([entry])
        except RemembrancerError as error:
            self._give_up(entry, error)

    def _give_up(self, entry: Entry, error: RemembrancerError) -> None:
        self.give_up(entry.settlement.execution.execution_id, entry.lease_id, error)

    async def _settle(self, batch: Sequence[Entry]) -> None:
        """Write a batch in one commit, which ends the leases that have no other outcome to come."""
        mine = Counter(entry.lease_id for entry in batch)
        over = [lease_id for lease_id, count in mine.items() if self._held[lease_id] == _Held(count)]
        written = await self._store.settle([entry.settlement for entry in batch], over)
        kept_ones = (entry.settlement for entry, kept in zip(batch, written, strict=True) if kept)
        self._instruments.settled(kept_ones)
        for entry, kept in zip(batch, written, strict=True):
            if not kept:
                late = entry.settlement.execution.execution_id
                _LOG.warning("%s was taken over meanwhile; its late outcome is not kept", late)
        # Leases whose last outcomes were written in several commits at a time end in one of their own.
        ended = [lease_id for lease_id, count in mine.items() if self._count_down(lease_id, count)]
        if late_ends := [lease_id for lease_id in ended if lease_id not in over]:
            await self._end(late_ends)

    async def _end(self, lease_ids: Sequence[str]) -> None:
        """End leases that hold nothing any more; one that cannot be ended runs out by itself."""
        try:
            await patiently(lambda: self._store.settle([], lease_ids), f"the end of {len(lease_ids)} leases")
        except RemembrancerError as error:
            _LOG.warning("%d leases are left to run out: %s", len(lease_ids), error)

    def _count_down(self, lease_id: str, outcomes: int) -> bool:
        """Count outcomes that are done with, and let go of a lease without any to come; say whether it is to end."""
        held = self._held[lease_id]
        held.open -= outcomes
        if held.open == 0:
            del self._held[lease_id]
        return held.open == 0 and held.ends


async def patiently(ask: Callable[[], Awaitable[_T]], what: str) -> _T:
    """Ask the graph; while it does not answer, try for a while: the work is done and has to be written."""
    for seconds in _ASK_AGAIN_SECONDS:
        try:
            return await ask()
        except GraphUnavailable as error:
            _LOG.warning("The graph does not answer, and waits for %s: %s", what, error)
            await asyncio.sleep(seconds)
    return await ask()
