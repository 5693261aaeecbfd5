"""The embedded engine: ArcadeDB in this process, one writer thread, every commit on the disk before it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, LiteralString, TypeVar, cast

from remembrancer.errors import GraphFull, GraphUnavailable, InvalidInput, RemembrancerError
from remembrancer.stores.books import Books
from remembrancer.stores.engine import Plain, load_engine
from remembrancer.stores.group_commit import REMEMBERED, Group, Pending, Write
from remembrancer.stores.notes import Notes
from remembrancer.stores.session import Row, Statement, UniqueKeyTaken
from remembrancer.stores.tally import Counts, Tally, zero
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.stores.engine import Database

_T = TypeVar("_T")
_READERS: Final = 2
_ROWS_PER_COMMIT: Final = 64
"""A commit costs what five rows cost, so more together save little; and while a hundred callers' writes go in two
commits, those of the one half work out what they write next while the other half's are being written."""
_TRIES: Final = 20
_HALF_DONE: Final = "RecordNotFoundException"
"""How the engine refuses a read that finds a record in an index while the commit that made it is under way."""
_CLOSED: Final = "The graph is closed: start the service again."
_EXAMPLE: Final = "MATCH (t:scheduled_task) RETURN t.name, t.status"
_QUERY_FAULTS: Final = ("CommandParsing", "CommandSemantic", "CommandSQLParsing", "CommandExecution", "IllegalArgument")
_ENGINE_KEYS: Final = ("@rid", "@type", "@cat", "@in", "@out")


