"""The writer of the embedded engine: a thread that commits groups of writes, and answers each of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy, GraphUnavailable, OutcomeUnknown
from remembrancer.stores.commits.counters import CounterNodes
from remembrancer.stores.commits.group_commit import REMEMBERED, Group, Pending, Write
from remembrancer.stores.commits.hourly_delta import Counts, zero
from remembrancer.stores.commits.pending_counts import PendingCounts
from remembrancer.stores.embedded.arcadedb import Plain, as_engine_thread, load_engine
from remembrancer.stores.embedded.errors import python_rows, retry_disturbed, translate_write_error
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from remembrancer.stores.commits.statement import Row, Statement
    from remembrancer.stores.commits.statistics import CommitStatistics
    from remembrancer.stores.embedded.files.directory import OpenDirectory

_ROWS_PER_COMMIT: Final = 64
"""The rows of one commit. A commit costs as much as five rows, so more rows save little. The writes of a hundred
callers go in two commits: one half of the callers prepare their next writes while those of the other half are
written."""
_HOLD_SECONDS: Final = 20.0
CLOSED: Final = "The graph is closed: start the service again."
_IN_DOUBT: Final = (
    "The graph was closed while a write was being committed, and the disk has not answered since: whether the write "
    "was kept is not known. Look before you repeat it."
)


class EmbeddedWriter:
    """Commits writes in groups, on a thread of its own.

    Args:
        opened: The graph's directory.
        counter_id: The key of its counter.
    """

    def __init__(self, opened: OpenDirectory, counter_id: str) -> None:
        self._database = opened.database
        self._lock = opened.lock
        self._counters = CounterNodes(counter_id)
        self._pending = Pending(_ROWS_PER_COMMIT)
        self._arrived = threading.Condition()
        self._commits = threading.Lock()
        self._ending = False
        self._under_way: list[Write] = []
        self.counts: Counts = zero()
        self.pending_counts = PendingCounts()
        self.commit_sizes: deque[int] = deque(maxlen=REMEMBERED)
        self._thread = threading.Thread(
            target=as_engine_thread, args=(self._commit_groups,), name="remembrancer-write", daemon=True
        )
        self._thread.start()

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Return each statement's rows once all of them are on the disk."""
        answer: asyncio.Future[list[list[Row]]] = asyncio.get_running_loop().create_future()
        with self._arrived:
            if self._ending:
                raise GraphUnavailable(CLOSED)
            self._pending.add(Write(statements, answer))
            self._arrived.notify()
        return await answer

    def end(self) -> None:
        """Accept no further write; those that wait are still committed."""
        with self._arrived:
            self._ending = True
            self._arrived.notify()

    def join(self, until: float) -> bool:
        """Wait for the last commit, to *until* of the monotonic clock; return whether the thread has ended."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return not self._thread.is_alive()

    def refuse_rest(self) -> None:
        """Answer all writes without an answer, as the thread does not end: the one under way may have been kept."""
        with self._arrived:
            under_way, waiting = self._under_way, list[Write]()
            while self._pending:
                waiting += self._pending.next_group().writes
        _answer(waiting, [GraphUnavailable(CLOSED)] * len(waiting))
        _answer(under_way, [OutcomeUnknown(_IN_DOUBT)] * len(under_way))

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Hold all commits during the block: writes wait. Raises GraphBusy if the current commit does not end."""
        if not self._commits.acquire(timeout=_HOLD_SECONDS):
            raise GraphBusy(f"A commit has not ended for {_HOLD_SECONDS:g} s: the disk does not answer. Try again.")
        try:
            yield
        finally:
            self._commits.release()

    def _commit_groups(self) -> None:
        """Take and commit groups until the writer is closed: the loop of the thread."""
        while True:
            with self._arrived:
                while not self._pending and not self._ending:
                    self._arrived.wait()
                if not self._pending:
                    return
                group = self._pending.next_group()
                self._under_way = group.writes
            with self._commits:
                self._settle_group(group)
            self._under_way = []

    def _settle_group(self, group: Group) -> None:
        """Commit a group; if it fails, commit its writes one by one, so that a bad one fails alone."""
        try:
            shares = group.share(self._commit(group))
        except Exception as error:  # noqa: BLE001 (whatever it is belongs to the callers, not to this thread)
            if len(group.writes) > 1:
                for write in group.writes:
                    self._settle_group(Group.of([write]))
            else:
                _answer(group.writes, [translate_write_error(error)])
        else:
            _answer(group.writes, shares)

    def _commit(self, group: Group) -> list[list[Row]]:
        """Commit a group in one transaction, again if another transaction was in the way."""
        return retry_disturbed(lambda: self._commit_once(group), "ConcurrentModification")

    def _commit_once(self, group: Group) -> list[list[Row]]:
        update = None
        self._lock.check()
        pending = self.pending_counts.take()
        self._database.begin()
        try:
            answers = [self._run(batch.name, batch.rows) for batch in group.batches]
            if (statistics := group.statistics(answers)) or pending:
                self._learn(statistics)
                update = self._counters.enter(statistics, pending)
                self._run("write_statistics", [update.row])
            self._database.commit()
        except BaseException:
            self.pending_counts.give_back(pending)
            with contextlib.suppress(load_engine().ArcadeDBError):
                self._database.rollback()
            raise
        if update:
            self._counters.keep(update, self.counts)
        self._lock.check()  # a commit into a directory that was replaced meanwhile is not acknowledged
        self.commit_sizes.append(group.size)
        return answers

    def _learn(self, statistics: CommitStatistics) -> None:
        if keys := self._counters.unknown(statistics):
            found = self._database.query("opencypher", query("counter_nodes"), {"keys": keys}).to_list()
            self._counters.learn(keys, python_rows(found))

    def _run(self, name: str, rows: list[Row]) -> list[Row]:
        return self._database.command("opencypher", query(name), {"rows": Plain(rows)}).to_list()


def _answer(writes: list[Write], answers: Sequence[list[list[Row]] | Exception]) -> None:
    """Hand the answers over to the loops that wait for them, one call for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Write, list[list[Row]] | Exception]]] = {}
    for write, answer in zip(writes, answers, strict=True):
        by_loop.setdefault(write.answer.get_loop(), []).append((write, answer))
    for loop, mine in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(answered: list[tuple[Write, list[list[Row]] | Exception]]) -> None:
    for write, answer in answered:
        write.give(answer)
