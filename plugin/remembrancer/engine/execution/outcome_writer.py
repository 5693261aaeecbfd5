"""The outcome writer: outcomes of one turn of the event loop in one commit; each lease ends with its last outcome.

An outcome is held for as long as the process lives: while the graph does not answer, or its disk is full, its write is
tried again. An outcome whose content the graph refuses is replaced by a failure that says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import ForeignConstraint, GraphUnavailable
from remembrancer.policies.budget import wait_key_of
from remembrancer.policies.settlement import refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from remembrancer.ports.graph import Graph
    from remembrancer.ports.telemetry import Telemetry
    from remembrancer.ports.writes import Settlement

_LOG: Final = logging.getLogger("remembrancer")
_T = TypeVar("_T")
_RETRY_SECONDS: Final = (0.1, 0.5, 2.0)
_LONGEST_PAUSE_SECONDS: Final = 5.0
_REFUSALS: Final = 3
"""The refusals, by a graph that accepts other writes, after which an outcome is replaced."""
_LOGGED_EVERY: Final = 12
"""One of this many attempts is logged."""
_MOST: Final = 1000
"""Outcomes in one commit."""


@dataclass(frozen=True, slots=True)
class PendingOutcome:
    """An outcome to be written, and the lease under which its execution ran."""

    settlement: Settlement
    lease_id: str

    @property
    def execution_id(self) -> str:
        """The id of its execution."""
        return self.settlement.execution.execution_id


@dataclass(slots=True)
class _Held:
    """A lease: the number of its outcomes to come, and whether it ends with the last of them."""

    open: int
    ends: bool = True


class OutcomeWriter:
    """The leases that this replica holds and the outcomes it has to write.

    Args:
        store: The graph.
        telemetry: Measurements.
    """

    def __init__(self, store: Graph, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry
        self._held: dict[str, _Held] = {}
        self._ended: list[PendingOutcome] = []
        self._writes: dict[asyncio.Task[None], Sequence[PendingOutcome]] = {}
        self._watched: dict[str, asyncio.Future[None]] = {}
        self._troubled: set[str] = set()
        self._stopped = False

    @property
    def leases(self) -> list[str]:
        """The leases with executions whose outcome is not written yet."""
        return list(self._held)

    @property
    def trouble(self) -> str | None:
        """Describe the outcomes that could not be written at the first try; None without any."""
        return f"{len(self._troubled)} outcomes wait for the graph to take them" if self._troubled else None

    def hold(self, lease_id: str, executions: int) -> None:
        """Hold the lease until this many outcomes are written or left to it."""
        self._held[lease_id] = _Held(executions)

    def enter(self, settlement: Settlement, lease_id: str) -> None:
        """Write an outcome, together with all that come in this turn of the loop."""
        if self._stopped:
            _LOG.error("The outcome of %s came after the scheduler stopped.", settlement.execution.execution_id)
            return
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._begin)
        self._ended.append(PendingOutcome(settlement, lease_id))

    def watch(self, execution_id: str) -> asyncio.Future[None]:
        """Return a future that is resolved once the outcome of this execution is written."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return self._watched.setdefault(execution_id, written)

    def leave(self, lease_id: str) -> None:
        """Leave an execution to its expired lease: this process writes no outcome for it."""
        self._held[lease_id].ends = False
        self._count_down(lease_id, 1)

    async def idle(self) -> None:
        """Return when everything entered has been written."""
        while self._ended or self._writes:
            await (asyncio.wait(self._writes) if self._writes else asyncio.sleep(0))

    async def stop(self, seconds: float) -> None:
        """Wait up to *seconds* for outcomes to be written, then log the remaining ones and give them up."""
        try:
            async with asyncio.timeout(seconds):
                await self.idle()
        except TimeoutError:
            left = [pending for batch in self._writes.values() for pending in batch] + self._ended
            for write in self._writes:
                write.cancel()
            self._ended = []
            listed = ", ".join(f"{each.execution_id} ({each.settlement.status})" for each in left)
            _LOG.error("%d outcomes were not written before the scheduler stopped: %s", len(left), listed)
        finally:
            self._stopped = True

    def _begin(self) -> None:
        """Begin the writes; one that defers a task goes alone, since two must not defer the same task."""
        ended, self._ended = self._ended, []
        undeferred = [pending for pending in ended if pending.settlement.reschedule is None]
        for start in range(0, len(undeferred), _MOST):
            self._start(undeferred[start : start + _MOST])
        for pending in ended:
            if pending.settlement.reschedule:
                self._start([pending])

    def _start(self, batch: Sequence[PendingOutcome]) -> None:
        write = asyncio.get_running_loop().create_task(self._write(batch))
        self._writes[write] = batch
        write.add_done_callback(self._writes.pop)

    async def _write(self, batch: Sequence[PendingOutcome]) -> None:
        """Write a batch, again and again; one that holds a bad outcome is split, so that the bad one fails alone."""
        refusals = 0
        for tries, seconds in enumerate(_pauses()):
            ended_leases = self._ending(batch)
            try:
                written = await self._store.queue.settle([pending.settlement for pending in batch], ended_leases)
            except Exception as error:  # noqa: BLE001 (whatever it is: a known outcome is not thrown away)
                self._troubled.update(pending.execution_id for pending in batch)
                if tries % _LOGGED_EVERY == 0:
                    _LOG.warning("%d outcomes could not be written, and are tried again: %r", len(batch), error)
                if await self._takes_others(error, batch[0]):
                    refusals += 1
                    if len(batch) > 1:
                        return self._split(batch)
                    if refusals == _REFUSALS:
                        batch = [_replaced(batch[0], error)]
            else:
                self._written(batch, written, ended_leases)
                return await self._wake_bounded(batch)
            await asyncio.sleep(seconds)
        return None

    async def _wake_bounded(self, batch: Sequence[PendingOutcome]) -> None:
        """Let tasks be looked at again that wait for what the budgets of their lineages got back."""
        for lineage_id in {each.settlement.charge.lineage_id for each in batch if each.settlement.charge is not None}:
            if lineage_id is not None:
                with suppress(GraphUnavailable):  # they are looked at once a check interval in any case
                    await self._store.waits.wake(wait_key_of(lineage_id))

    def _split(self, batch: Sequence[PendingOutcome]) -> None:
        for pending in batch:
            self._start([pending])

    async def _takes_others(self, error: Exception, pending: PendingOutcome) -> bool:
        """Return True if the graph, which has refused this write, accepts another."""
        if isinstance(error, GraphUnavailable) and type(error) not in {GraphUnavailable, ForeignConstraint}:
            return False  # a full disk, or a server that does not answer: the error says so
        try:
            await self._store.queue.settle([], [f"{pending.lease_id}.probe"])  # ends a lease that is not there
        except Exception:  # noqa: BLE001 (that is the answer)
            return False
        return True

    def _ending(self, batch: Sequence[PendingOutcome]) -> list[str]:
        """Return the leases that have no outcome to come but those of *batch*."""
        mine = Counter(pending.lease_id for pending in batch)
        return [lease_id for lease_id, count in mine.items() if self._held[lease_id] == _Held(count)]

    def _written(self, batch: Sequence[PendingOutcome], written: Sequence[bool], ended_leases: Sequence[str]) -> None:
        """Release a batch that was written in a commit which ended *ended_leases*."""
        mine = Counter(pending.lease_id for pending in batch)
        ended = [lease_id for lease_id, count in mine.items() if self._count_down(lease_id, count)]
        if self._troubled:
            self._troubled.difference_update(pending.execution_id for pending in batch)
        if self._watched:
            self._resolve_watched(batch)
        # Leases whose last outcomes were written in several commits at a time end in one of their own.
        if late_ends := [lease_id for lease_id in ended if lease_id not in ended_leases]:
            self._start_ending(late_ends)
        for pending, kept in zip(batch, written, strict=True):
            if not kept:
                _LOG.warning("%s has an outcome already; its late one is not stored", pending.execution_id)
        self._telemetry.settled(pending.settlement for pending, kept in zip(batch, written, strict=True) if kept)

    def _resolve_watched(self, batch: Sequence[PendingOutcome]) -> None:
        for pending in batch:
            if (written := self._watched.pop(pending.execution_id, None)) and not written.done():
                written.set_result(None)

    def _start_ending(self, lease_ids: Sequence[str]) -> None:
        """End leases without outcomes to come."""
        end = retry_unavailable(lambda: self._store.queue.settle([], lease_ids), f"the end of {len(lease_ids)} leases")

        async def ending() -> None:
            await end

        write = asyncio.get_running_loop().create_task(ending())
        self._writes[write] = []
        write.add_done_callback(self._writes.pop)

    def _count_down(self, lease_id: str, outcomes: int) -> bool:
        """Subtract finished outcomes, and release a lease without any to come; return True if it is to end."""
        held = self._held[lease_id]
        held.open -= outcomes
        if held.open == 0:
            del self._held[lease_id]
        return held.open == 0 and held.ends


def _replaced(pending: PendingOutcome, error: Exception) -> PendingOutcome:
    _LOG.error(
        "The graph refuses the content of the outcome of %s: recorded as failed. %r", pending.execution_id, error
    )
    return replace(pending, settlement=refused(pending.settlement, str(error)))


async def retry_unavailable(ask: Callable[[], Awaitable[_T]], what: str) -> _T:
    """Ask the graph; while it does not answer, ask again without end: the work is done and has to be written."""
    for seconds in _pauses():
        try:
            return await ask()
        except GraphUnavailable as error:
            _LOG.warning("The graph does not answer, and waits for %s: %s", what, error)
        await asyncio.sleep(seconds)
    raise AssertionError("the pauses never end")


def _pauses() -> Iterator[float]:
    """Yield the pauses between tries, without end."""
    yield from _RETRY_SECONDS
    while True:
        yield _LONGEST_PAUSE_SECONDS
