"""Neo4j: a graph on a server that many replicas share, through its asynchronous driver."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, LiteralString
from uuid import uuid4

from neo4j import AsyncGraphDatabase

from remembrancer.errors import GraphUnavailable, GraphUnreachable, OutcomeUnknown
from remembrancer.stores.folding import AT_ONCE_MS, ENDED
from remembrancer.stores.group_commit import REMEMBERED, Group, Pending, Write
from remembrancer.stores.neo4j_meaning import (
    FAULTS,
    UNUSABLE,
    Patience,
    is_declared,
    reading_meaning,
    writing_meaning,
)
from remembrancer.stores.neo4j_sessions import Sessions
from remembrancer.stores.neo4j_values import encodable, plain_rows, ungathered
from remembrancer.stores.neo4j_writer import Writer
from remembrancer.stores.notes import Notes
from remembrancer.stores.tally import Counts, zero
from remembrancer.stores.upgrade import Use, upgrade_neo4j
from remembrancer_schema.catalog import gathered, query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from neo4j import AsyncDriver

    from remembrancer.stores.address import Address
    from remembrancer.stores.session import Row, Statement

_ROWS_PER_COMMIT: Final = 1000
"""A commit is a round trip to a server: the more go together, the better."""
WRITERS: Final = 2
_PATIENCE_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
_ACQUIRE_SECONDS: Final = 15.0
"""Bounds the wait for a server that takes a connection and then says nothing."""
_LIVENESS_SECONDS: Final = 60.0
"""A connection that was idle for so long is tried before it is used: something in between may have dropped it."""
_CONNECTIONS: Final = 32
_MANY_ROWS: Final = frozenset({query("due_tasks"), query("due_tasks_of_shares")})
_URGENT: Final = frozenset({"renew_leases", "sign_on"})
"""Neither counted nor answered, and no worse for being done twice."""
_CLOSED: Final = "The graph is closed: start the service again."


class Neo4jSession:
    """The session over one database of a Neo4j server. It belongs to the event loop that it was made in.

    Reads go each on a connection of their own. Writes queue for a free writer, which commits them in groups.

    Args:
        driver: Open; ours alone.
        address: Which database, and how messages name it.
        writers: How many commits may be under way at once.
    """

    exclusive = False
    folder: Path | None = None

    def __init__(self, driver: AsyncDriver, address: Address, writers: int = WRITERS) -> None:
        self._driver = driver
        self._address = address
        self._sessions = Sessions(driver, address)
        self._pending = Pending(_ROWS_PER_COMMIT)
        self.counts: Counts = zero()
        self.notes = Notes()
        self.on_write: list[Callable[[], None]] = []
        self.commits: deque[int] = deque(maxlen=REMEMBERED)
        mine, counted = uuid4().hex, (self.counts, self.notes)
        self._writers = [Writer(self._sessions, address, f"{mine}.{place}", counted) for place in range(writers)]
        self._free = list(self._writers)
        self._committing: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def connections(self) -> int:
        """How many connections were in use at a time, at most."""
        return self._sessions.connections

    async def greet(self) -> None:
        """Ask for nothing, once: the driver raises what stands between us and the graph."""
        async with self._sessions.to_read() as session:
            await (await session.run("RETURN 1")).consume()

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Answer a reading query; it sees what this session has written."""
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        with self.notes.of_faults():
            return await self._read(text, parameters)

    async def _read(self, text: LiteralString, parameters: Row) -> list[Row]:
        patience = Patience(_PATIENCE_SECONDS)
        while True:
            try:
                async with self._sessions.to_read() as session:
                    if text not in _MANY_ROWS:
                        answer = await session.run(text, parameters)
                        return plain_rows([record async for record in answer])
                    asked = gathered(text)
                    answer = await session.run(asked.text, parameters)
                    return ungathered(await answer.single(strict=True), asked.columns)
            except FAULTS as error:
                if not self._sessions.may_pass(error) or not await patience.wait():
                    raise reading_meaning(self._address, text, error) from error
            except UNUSABLE as error:
                raise reading_meaning(self._address, text, error) from error

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements in order, all or none; return each one's rows once they are committed.

        Raises OutcomeUnknown beside what every session raises: then they may have been kept.
        """
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        if statements and all(each.name in _URGENT for each in statements):
            return await self._write_at_once(statements)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[list[Row]]] = loop.create_future()
        self._pending.add(Write(statements, answer))
        # Announced once this turn of the loop is over: what a thousand handlers write in one turn goes together.
        loop.call_soon(self._begin_commits)
        with self.notes.of_faults():
            rows = await answer
        for changed in self.on_write:
            changed()
        return rows

    async def _write_at_once(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Write what must not wait behind a commit that waits for locks, or a replica that lives is taken for dead."""
        for each in statements:
            await self.run_again_and_again(query(each.name), {"rows": list(each.rows)})
        return [[] for _ in statements]

    async def run_again_and_again(self, text: LiteralString, parameters: Row) -> None:
        """Run a statement that does no harm when it is run twice, in a transaction of its own."""
        patience = Patience(_PATIENCE_SECONDS)
        while True:
            try:
                async with self._sessions.to_write() as session:
                    await (await session.run(text, parameters)).consume()
            except FAULTS as error:
                if is_declared(error):
                    return
                if not self._sessions.may_pass(error) or not await patience.wait():
                    raise writing_meaning(self._address, error) from error
            else:
                return

    async def prepare(self, names: Sequence[str]) -> None:
        """Have the server plan these queries: the first time, and when the graph has grown, that takes a while."""
        for name in names:
            await self._read("EXPLAIN " + gathered(query(name)).text, {"given": {"rows": []}})

    async def renew_schema(self) -> None:
        """Declare what the graph lacks, and mark it if it has no marker."""
        await upgrade_neo4j(self, str(self._address))

    async def close(self) -> None:
        """Finish the writes under way, then let the server go."""
        if self._closing:
            return
        self._closing = True
        self._begin_commits()
        while self._committing:
            await asyncio.wait(self._committing)
        wrote = [each for each in self._writers if each.wrote]
        rows: list[Row] = [
            {"counter_id": each.counter_id, "into": ENDED, "row": 0, "idle_ms": AT_ONCE_MS} for each in wrote
        ]
        try:
            for name in ("fold_hours", "fold_counters", "forget_counters") if rows else ():
                await self.run_again_and_again(query(name), {"rows": rows})
        except GraphUnavailable:
            pass  # they stay where they are, and count all the same
        finally:
            await self._driver.close()

    def _begin_commits(self) -> None:
        """Give every free writer a group, as long as there are writes."""
        while self._pending and self._free:
            task = asyncio.get_running_loop().create_task(self._commit(self._free.pop(), self._pending.next_group()))
            self._committing.add(task)
            task.add_done_callback(self._committing.discard)

    async def _commit(self, writer: Writer, group: Group) -> None:
        try:
            await self._settle_group(writer, group)
        finally:
            self._free.append(writer)
            self._begin_commits()

    async def _settle_group(self, writer: Writer, group: Group) -> None:
        """Commit a group; if it is refused, commit its halves, so that a bad write fails alone."""
        try:
            shares = group.share(await writer.commit(group))
            self.commits.append(group.size)
        except (GraphUnreachable, OutcomeUnknown) as error:
            group.refuse(error)
        except UnicodeEncodeError:
            await self._settle_group(writer, Group.of([encodable(write) for write in group.writes]))
        except Exception as error:  # noqa: BLE001 (whatever it is belongs to the callers, not to this task)
            half = len(group.writes) // 2
            if half == 0:
                group.refuse(error)
                return
            for part in (group.writes[:half], group.writes[half:]):
                await self._settle_group(writer, Group.of(part))
        else:
            for write, share in zip(group.writes, shares, strict=True):
                write.give(share)


async def open_neo4j(address: Address, use: Use = Use.WORK) -> Neo4jSession:
    """Connect, and bring the schema up to date. Raises GraphUnavailable in one of its forms.

    The driver logs each failed try as an error: what it says, our errors say, so it is quiet unless the application
    has set its level.
    """
    for name in ("neo4j.io", "neo4j.pool"):
        if (log := logging.getLogger(name)).level == logging.NOTSET:
            log.setLevel(logging.CRITICAL)
    driver = AsyncGraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType] (its options are untyped)
        address.uri,
        auth=(address.user, address.password or "") if address.user else None,
        user_agent="remembrancer",
        connection_timeout=_CONNECT_SECONDS,
        connection_acquisition_timeout=_ACQUIRE_SECONDS,
        liveness_check_timeout=_LIVENESS_SECONDS,
        max_connection_pool_size=_CONNECTIONS,
        notifications_min_severity="OFF",
    )
    session = Neo4jSession(driver, address)
    try:
        await session.greet()
        await upgrade_neo4j(session, str(address), use)
    except FAULTS as error:
        await driver.close()
        raise writing_meaning(address, error) from error
    except BaseException:
        await driver.close()
        raise
    return session
