"""The queue of writes of one kind to Neo4j: they wait for a free writer, which commits them in groups."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy, GraphUnavailable, GraphUnreachable, OutcomeUnknown
from remembrancer.stores.commits.group_commit import Group, Pending
from remembrancer.stores.neo4j.values import encodable

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Coroutine

    from remembrancer.stores.commits.group_commit import Write
    from remembrancer.stores.commits.lanes import Kind
    from remembrancer.stores.neo4j.writer import CommitWriter

_SPARE: Final = 4
"""The most extra writers, made while others look up the outcome of a commit."""
_SLOWEST: Final = 4
"""The factor up to which lock waits grow while no write of the kind succeeds."""
_DOUBTFUL: Final = (
    "The graph's server has not answered since commits were lost: nothing of this write was sent. Try again."
)
_CLOSED: Final = "The graph was closed before this write was sent: nothing of it was kept."
_CLOSED_IN_DOUBT: Final = (
    "The graph was closed while a write was being committed: whether it was kept is not known. Look before you repeat "
    "it."
)


class WriteQueue:
    """The writes of one kind, and the writers that commit them.

    A writer whose commit was lost looks its outcome up, and another one takes its place. A write that waits for locks
    of others waits with a writer of its own. So neither delays the writes after it.

    Args:
        kind: The kind of the writes.
        make: Makes a writer, which calls back when it begins to look up the outcome of a commit.
        commit_sizes: The list to which the rows of each commit are added.
    """

    def __init__(
        self, kind: Kind, make: Callable[[Callable[[], None]], CommitWriter], commit_sizes: deque[int]
    ) -> None:
        self._kind = kind
        self._make = make
        self._commit_sizes = commit_sizes
        self._pending = Pending(kind.rows)
        self.writers: list[CommitWriter] = []
        """All that were made."""
        self._free: list[CommitWriter] = []
        self._busy: list[CommitWriter] = []
        self._waiting: list[CommitWriter] = []
        self._places = asyncio.Semaphore(_SPARE)
        self._backoff = 1
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, write: Write) -> None:
        """Commit *write* with those of the same turn of the event loop: a thousand handlers may write in one."""
        self._pending.add(write)
        asyncio.get_running_loop().call_soon(self.begin)

    def begin(self) -> None:
        """Give every free writer a group, as long as there are writes."""
        while self._pending and sum(not each.looks_up for each in self._busy) < self._kind.writers:
            group = self._pending.next_group()
            if writer := self._take():
                self._start(self._commit(writer, group))
            else:
                group.refuse(GraphUnreachable(_DOUBTFUL))

    async def finish(self, seconds: float) -> None:
        """Commit the writes that wait; after *seconds*, give up those under way, with an error for their callers."""
        self.begin()
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + seconds
        while self._tasks and loop.time() < give_up_at:
            await asyncio.wait(self._tasks, timeout=give_up_at - loop.time())
        while self._pending:
            self._pending.next_group().refuse(GraphUnreachable(_CLOSED))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self) -> CommitWriter | None:
        """Return a free writer, preferably one that is not in doubt of its last commit; None if all look that up."""
        sure = next((each for each in reversed(self._free) if not each.is_in_doubt), None)
        if sure is None and len(self._busy) + len(self._free) < self._kind.writers + _SPARE:
            sure = self._made()
            self._free.append(sure)
        if sure is None and not self._free:
            return None
        writer = sure or self._free[-1]
        self._free.remove(writer)
        self._busy.append(writer)
        return writer

    def _made(self) -> CommitWriter:
        self.writers.append(writer := self._make(self.begin))
        return writer

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _commit(self, writer: CommitWriter, group: Group) -> None:
        try:
            await self._settle_group(writer, group)
        except asyncio.CancelledError:
            group.refuse(_on_close(writer))
            raise
        finally:
            self._release(writer)

    async def _settle_group(self, writer: CommitWriter, group: Group, *, patient: bool = False) -> None:
        """Commit a group; if it is refused, commit its halves, until a bad or locked write is alone."""
        seconds = self._kind.limit(group.size, patient=patient) * self._backoff
        try:
            shares = group.share(await writer.commit(group, seconds))
            self._commit_sizes.append(group.size)
            self._backoff = 1
            self._learn()
        except (GraphUnreachable, OutcomeUnknown) as error:
            group.refuse(error)
        except UnicodeEncodeError:
            await self._settle_group(writer, Group.of([encodable(write) for write in group.writes]), patient=patient)
        except Exception as error:  # noqa: BLE001 (whatever it is belongs to the callers, not to this task)
            await self._divide(writer, group, error, patient=patient)
        else:
            for write, share in zip(group.writes, shares, strict=True):
                write.give(share)

    async def _divide(self, writer: CommitWriter, group: Group, error: Exception, *, patient: bool) -> None:
        """Commit the halves of a group that was refused; a single locked write waits elsewhere."""
        if isinstance(error, GraphBusy) and not self._kind.patient_seconds:
            self._backoff = min(2 * self._backoff, _SLOWEST)  # a slow server looks like a lock
        if half := len(group.writes) // 2:
            for part in (group.writes[:half], group.writes[half:]):
                await self._settle_group(writer, Group.of(part))
        elif isinstance(error, GraphBusy) and self._kind.patient_seconds and not patient:
            self._start(self._wait(group, error))
        else:
            group.refuse(error)

    def _learn(self) -> None:
        """Let writers in doubt look up their last commits, since the graph answers."""
        for writer in [each for each in self._free if each.is_in_doubt]:
            self._free.remove(writer)
            self._busy.append(writer)
            self._start(self._ask(writer))

    async def _ask(self, writer: CommitWriter) -> None:
        try:
            with suppress(GraphUnavailable):
                await writer.clear()
        finally:
            self._release(writer)

    def _release(self, writer: CommitWriter) -> None:
        self._busy.remove(writer)
        self._free.append(writer)
        self.begin()

    async def _wait(self, group: Group, busy: GraphBusy) -> None:
        """Commit a single write that waits for locks of others, with a writer of its own."""
        try:
            async with asyncio.timeout(self._kind.limit(group.size, patient=True)):
                await self._places.acquire()
        except TimeoutError:
            group.refuse(busy)
            return
        writer = self._waiting.pop() if self._waiting else self._made()
        try:
            await self._settle_group(writer, group, patient=True)
        except asyncio.CancelledError:
            group.refuse(_on_close(writer))
            raise
        finally:
            self._waiting.append(writer)
            self._places.release()


def _on_close(writer: CommitWriter) -> GraphUnavailable:
    """Return the error for a write that was under way when the graph was closed."""
    return OutcomeUnknown(_CLOSED_IN_DOUBT) if writer.is_in_doubt else GraphUnreachable(_CLOSED)
