"""Queries that users write, on the embedded graph: on threads of their own, bounded in time, rows and bytes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy, InvalidInput, RemembrancerError
from remembrancer.stores.cypher.tokens import EXAMPLE
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
        self.ended = threading.Event()
        self.given_up = threading.Event()


class EmbeddedQueries:
    """Answers queries that users write.

    The engine ends a long query by itself, except one that takes long within a single expression. Such a query keeps
    its thread, and after a few of them the next query is refused. Nothing else waits for these threads.

    Args:
        database: Open.
        most_replaced: The threads that are replaced while queries hold them beyond their time.
    """

    def __init__(self, database: Database, most_replaced: int = 0) -> None:
        self._database = database
        self._threads = ReaderThreads(_THREADS, yielding=True, most_replaced=most_replaced)
        self._late: dict[str, UserQuery] = {}
        """Queries beyond their time, by the key of the one who asked."""

    async def ask(self, text: str, parameters: Row, limits: QueryLimits, key: str | None = None) -> list[Row]:
        """Return the answer to a reading query.

        Raises InvalidInput: the query is at fault, or is more than the limits allow, or the former one of this *key*
        has not ended. Raises GraphBusy: all threads were taken by other queries for as long as it may take.
        """
        if key is not None and (late := self._late.get(key)):
            if not late.ended.is_set():
                raise limits.too_long(text)
            del self._late[key]
        asked = UserQuery(text, parameters, limits)
        try:
            async with asyncio.timeout(limits.seconds):
                return await self._threads.run(lambda: self._answer(asked))
        except TimeoutError as late:
            if asked.begun.is_set():
                if key is not None:
                    self._late[key] = asked
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
        except RecursionError as error:
            raise InvalidInput("query", asked.text, "a query whose values are less deep", EXAMPLE) from error
        finally:
            asked.ended.set()

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
