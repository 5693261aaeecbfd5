"""A writer on Neo4j: it commits one group at a time, and looks up the outcome of each commit that was lost.

If a connection breaks during a commit, its outcome is unknown. So every commit writes its number onto the writer's own
counter, in the same transaction. Afterwards the number is read under the lock of the counter, which waits for a
transaction that the server still processes. A write is repeated only if it is known not to be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphUnreachable, OutcomeUnknown
from remembrancer.stores.commits.counters import CounterNodes
from remembrancer.stores.neo4j.errors import FAULTS, RetryBudget, translate_write_error
from remembrancer.stores.neo4j.values import python_rows, unpack_rows
from remembrancer_schema.catalog import gathered, query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.stores.commits.counters import CounterUpdate
    from remembrancer.stores.commits.group_commit import Group
    from remembrancer.stores.commits.hourly_delta import Counts
    from remembrancer.stores.commits.pending_counts import PendingCount, PendingCounts
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.commits.statistics import CommitStatistics
    from remembrancer.stores.neo4j.address import Address
    from remembrancer.stores.neo4j.sessions import SessionFactory, Work

_RETRY_SECONDS: Final = 5.0
LOOK_UP_SECONDS: Final = 60.0
"""Longer than a transaction may take, and than a server needs to start again."""
_LOOK_AGAIN_SECONDS: Final = 2.0
"""The time of a second look-up, before the next commit, which must not wait for long."""
_COUNTER_LOCK_SECONDS: Final = 20.0
"""Longer than a transaction lives on the server whose client vanished during its commit."""
_ORDER: Final = ("time_id", "origin_thought_id", "task_id", "execution_id", "deferral_id", "lease_id")


class CommitWriter:
    """Commits groups, one at a time.

    Args:
        sessions: Opens sessions that may write.
        address: For messages.
        counter_id: Of this writer alone: its counter carries its commits' numbers.
        counted: The lifetime counts to add to, and the counts that wait for a commit.
        on_doubt: Called when it begins to look up the outcome of a commit, which may take a while.
    """

    def __init__(
        self,
        sessions: SessionFactory,
        address: Address,
        counter_id: str,
        counted: tuple[Counts, PendingCounts],
        on_doubt: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._address = address
        self.counter_id = counter_id
        self._counters = CounterNodes(counter_id)
        self._counts, self._pending_counts = counted
        self._on_doubt = on_doubt
        self.looks_up = False
        """True if it is looking up the outcome of a commit."""
        self._number = 0
        self._unknown: CounterUpdate | None = None
        """The counter update of the last commit, while its outcome is unknown."""

    @property
    def wrote(self) -> bool:
        """True if it has begun a commit: the graph may hold its counter then."""
        return self._number > 0

    @property
    def is_in_doubt(self) -> bool:
        """True if the outcome of its last commit is unknown."""
        return self._unknown is not None

    async def commit(self, group: Group, lock_seconds: float) -> list[list[Row]]:
        """Commit a group in one transaction, again while another transaction is in the way.

        Raises UniqueKeyTaken, OutcomeUnknown, or GraphUnavailable in another of its forms: GraphBusy if others hold
        its locks for longer than *lock_seconds*, GraphUnreachable if it was never sent.
        """
        budget = RetryBudget(_RETRY_SECONDS)
        while True:
            try:
                await self.clear()
                return await self._commit_once(group, lock_seconds)
            except FAULTS as error:
                if not self._sessions.is_retryable(error) or not await budget.wait():
                    raise translate_write_error(self._address, error) from error

    async def clear(self) -> None:
        """Look up the outcome of the last commit, from whose number and counts the next one continues.

        Raises GraphUnreachable if the graph does not say.
        """
        if self._unknown is None:
            return
        try:
            await self._look_up(self._unknown, _LOOK_AGAIN_SECONDS)
        except OutcomeUnknown as unknown:
            raise GraphUnreachable(
                f"The graph's server {self._address} has not answered since a commit was lost: nothing of this write "
                "was sent. Try again."
            ) from unknown

    async def _commit_once(self, group: Group, lock_seconds: float) -> list[list[Row]]:
        self._number += 1
        answers: list[list[Row]] = []
        try:
            async with self._sessions.to_commit(lock_seconds) as work:
                answers = [await _run(work, batch.name, batch.rows) for batch in group.batches]
                self._unknown = await self._count(work, group.statistics(answers))
                await work.commit()
        except FAULTS:
            if self._unknown is None or not await self._look_up(self._unknown):
                raise
        else:
            self._settle(self._unknown, kept=True)
        return answers

    async def _count(self, work: Work, statistics: CommitStatistics) -> CounterUpdate:
        """Write the counts of the commit, and its number."""
        pending = self._pending_counts.take()
        try:
            update = await self._enter(work, statistics, pending)
            if update is None:
                self._counters.forget()
                update = await self._enter(work, statistics, pending)
            assert update  # noqa: S101 (what was learnt in this transaction stands)
        except BaseException:
            self._pending_counts.give_back(pending)
            raise
        return update

    async def _enter(
        self, work: Work, statistics: CommitStatistics, pending: Sequence[PendingCount]
    ) -> CounterUpdate | None:
        """Write the counts of the commit; write nothing and return None if the graph is not the remembered one."""
        if keys := self._counters.unknown(statistics):
            self._counters.learn(keys, python_rows(await work.run(query("counter_nodes"), {"keys": keys})))
        update = self._counters.enter(statistics, pending, counter_id=self.counter_id, commit_number=self._number)
        return update if await _run(work, "write_statistics", [update.row]) else None

    async def _look_up(self, update: CounterUpdate, seconds: float | None = None) -> bool:
        """Return whether the last commit succeeded. Raises OutcomeUnknown if the graph does not say."""
        self.looks_up = True
        self._on_doubt()
        try:
            return await self._ask(update, RetryBudget(LOOK_UP_SECONDS if seconds is None else seconds))
        finally:
            self.looks_up = False

    async def _ask(self, update: CounterUpdate, budget: RetryBudget) -> bool:
        """Ask the graph for the number of the last commit, until it answers."""
        while True:
            try:
                async with self._sessions.to_commit(_COUNTER_LOCK_SECONDS) as work:
                    found = await _run(work, "last_commit", [{"counter_id": self.counter_id, "row": 0}])
                    await work.commit()
            except FAULTS as error:
                self._sessions.is_retryable(error)  # whatever it is: only the graph knows the outcome of the commit
                if not await budget.wait():
                    raise OutcomeUnknown(
                        f"The connection to {self._address} was lost while a write was being committed, and it has not "
                        "answered since: whether the write was kept is not known. Look before you repeat it."
                    ) from error
            else:
                kept = found[0]["commit_number"] == self._number
                self._settle(update, kept=kept)
                return kept

    def _settle(self, update: CounterUpdate, *, kept: bool) -> None:
        """Note the outcome of the last commit."""
        self._unknown = None
        if kept:
            self._counters.keep(update, self._counts)
        else:
            self._pending_counts.give_back(update.pending)


async def _run(work: Work, name: str, rows: Sequence[Row]) -> list[Row]:
    """Run a query of the catalogue over rows, in an order that all writers share: fewer of them deadlock."""
    ordered = sorted(rows, key=lambda row: [str(row.get(key)) for key in _ORDER])
    asked = gathered(query(name))
    (record,) = await work.run(asked.text, {"given": {"rows": ordered}})
    return unpack_rows(record, asked.columns)
