"""The calendar store port: named calendars, and the tasks whose schedules refer to them or to other tasks.

The laws of `ports.graph` hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from remembrancer.model.calendar import NamedCalendar
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change


class CalendarInUse(NamedTuple):
    """A calendar that open tasks use, the last day for which it has data, and the number of the tasks."""

    name: str
    last: str
    tasks: int


class CalendarStore(Protocol):
    """The calendars of one graph."""

    async def add(self, calendar: NamedCalendar, change: Change, /) -> bool:
        """Store a calendar; return False, and write nothing, if its name is taken."""
        ...

    async def replace(self, before: NamedCalendar, after: NamedCalendar, change: Change) -> bool:
        """Give a calendar other content, if it has the version of *before*; return whether it had."""
        ...

    async def remove(self, calendar: NamedCalendar, change: Change, /) -> bool:
        """Remove a calendar that no open task uses; return False if there is none, or a task uses it."""
        ...

    async def all(self) -> Sequence[NamedCalendar]:
        """Return every calendar, by name."""
        ...

    async def named(self, names: Sequence[str]) -> Mapping[str, NamedCalendar]:
        """Return those of the calendars *names* that there are."""
        ...

    async def in_use(self) -> Sequence[CalendarInUse]:
        """Return the calendars that open tasks use."""
        ...

    def users(self, name: str) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the open tasks that use a calendar, in pages."""
        ...

    def outdated(self) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the open tasks that may have former content: of a calendar renewed since, or of another task."""
        ...

    async def followers(self, task_ids: Sequence[str]) -> Sequence[ScheduledTask]:
        """Return the open tasks that follow the times of any of *task_ids*."""
        ...