class EmbeddedSession:
    """The session over one open ArcadeDB database.

    Reads run on a few threads of their own. Writes queue for the one writer thread, which commits them in groups
    (a transaction belongs to the thread that began it).

    Args:
        database: Open, upgraded, ours alone.
        counter_id: Under which the commits of this process are counted.
        durable: Whether a commit reaches the disk before it is answered; False only for a graph in memory.
        on_close: Called once the database is closed.
    """

    exclusive = True

    def __init__(
        self,
        database: Database,
        counter_id: str,
        *,
        durable: bool = True,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        database.set_wal_flush("yes_full" if durable else "no")
        self._database = database
        self.folder: Path | None = Path(database.get_database_path())
        self._books = Books(counter_id)
        self._on_close = on_close
        self._pending = Pending(_ROWS_PER_COMMIT)
        self._arrived = threading.Condition()
        self._closing = False
        self._readers = ThreadPoolExecutor(_READERS, "remembrancer-read")
        self._writer = threading.Thread(target=self._commit_groups, name="remembrancer-write", daemon=True)
        self._writer.start()
        self.counts: Counts = zero()
        self.notes = Notes()
        self.on_write: list[Callable[[], None]] = []
        self.commits: deque[int] = deque(maxlen=REMEMBERED)
        self.connections = 1

    async def read(self, text: LiteralString, parameters: Row) -> list[Row]:
        """Answer a reading query."""
        if self._closing:
            raise GraphUnavailable(_CLOSED)
        with self.notes.of_faults():
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, text, parameters)

    async def write(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements in order, all or none; return each one's rows once they are on the disk."""
        answer: asyncio.Future[list[list[Row]]] = asyncio.get_running_loop().create_future()
        with self._arrived:
            if self._closing:
                raise GraphUnavailable(_CLOSED)
            self._pending.add(Write(statements, answer))
            self._arrived.notify()
        with self.notes.of_faults():
            rows = await answer
        for changed in self.on_write:
            changed()
        return rows

    async def prepare(self, names: Sequence[str]) -> None:
        """Do nothing: this engine plans in no time."""

    async def renew_schema(self) -> None:
        """Do nothing: nobody else can have taken away what opening the graph has declared."""

    async def close(self) -> None:
        """Finish the writes under way, then close the database."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown(wait=True)
        await asyncio.to_thread(self._database.close)
        if self._on_close:
            self._on_close()

    def _read(self, text: LiteralString, parameters: Row) -> list[Row]:
        try:
            return _insist(lambda: _plain(self._database.query("opencypher", text, parameters).to_list()), _HALF_DONE)
        except load_engine().ArcadeDBError as error:
            raise _reading_meaning(text, str(error)) from error

    def _commit_groups(self) -> None:
        """Take and commit groups until closed; the writer thread's whole life."""
        while True:
            with self._arrived:
                while not self._pending and not self._closing:
                    self._arrived.wait()
                if not self._pending:
                    return
                group = self._pending.next_group()
            self._settle_group(group)

    def _settle_group(self, group: Group) -> None:
        """Commit a group; if it fails, commit its writes one by one, so that a bad one fails alone."""
        try:
            shares = group.share(self._commit(group))
        except Exception as error:  # noqa: BLE001 (whatever it is belongs to the callers, not to this thread)
            if len(group.writes) > 1:
                for write in group.writes:
                    self._settle_group(Group.of([write]))
            else:
                _answer(group.writes, [_meaning(error)])
        else:
            _answer(group.writes, shares)

    def _commit(self, group: Group) -> list[list[Row]]:
        """Commit a group in one transaction, again if somebody else's transaction was in the way."""
        return _insist(lambda: self._commit_once(group), "ConcurrentModification")

    def _commit_once(self, group: Group) -> list[list[Row]]:
        entry = None
        notes = self.notes.take()
        self._database.begin()
        try:
            answers = [self._run(batch.name, batch.rows) for batch in group.batches]
            if (tally := group.tally(answers)) or notes:
                self._learn(tally)
                entry = self._books.enter(tally, notes)
                self._run("keep_books", [entry.row])
            self._database.commit()
        except BaseException:
            self.notes.give_back(notes)
            with contextlib.suppress(load_engine().ArcadeDBError):
                self._database.rollback()
            raise
        if entry:
            self._books.keep(entry, self.counts)
        self.commits.append(group.size)
        return answers

    def _learn(self, tally: Tally) -> None:
        if keys := self._books.unknown(tally):
            found = self._database.query("opencypher", query("books"), {"keys": keys}).to_list()
            self._books.learn(keys, _plain(found))

    def _run(self, name: str, rows: list[Row]) -> list[Row]:
        return self._database.command("opencypher", query(name), {"rows": Plain(rows)}).to_list()


def _insist(work: Callable[[], _T], passing: str) -> _T:
    """Do *work*, again while a commit of another thread is in its way, which the engine says by *passing*."""
    for left in reversed(range(_TRIES)):
        try:
            return work()
        except load_engine().ArcadeDBError as error:
            if left == 0 or passing not in str(error):
                raise
            time.sleep(0.002)
    raise AssertionError("the last try either returns or raises")


def _answer(writes: list[Write], answers: Sequence[list[list[Row]] | Exception]) -> None:
    """Hand the answers over to the loops that wait for them, one call for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Write, list[list[Row]] | Exception]]] = {}
    for write, answer in zip(writes, answers, strict=True):
        by_loop.setdefault(write.answer.get_loop(), []).append((write, answer))
    for loop, mine in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(answered: list[tuple[Write, list[list[Row]] | Exception]]) -> None:
    for write, answer in answered:
        write.give(answer)


def _plain(rows: list[Row]) -> list[Row]:
    """Leave the engine's own keys out of nodes."""
    for row in rows:
        for value in row.values():
            if isinstance(value, dict):
                node = cast("Row", value)
                for key in _ENGINE_KEYS:
                    node.pop(key, None)
    return rows


def _reading_meaning(text: str, fault: str) -> RemembrancerError:
    """Say whether the query or the graph is at fault."""
    if "NotIdempotent" in fault:
        return InvalidInput("query", text, "a query that only reads (MATCH … RETURN …)", _EXAMPLE)
    if any(word in fault for word in _QUERY_FAULTS):
        return InvalidInput("query", text, f"Cypher that the engine reads; it says: {fault[:500]}", _EXAMPLE)
    return GraphUnavailable(f"The graph did not answer: {fault}")


def _meaning(error: Exception) -> Exception:
    """Say in our words what the engine says in its own."""
    text = str(error)
    if "DuplicatedKeyException" in text:
        return UniqueKeyTaken(text)
    if "No space left" in text or "ENOSPC" in text:
        return GraphFull(f"The disk is full: nothing of this write was kept. Free some space and try again. ({text})")
    return GraphUnavailable(f"The graph refused the write, and nothing of it was kept: {text}")
