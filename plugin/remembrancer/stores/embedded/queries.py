"""Queries that users write, on the embedded graph: on threads of their own, bounded in time, rows and bytes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy, InvalidInput, RemembrancerError
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.cursor import batches
from remembrancer.stores.embedded.errors import HALF_DONE, python_rows, retry_disturbed, translate_query_error
from remembrancer.stores.embedded.threads import ReaderThreads
from remembrancer.stores.rows.node_rows import plain

if TYPE_CHECKING:
    from remembrancer.errors import GraphUnavailable
    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.embedded.arcadedb import Database

_THREADS: Final = 4
_UNUSABLE: Final = (TypeError, ValueError, OverflowError)
"""The errors of the binding for a parameter that it cannot pass on."""


class UserQuery:
    """One query, until its caller has the answer or has gone."""

    def __init__(self, text: str, parameters: Row, limits: QueryLimits) -> None:
        self.text = text
        self.parameters = parameters
        self.limits = limits
        self.begun = threading.Event()
        self.given_up = threading.Event()


class EmbeddedQueries:
    """Answers queries that users write.

    The engine ends a long query by itself, except one that takes long within a single expression. Such a query keeps
    its thread, and after a few of them the next query is refused. Nothing else waits for these threads.

    Args:
        database: Open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ReaderThreads(_THREADS, yielding=True)

    async def ask(self, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Return the answer to a reading query.

        Raises InvalidInput: the query is at fault, or is more than the limits allow. Raises GraphBusy: all threads
        were taken by other queries for as long as it may take.
        """
        asked = UserQuery(text, parameters, limits)
        try:
            async with asyncio.timeout(limits.seconds):
                return await self._threads.run(lambda: self._answer(asked))
        except TimeoutError as late:
            if asked.begun.is_set():
                raise limits.too_long(text) from late
            raise GraphBusy(_BUSY.format(threads=_THREADS, seconds=limits.seconds)) from late
        finally:
            asked.given_up.set()

    def end(self, refusal: GraphUnavailable) -> None:
        """Refuse the queries that wait, and those under way: the graph is about to be closed under them."""
        self._threads.end(refusal)
        self._threads.refuse_rest(refusal)

    def _answer(self, asked: UserQuery) -> list[Row]:
        asked.begun.set()
        try:
            return retry_disturbed(lambda: self._read(asked), *HALF_DONE)
        except RemembrancerError:
            raise
        except load_engine().ArcadeDBError as error:
            raise translate_query_error(asked.text, str(error), asked.limits) from error
        except _UNUSABLE as error:
            allowed = f"JSON values; the engine's binding says: {error}"
            raise InvalidInput("parameters", asked.parameters, allowed, {"limit": 10}) from error

    def _read(self, asked: UserQuery) -> list[Row]:
        found: list[Row] = []
        size = 0
        with closing(batches(self._database, asked.text, asked.parameters, asked.limits.size)) as answer:
            for rows, batch_size in answer:
                size += batch_size
                asked.limits.check(asked.text, len(found) + len(rows), size)
                if asked.given_up.is_set():
                    return []
                found += [{name: plain(value) for name, value in row.items()} for row in python_rows(rows)]
        return found


_BUSY: Final = (
    "All {threads} threads for queries are taken by others that have not ended within {seconds:g} s. Try again; if it "
    "stays so, one of them never ends: start the scheduler again."
)
