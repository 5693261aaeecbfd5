"""Queries that users write, on a Neo4j server: on an event loop of their own, bounded in time, rows and bytes.

A large row keeps the event loop busy while it is read; so it is not the scheduler's loop.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from neo4j import Query

from remembrancer.stores.commits.lanes import Lane
from remembrancer.stores.neo4j.errors import FAULTS, UNUSABLE, RetryBudget, Unanswered, translate_query_error
from remembrancer.stores.neo4j.values import python_rows
from remembrancer.stores.rows.node_rows import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import LiteralString, TypeVar

    from neo4j import AsyncResult

    from remembrancer.errors import GraphUnavailable
    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.neo4j.address import Address
    from remembrancer.stores.neo4j.sessions import SessionFactory

    _T = TypeVar("_T")

_GRACE_SECONDS: Final = 5.0
"""The extra time for the server to end a query: it checks its transactions every two seconds."""
_CLOSE_SECONDS: Final = 5.0
_ALIVE_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 5.0


class Neo4jQueries:
    """Answers queries that users write.

    Args:
        connect: Makes the connections; called on the loop to which they belong.
        address: Of the graph.
    """

    def __init__(self, connect: Callable[[Address], SessionFactory], address: Address) -> None:
        self._connect = connect
        self._address = address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sessions: SessionFactory | None = None
        self._refusal: GraphUnavailable | None = None

    async def ask(self, text: str, parameters: Row, limits: QueryLimits, seen: set[str]) -> list[Row]:
        """Return the answer to a reading query, from no earlier state of the graph than that of the bookmarks *seen*.

        Raises InvalidInput: the query is at fault, or is more than the limits allow. Raises GraphUnavailable.
        """
        if self._refusal:
            raise self._refusal
        try:
            return await self._begin(self._ask(text, parameters, limits, seen))
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._refusal and caller and not caller.cancelling():
                raise self._refusal from None
            raise

    async def close(self, refusal: GraphUnavailable) -> None:
        """Refuse the queries under way, and close the connections."""
        self._refusal = refusal
        loop, self._loop = self._loop, None
        if loop is None:
            return
        ending = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._end(), loop))
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await ending
        except TimeoutError:
            pass  # the thread is a daemon
        loop.call_soon_threadsafe(loop.stop)

    def _begin(self, asking: Coroutine[None, None, _T]) -> asyncio.Future[_T]:
        """Start on the loop of the queries; cancelling the future cancels it there."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(self._loop,), name="remembrancer-query", daemon=True).start()
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, self._loop))

    async def _ask(self, text: str, parameters: Row, limits: QueryLimits, seen: set[str]) -> list[Row]:
        if self._sessions is None:
            self._sessions = self._connect(self._address)
        sessions, budget = self._sessions, RetryBudget(_RETRY_SECONDS)
        await sessions.catch_up(seen)
        query = Query(cast("LiteralString", text), timeout=limits.seconds)
        while True:
            try:
                async with sessions.to_read(Lane.USER, limits.seconds + _GRACE_SECONDS) as session:
                    return await _read(await session.run(query, parameters), text, limits)
            except Unanswered as error:
                await self._refuse_if_alive(text, limits, error)
                raise translate_query_error(self._address, text, error, limits) from error
            except FAULTS as error:
                known = translate_query_error(self._address, text, error, limits)
                if isinstance(known, ValueError) or not sessions.is_retryable(error) or not await budget.wait():
                    raise known from error
            except UNUSABLE as error:
                raise translate_query_error(self._address, text, error, limits) from error

    async def _refuse_if_alive(self, text: str, limits: QueryLimits, error: Unanswered) -> None:
        """Raise InvalidInput if the server, which did not answer this query, answers another one."""
        assert self._sessions  # noqa: S101 (it was asked through them)
        with suppress(*FAULTS):
            async with self._sessions.to_read(Lane.USER, _ALIVE_SECONDS) as session:
                await (await session.run("RETURN 1")).consume()
            raise limits.too_long(text) from error

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._sessions:
            await self._sessions.close()


async def _read(answer: AsyncResult, text: str, limits: QueryLimits) -> list[Row]:
    found: list[Row] = []
    size = 0
    async for record in answer:
        row = {name: plain(value) for name, value in python_rows([record])[0].items()}
        size += len(json.dumps(row, default=str))
        limits.check(text, len(found) + 1, size)
        found.append(row)
    return found


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
