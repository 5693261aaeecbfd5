"""The connection to Neo4j: a graph on a server that replicas share, through the asynchronous driver."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, LiteralString
from uuid import uuid4

from neo4j import AsyncGraphDatabase

from remembrancer.errors import GraphUnavailable
from remembrancer.ports.graph_check import CheckStep, EngineRepair, Finding
from remembrancer.stores.commits.counter_rollup import AT_ONCE_MS, ENDED
from remembrancer.stores.commits.group_commit import REMEMBERED, Write
from remembrancer.stores.commits.hourly_delta import Counts, zero
from remembrancer.stores.commits.lanes import KINDS, Lane, lane_of
from remembrancer.stores.commits.pending_counts import PendingCounts
from remembrancer.stores.commits.writes import is_urgent, kind_of
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.neo4j.credentials import Credentials
from remembrancer.stores.neo4j.errors import (
    FAULTS,
    UNUSABLE,
    RetryBudget,
    Unanswered,
    is_declared,
    translate_lasting_error,
    translate_read_error,
    translate_write_error,
)
from remembrancer.stores.neo4j.migrations import declare_again, refuse_old_server, undeclared, upgrade_neo4j
from remembrancer.stores.neo4j.queries import Neo4jQueries
from remembrancer.stores.neo4j.sessions import SessionFactory
from remembrancer.stores.neo4j.values import python_rows, unpack_rows
from remembrancer.stores.neo4j.write_queue import WriteQueue
from remembrancer.stores.neo4j.writer import CommitWriter
from remembrancer_schema.catalog import gathered, query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from neo4j import Address as Place, AsyncDriver

    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.stores.commits.statement import Row, Statement
    from remembrancer.stores.neo4j.address import Address

_RETRY_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
_ACQUIRE_SECONDS: Final = 15.0
"""The wait for a server that accepts a connection and then is silent, and for a free connection."""
_LIVENESS_SECONDS: Final = 10.0
"""A connection that was idle for this time is tested before use: the network may have dropped it."""
_CLOSE_SECONDS: Final = 20.0
"""The time for writes under way to finish; longer than a write may wait for locks."""
_FOLD_SECONDS: Final = 5.0
_FEW_ROWS: Final = 1000
"""The rows of a user's query that the server sends at a time, so that it can be stopped at its limit."""
_MANY_ROWS: Final = frozenset({query("due_tasks"), query("due_tasks_of_shards")})
_CLOSED: Final = "The graph is closed: start the service again."


