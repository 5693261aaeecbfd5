"""Driver sessions on one database: each call on a connection of its lane, with a deadline, causally consistent."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncGraphDatabase
from neo4j.exceptions import Neo4jError

from remembrancer.errors import GraphUnavailable
from remembrancer.stores.commits.lanes import Lane
from remembrancer.stores.neo4j.deadline import Deadline
from remembrancer.stores.neo4j.errors import LocksHeld, Unanswered, is_retryable
from remembrancer.stores.neo4j.pool import Pool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable
    from typing import LiteralString

    from neo4j import AsyncDriver, AsyncSession, AsyncTransaction, Record
    from neo4j.exceptions import DriverError

    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.neo4j.address import Address
    from remembrancer.stores.neo4j.credentials import Credentials

_LOG: Final = logging.getLogger("remembrancer")
_COMMIT_SECONDS: Final = 10.0
"""A commit without an answer for this time is looked up."""
_PLANNING_SECONDS: Final = 4.0
"""The extra time of a query that the server has not planned yet."""
_GRACE_SECONDS: Final = 5.0
"""The time after its lock deadline at which the server ends a transaction whose client has vanished."""
_ROUND_TRIPS: Final = 8
"""The most round trips from the first statement of a transaction to its commit."""
_BEHIND: Final = (
    "Neo.TransientError.Transaction.BookmarkTimeout",
    "Neo.ClientError.Transaction.InvalidBookmark",
    "Neo.ClientError.Transaction.InvalidBookmarkMixture",
)
"""The errors of a server that never reaches the state of the bookmarks."""
_FORKED: Final = (
    "This process was forked from the one that opened the graph {}: its connections belong to that one. "
    "Open a service of your own in the new process, or start it with `spawn`."
)


class Work:
    """A transaction under way: each of its statements has a deadline, and so has its commit.

    Args:
        transaction: Begun.
        deadline: Of the next step.
        seconds: The time of one statement.
        planned: The queries that the server has planned already.
    """

    def __init__(self, transaction: AsyncTransaction, deadline: Deadline, seconds: float, planned: set[str]) -> None:
        self._transaction = transaction
        self._deadline = deadline
        self._seconds = seconds
        self._planned = planned
        self.commits = False
        """True if the commit is on its way."""

    async def run(self, text: LiteralString, parameters: Row) -> list[Record]:
        """Run a statement, which waits for the locks of others within its deadline."""
        self._deadline.within(self._seconds if text in self._planned else self._seconds + _PLANNING_SECONDS)
        answer = await self._transaction.run(text, parameters)
        records = [record async for record in answer]
        self._planned.add(text)
        return records

    async def commit(self) -> None:
        """Commit."""
        self.commits = True
        self._deadline.within(_COMMIT_SECONDS)
        await self._transaction.commit()


class SessionFactory:
    """Opens sessions, each on a connection of its lane.

    Bookmarks are for the members of a cluster, which lag; with bolt:// there is one server, which needs none. A
    database that was restored from a backup never reaches its old bookmarks, and every call would wait for ever: then
    they are forgotten.

    Args:
        connect: Makes a driver for a lane.
        address: The database.
        credentials: The login of all sessions.
        lanes: The lanes to open.
        fetch_size: The rows of a read that the server sends at a time; -1 is all.
    """

    def __init__(
        self,
        connect: Callable[[Lane], AsyncDriver],
        address: Address,
        credentials: Credentials,
        *,
        lanes: Iterable[Lane] = Lane,
        fetch_size: int = -1,
    ) -> None:
        self._address = address
        self.credentials = credentials
        self._lags = address.uri.startswith("neo4j")
        self._process = os.getpid()
        self._pools = {
            lane: Pool(lambda lane=lane: connect(lane), address.database, lane.value.seconds, fetch_size)
            for lane in lanes
        }
        self._round_trip = 0.0
        self.planned: set[str] = set()
        """The catalogue queries that the server has planned: the first run of one takes longer."""
        self._forget()

    @property
    def connections(self) -> int:
        """The number of connections that are held: the most that were in use at once."""
        return sum(pool.most for pool in self._pools.values())

    @asynccontextmanager
    async def to_read(self, lane: Lane, seconds: float | None = None) -> AsyncGenerator[AsyncSession]:
        """Open a session that any member of a cluster may serve; all of the block has one deadline, the lane's own."""
        async with self._answered(lane, READ_ACCESS, seconds) as session:
            yield session

    @asynccontextmanager
    async def to_write(self, lane: Lane, seconds: float | None = None) -> AsyncGenerator[AsyncSession]:
        """Open a session that the leader serves; all of the block has one deadline, the lane's own."""
        async with self._answered(lane, WRITE_ACCESS, seconds) as session:
            yield session

    @asynccontextmanager
    async def to_commit(self, lock_seconds: float) -> AsyncGenerator[Work]:
        """Begin a transaction whose statements wait *lock_seconds* for the locks of others.

        Raises LocksHeld; or Unanswered, after which the outcome of a commit that is on its way is not known. This
        deadline counts: the server checks its own only every two seconds, and it is for clients that have vanished.
        """
        self.check_process()
        pool, loop = self._pools[Lane.SCHEDULER], asyncio.get_running_loop()
        lasts = lock_seconds + _GRACE_SECONDS + _ROUND_TRIPS * self._round_trip
        asked, used, work = loop.time(), None, None
        try:
            async with Deadline(pool.seconds) as deadline, pool.session(WRITE_ACCESS, self._bookmarks) as opened:
                session, used = opened
                async with await session.begin_transaction(timeout=lasts) as transaction:
                    begun = loop.time()
                    self._round_trip = begun - asked
                    pool.answered(begun - asked)
                    self.credentials.answered()
                    work = Work(transaction, deadline, lock_seconds + 2 * self._round_trip, self.planned)
                    yield work
        except TimeoutError as late:
            if work and not work.commits:
                raise LocksHeld(f"not within {lock_seconds:g} s") from late
            self._give_up(Lane.SCHEDULER, used)
            raise Unanswered(f"no answer within {loop.time() - asked:.0f} s") from late

    def is_retryable(self, error: DriverError | Neo4jError) -> bool:
        """Return True if another try may succeed."""
        if isinstance(error, Neo4jError) and self.credentials.hear(error):
            return True
        if isinstance(error, Neo4jError) and error.code in _BEHIND:
            self._forget()
            _LOG.warning(
                "The graph %s is in an earlier state than before: was it restored from a backup?", self._address
            )
            return True
        return is_retryable(error)

    async def close(self) -> None:
        """Close all connections, within a few seconds; a forked process leaves that to its parent."""
        if os.getpid() == self._process:
            await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    async def bookmarks(self) -> set[str]:
        """Return the bookmarks of the state that was seen; none with a single server."""
        return set(await self._bookmarks.get_bookmarks()) if self._bookmarks else set()

    async def catch_up(self, bookmarks: set[str]) -> None:
        """Read no earlier state of the graph than that of *bookmarks*."""
        if self._bookmarks and bookmarks:
            await self._bookmarks.update_bookmarks(set(), bookmarks)

    def _forget(self) -> None:
        self._bookmarks = AsyncGraphDatabase.bookmark_manager() if self._lags else None

    def check_process(self) -> None:
        """Refuse calls in a forked process: two processes cannot share a connection. Raises GraphUnavailable."""
        if os.getpid() != self._process:
            raise GraphUnavailable(_FORKED.format(self._address))

    @asynccontextmanager
    async def _answered(self, lane: Lane, access: str, seconds: float | None) -> AsyncGenerator[AsyncSession]:
        self.check_process()
        pool, loop = self._pools[lane], asyncio.get_running_loop()
        asked, used = loop.time(), None
        try:
            async with Deadline(seconds or pool.seconds), pool.session(access, self._bookmarks) as opened:
                session, used = opened
                yield session
        except TimeoutError as late:
            self._give_up(lane, used)
            raise Unanswered(f"no answer within {loop.time() - asked:.0f} s") from late
        pool.answered(loop.time() - asked)
        self.credentials.answered()

    def _give_up(self, lane: Lane, used: AsyncDriver | None) -> None:
        """Replace all connections after a call without an answer: idle ones are dead too if this one was dropped.

        A user's query proves nothing: it may just be long.
        """
        if lane is not Lane.USER and used and self._pools[lane].give_up(used):
            for pool in self._pools.values():
                pool.replace()
