"""Pages of due tasks, in the order in which they are served: by priority, as far as any task has one.

Tasks without a priority are read from the due index page by page. Those with one are few: they are read ahead, some
of each level, and merged with the others. Where no task has one, nothing is read beyond the pages.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from remembrancer.policies.priority import place_in_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.engine.cluster.shards import Assignment
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

_OF_A_LEVEL: Final = 200
"""The most tasks of one priority that are read ahead."""
_SHARE: Final = 10
"""A search of a long backlog is repeated once ten times as long as it took has passed."""


@dataclass(slots=True)
class ReadAhead:
    """The due tasks with a priority of one assignment, as they were last read."""

    tasks: deque[ScheduledTask] = field(default_factory=deque["ScheduledTask"])
    """Those that were not served since, the first to be served first."""
    edition: int | None = None
    valid_until: datetime | None = None

    def is_fresh(self, now: datetime, edition: int) -> bool:
        """Return whether no other search is due at *now*."""
        until = self.valid_until
        return until is not None and self.edition == edition and until - timedelta(minutes=1) < now < until


class DuePages:
    """The due tasks of one assignment.

    Args:
        store: The graph.
        ahead: What is read ahead, kept from one round to the next.
        assignment: The tasks meant.
        now: The time.
    """

    def __init__(self, store: Graph, ahead: ReadAhead, assignment: Assignment, now: datetime) -> None:
        self._store = store
        self._known = store.priorities.known
        self._ahead = ahead
        self._now = now
        self._due_at = now - assignment.late
        self._shards = assignment.shards
        self._after: ScheduledTask | None = None
        self._others: deque[ScheduledTask] = deque()
        self._all_read = False
        self._searched = False

    async def next(self, limit: int) -> Sequence[ScheduledTask]:
        """Return the tasks that are served next, at most *limit*."""
        if not self._known.any and not self._others:
            page = await self._store.queue.due(self._due_at, limit, self._after, self._shards)
            self._after = page[-1] if page else self._after
            return page
        if self._known.changed:
            await self._store.priorities.inherit(self._now)
        if not self._searched and not self._ahead.is_fresh(self._now, self._known.edition):
            await self._search()
        await self._read(limit)
        if not self._others and not self._ahead.tasks and not self._searched:
            await self._search()
        return self._merged(limit)

    async def _search(self) -> None:
        """Read the first due tasks of each priority."""
        begun, edition = monotonic(), self._known.edition
        found = await self._store.priorities.due(self._due_at, _OF_A_LEVEL, self._shards)
        wait = max(timedelta(seconds=(monotonic() - begun) * _SHARE), timedelta(milliseconds=1))
        self._ahead.tasks = deque(sorted(found, key=place_in_line))
        self._ahead.edition, self._ahead.valid_until = edition, self._now + min(wait, timedelta(seconds=30))
        self._searched = True

    async def _read(self, limit: int) -> None:
        """Read enough of the other tasks for a page."""
        while len(self._others) < limit and not self._all_read:
            wanted = limit - len(self._others)
            page = await self._store.queue.due(self._due_at, wanted, self._after, self._shards, without_priority=True)
            self._others += page
            self._after = page[-1] if page else self._after
            self._all_read = len(page) < wanted

    def _merged(self, limit: int) -> list[ScheduledTask]:
        """Take the first tasks, in the order in which they are served."""
        first, others = self._ahead.tasks, self._others
        page: list[ScheduledTask] = []
        while len(page) < limit and (first or others):
            from_first = not others or (bool(first) and place_in_line(first[0]) <= place_in_line(others[0]))
            page.append((first if from_first else others).popleft())
        return page
