"""The connection to ArcadeDB in this process: one writer thread, each commit on the disk before its answer."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, LiteralString

from remembrancer.errors import GraphReadOnly, GraphUnavailable
from remembrancer.stores.commits.lanes import Lane, lane_of
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.errors import HALF_DONE, python_rows, retry_disturbed
from remembrancer.stores.embedded.files.directory import close_folder, unwritable
from remembrancer.stores.embedded.files.snapshot import take_snapshot
from remembrancer.stores.embedded.integrity.engine_check import check_database, missing_indexes
from remembrancer.stores.embedded.integrity.engine_repair import repair_database
from remembrancer.stores.embedded.integrity.index_bypass import IndexBypass
from remembrancer.stores.embedded.queries import EmbeddedQueries
from remembrancer.stores.embedded.threads import ReaderThreads, on_own_thread
from remembrancer.stores.embedded.writer import CLOSED, EmbeddedWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.ports.graph_check import CheckStep, EngineRepair, Finding
    from remembrancer.stores.commits.statement import Row, Statement
    from remembrancer.stores.embedded.files.directory import OpenDirectory

_LOG: Final = logging.getLogger("remembrancer")
_READERS: Final = 2
_USER_READERS: Final = 4
"""Threads for lists and histories: however long these take, the scheduler has threads of its own."""
_MOST_REPLACED: Final = 16
"""Threads that queries of tasks may hold beyond their time, before others have to wait for them."""
_FINISH_SECONDS: Final = 5.0
"""The time for reads and writes under way to end by themselves when the graph is closed."""
_CLOSE_SECONDS: Final = 20.0
"""The time for closing as a whole."""
READ_ONLY: Final = (
    "The graph was opened to be read only: nothing fires and nothing is written. Open it without read_only."
)


class EmbeddedConnection:
    """A connection to one open ArcadeDB database.

    Reads run on a few threads of their own, writes on one (a transaction belongs to the thread that began it). All
    of them are daemons: a query under way keeps no process from its end.

    Args:
        opened: The directory, with its schema up to date.
        counter_id: The key of the counter of this process.
        durable: Whether a commit is on the disk before its answer; False only for a graph in memory.
        on_close: Called once the database is closed, before the lock is released.
    """

    exclusive = True

    def __init__(
        self,
        opened: OpenDirectory,
        counter_id: str,
        *,
        durable: bool = True,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._opened = opened
        self._database = opened.database
        self._database.set_wal_flush("yes_full" if durable else "no")
        self.folder: Path | None = (folder := Path(self._database.get_database_path()))
        opened.lock.watch_data(folder)
        opened.lock.files.tighten()  # migrations have created files
        self._on_close = on_close
        self._closing = False
        self._readers = {Lane.USER: ReaderThreads(_USER_READERS), Lane.SCHEDULER: ReaderThreads(_READERS)}
        self._queries = EmbeddedQueries(self._database)
        self._apart: EmbeddedQueries | None = None
        self._bypass = IndexBypass(self._database, folder.parents[1])
        self._writer = EmbeddedWriter(opened, counter_id)
        self.counts = self._writer.counts
        self.pending_counts = self._writer.pending_counts
        self.commit_sizes = self._writer.commit_sizes
        self.on_write: list[Callable[[], None]] = []
        self.connections = 1

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Answer a reading query."""
        with self.pending_counts.counting_errors():
            self._refuse_if_gone()
            readers = self._readers[Lane.USER if lane_of(text) is Lane.USER else Lane.SCHEDULER]
            return await readers.run(lambda: self._read(text, parameters))

    async def ask(self, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a reading query that a user wrote. Raises InvalidInput, GraphUnavailable."""
        self._refuse_if_gone()
        return await self._queries.ask(text, parameters, limits)

    async def ask_apart(self, key: str, text: str, parameters: Row, limits: QueryLimits) -> list[Row]:
        """Answer a query as `ask` does, on threads of its own, which begin with the first."""
        self._refuse_if_gone()
        if self._apart is None:
            self._apart = EmbeddedQueries(self._database, most_replaced=_MOST_REPLACED)
        return await self._apart.ask(text, parameters, limits, key)

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements in order, all or none; return each one's rows once they are on the disk.

        Raises OutcomeUnknown as well: the graph was closed while the disk did not answer.
        """
        if self._opened.read_only:
            raise GraphReadOnly((self.folder and unwritable(self.folder.parents[1])) or READ_ONLY)
        with self.pending_counts.counting_errors():
            self._refuse_if_gone()
            rows = await self._writer.write(statements)
        for changed in self.on_write:
            changed()
        return rows

    async def verify(self) -> None:
        """Check that the directory is still the one that was opened. Raises GraphReplaced."""
        self._refuse_if_gone()
        await on_own_thread(self._opened.lock.verify)  # a disk that hangs must not stop the event loop

    async def missing_indexes(self) -> list[str]:
        """Return the properties whose index is missing."""
        self._refuse_if_gone()
        try:
            return await on_own_thread(lambda: missing_indexes(self._database))
        except load_engine().ArcadeDBError as error:
            raise GraphUnavailable(f"The graph did not answer: {error}") from error

    async def check_engine(self, watch: Callable[[CheckStep], None]) -> list[Finding]:
        """Return the faults of the engine's files, and the differences between its indexes and the records."""
        self._refuse_if_gone()
        try:
            return await on_own_thread(lambda: check_database(self._database, watch))
        except load_engine().ArcadeDBError as error:
            raise GraphUnavailable(f"The engine could not check itself: {error}") from error

    async def repair_engine(self, watch: Callable[[CheckStep], None]) -> EngineRepair:
        """Let the engine repair its records and links, and build all indexes; return the repairs and the losses."""
        self._refuse_if_gone()
        try:
            return await on_own_thread(lambda: repair_database(self._database, watch))
        except load_engine().ArcadeDBError as error:
            raise GraphUnavailable(f"The engine could not mend itself: {error}") from error

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one time, into the empty directory *target*, during writes.

        Raises GraphUnavailable: the files cannot be copied.
        """
        self._refuse_if_gone()
        database = Path(self._database.get_database_path())
        try:
            await on_own_thread(lambda: take_snapshot(database, target, self._writer.held()))
        except OSError as refused:
            raise GraphUnavailable(f"The files of the graph cannot be copied to {target}: {refused}") from refused
        self._opened.lock.refuse_if_lost()

    async def warm_up(self, names: Sequence[str]) -> None:
        """Do nothing: planning takes this engine no time."""

    async def ensure_schema(self) -> None:
        """Do nothing: no other process can remove the schema of an open graph."""

    async def close(self) -> None:
        """Finish the writes under way, then close the database.

        A query that takes longer ends with an error, as its database is closed. If the engine does not end in time, the
        directory stays locked: no other process may open it while this one may still write to it.
        """
        if self._closing or self._opened.lock.inherited:
            return
        self._closing = True
        self._writer.end()
        for queries in (self._queries, self._apart):
            if queries is not None:
                queries.end(GraphUnavailable(CLOSED))
        for readers in self._readers.values():
            readers.end(GraphUnavailable(CLOSED))
        try:
            await on_own_thread(self._shut, seconds=_CLOSE_SECONDS)
        except TimeoutError:
            self._writer.refuse_rest()
            for readers in self._readers.values():
                readers.refuse_rest(GraphUnavailable(CLOSED))
            _LOG.error(
                "The graph %s could not be closed within %g s: its disk does not answer, or a query does not end. It "
                "stays locked until this process ends.",
                self.folder,
                _CLOSE_SECONDS,
            )

    def _shut(self) -> None:
        until = time.monotonic() + _FINISH_SECONDS
        self._writer.join(until)
        for readers in self._readers.values():
            readers.join(until)
        close_folder(self._opened, self._on_close)
        for readers in self._readers.values():
            readers.refuse_rest(GraphUnavailable(CLOSED))
        if not self._writer.join(time.monotonic() + _FINISH_SECONDS):
            self._writer.refuse_rest()

    def _refuse_if_gone(self) -> None:
        if self._closing:
            raise GraphUnavailable(CLOSED)
        self._opened.lock.refuse_if_lost()

    def _read(self, text: LiteralString, parameters: Row) -> list[Row]:
        try:
            return retry_disturbed(
                lambda: python_rows(self._database.query("opencypher", text, parameters).to_list()), *HALF_DONE
            )
        except load_engine().ArcadeDBError as error:
            return self._bypass.read(text, parameters, str(error))