class Neo4jConnection:
    """A connection to one database of a Neo4j server. It belongs to the event loop in which it was made.

    Each call takes a connection of its lane. Writes queue by kind for a free writer, which commits them in groups.

    Args:
        sessions: Of this graph, used by no other connection.
        address: Of the graph.
    """

    exclusive = False
    folder: Path | None = None

    def __init__(self, sessions: SessionFactory, address: Address) -> None:
        self._address = address
        asking = partial(_session_factory, fetch_size=_FEW_ROWS, lanes=[Lane.USER], of=sessions.credentials)
        self._asking = Neo4jQueries(asking, address)
        self._apart = Neo4jQueries(asking, address)
        self._sessions = sessions
        self.counts: Counts = zero()
        self.pending_counts = PendingCounts()
        self.on_write: list[Callable[[], None]] = []
        self.commit_sizes: deque[int] = deque(maxlen=REMEMBERED)
        self._id = uuid4().hex
        self._made = 0
        self._queues = {kind: WriteQueue(kind, self._writer, self.commit_sizes) for kind in KINDS}
        self._closing = False

    @property
    def connections(self) -> int:
        """The most driver connections that were in use at once."""
        return self._sessions.connections

    async def verify_connectivity(self) -> None:
        """Run one query that reads nothing: the driver raises if the graph is out of reach. Raises ServerTooOld."""
        async with self._sessions.to_read(Lane.SCHEDULER) as session:
            answer = await (await session.run("RETURN 1")).consume()
        refuse_old_server(answer.server.agent, str(self._address))

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Answer a reading query; it sees the writes of this connection."""
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        with self.pending_counts.counting_errors():
            return await self._read(text, parameters, lane_of(text))

    async def ask(self, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a reading query that a user wrote; it sees the writes of this connection."""
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        self._sessions.check_process()
        return await self._asking.ask(text, parameters, limits, await self._sessions.bookmarks())

    async def ask_apart(self, key: str, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a query as `ask` does, on connections of its own; the server ends each in time."""
        del key
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        self._sessions.check_process()
        return await self._apart.ask(text, parameters, limits, await self._sessions.bookmarks())

    async def _read(self, text: LiteralString, parameters: Row, lane: Lane) -> list[Row]:
        budget = RetryBudget(_RETRY_SECONDS)
        while True:
            try:
                async with self._sessions.to_read(lane) as session:
                    if text not in _MANY_ROWS:
                        answer = await session.run(text, parameters)
                        return python_rows([record async for record in answer])
                    asked = gathered(text)
                    answer = await session.run(asked.text, parameters)
                    return unpack_rows(await answer.single(strict=True), asked.columns)
            except FAULTS as error:
                if lane is Lane.USER and isinstance(error, Unanswered):
                    raise translate_lasting_error(self._address, error) from error
                if not self._sessions.is_retryable(error) or not await budget.wait():
                    raise translate_read_error(self._address, error) from error
            except UNUSABLE as error:
                raise translate_read_error(self._address, error) from error

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements in order, all or none; return each one's rows once they are committed.

        Raises OutcomeUnknown as well: the rows may have been kept then.
        """
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        if is_urgent(statements):
            return await self._write_at_once(statements)
        self._sessions.check_process()
        answer: asyncio.Future[list[list[Row]]] = asyncio.get_running_loop().create_future()
        self._queues[kind_of(statements)].add(Write(statements, answer))
        with self.pending_counts.counting_errors():
            rows = await answer
        for changed in self.on_write:
            changed()
        return rows

    async def _write_at_once(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Write at once: a renewal or heartbeat that waits for the locks of another commit may come too late."""
        for each in statements:
            await self.run_idempotent(query(each.name), {"rows": list(each.rows)}, Lane.URGENT)
        return [[] for _ in statements]

    async def run_idempotent(
        self, text: LiteralString, parameters: Row, lane: Lane = Lane.SCHEDULER, seconds: float | None = None
    ) -> None:
        """Run a statement that may be repeated, in a transaction of its own, until it is answered."""
        budget = RetryBudget(_RETRY_SECONDS)
        while True:
            try:
                async with self._sessions.to_write(lane, seconds) as session:
                    await (await session.run(text, parameters)).consume()
            except FAULTS as error:
                if is_declared(error):
                    return
                if not self._sessions.is_retryable(error) or not await budget.wait():
                    raise translate_write_error(self._address, error) from error
            else:
                return

    async def verify(self) -> None:
        """Do nothing: the replica registry reads the marker of the graph with every heartbeat."""

    async def missing_indexes(self) -> list[str]:
        """Return the properties whose index or constraint is missing, or not online."""
        return [f"{label}.{name}" for _, label, name in await undeclared(self)]

    async def check_engine(self, watch: Callable[[CheckStep], None]) -> list[Finding]:
        """Return the constraints and indexes that the server lacks, or has not built; it checks its files itself."""
        found = await undeclared(self)
        watch(CheckStep("index", 1, 1))
        return [
            Finding("index", f"The {kind.lower()} of {label}.{name} is missing, or not online.", loss=False)
            for kind, label, name in found
        ]

    async def repair_engine(self, watch: Callable[[CheckStep], None]) -> EngineRepair:
        """Declare the constraints and indexes that the server lacks; return a description of each."""
        missing = await undeclared(self)
        if missing:
            await declare_again(self)
        watch(CheckStep("index", 1, 1))
        return EngineRepair([f"The {kind.lower()} of {label}.{name} was made again." for kind, label, name in missing])

    async def snapshot(self, target: Path) -> None:
        """Refuse: the files are the server's. Raises GraphUnavailable."""
        raise GraphUnavailable(
            f"The files of {self._address} are its server's, and none was copied to {target}: use `neo4j-admin`, or "
            "`remembrancer backup` while no scheduler works on the graph."
        )

    async def warm_up(self, names: Sequence[str]) -> None:
        """Let the server plan these queries: the first time, and after the graph has grown, that takes a while."""
        for name in names:
            text = gathered(query(name)).text
            await self._read("EXPLAIN " + text, {"given": {"rows": []}}, Lane.SCHEDULER)
            self._sessions.planned.add(text)

    async def ensure_schema(self) -> None:
        """Declare the schema that the graph lacks, and mark it if it has no marker."""
        await upgrade_neo4j(self, str(self._address))

    async def close(self) -> None:
        """Finish the writes under way, then close all connections; each within a bounded time."""
        if self._closing:
            return
        self._closing = True
        await asyncio.gather(*(each.close(GraphUnavailable(_CLOSED)) for each in (self._asking, self._apart)))
        await asyncio.gather(*(queue.finish(_CLOSE_SECONDS) for queue in self._queues.values()))
        wrote = [each for queue in self._queues.values() for each in queue.writers if each.wrote]
        rows: list[Row] = [
            {"counter_id": each.counter_id, "into": ENDED, "row": 0, "idle_ms": AT_ONCE_MS} for each in wrote
        ]
        try:
            async with asyncio.timeout(_FOLD_SECONDS):
                for name in ("roll_up_hours", "roll_up_counters", "delete_counters") if rows else ():
                    await self.run_idempotent(query(name), {"rows": rows})
        except (GraphUnavailable, TimeoutError):
            pass  # the counters stay unfolded, and count all the same
        finally:
            await self._sessions.close()

    def _writer(self, on_doubt: Callable[[], None]) -> CommitWriter:
        """Make a writer with a counter of its own."""
        self._made += 1
        counted = (self.counts, self.pending_counts)
        return CommitWriter(self._sessions, self._address, f"{self._id}.{self._made - 1}", counted, on_doubt)


async def open_neo4j(address: Address, use: OpenMode = OpenMode.SERVE) -> Neo4jConnection:
    """Connect, and bring the schema up to date. Raises GraphUnavailable in one of its forms.

    The driver logs each failed try as an error; the errors raised here say the same, so its loggers are silenced unless
    the application has set their level.
    """
    for name in ("neo4j.io", "neo4j.pool"):
        if (log := logging.getLogger(name)).level == logging.NOTSET:
            log.setLevel(logging.CRITICAL)
    sessions = _session_factory(address)
    session = Neo4jConnection(sessions, address)
    try:
        await session.verify_connectivity()
        await upgrade_neo4j(session, str(address), use)
    except FAULTS as error:
        await sessions.close()
        raise translate_write_error(address, error) from error
    except BaseException:
        await sessions.close()
        raise
    return session


def _session_factory(
    address: Address, *, lanes: Iterable[Lane] = Lane, fetch_size: int = -1, of: Credentials | None = None
) -> SessionFactory:
    credentials = Credentials(address, of)
    return SessionFactory(_connecting(address, credentials), address, credentials, lanes=lanes, fetch_size=fetch_size)


def _connecting(address: Address, credentials: Credentials) -> Callable[[Lane], AsyncDriver]:
    """Return a function that makes the driver of a lane; all of them log in with the same credentials."""

    async def resolve(place: Place) -> list[Place]:
        """Run before each new connection, and not before the use of an open one."""
        await credentials.wait_for_connection()
        return [place]

    def connect(lane: Lane) -> AsyncDriver:
        return AsyncGraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType] (its options are untyped)
            address.uri,
            auth=credentials,
            resolver=resolve,
            user_agent="remembrancer",
            connection_timeout=_CONNECT_SECONDS,
            connection_acquisition_timeout=_ACQUIRE_SECONDS,
            liveness_check_timeout=_LIVENESS_SECONDS,
            max_connection_pool_size=lane.value.connections,
            keep_alive=True,
            notifications_min_severity="OFF",
        )

    return connect
