"""The commands on named calendars, of the current actor: define, renew, remove."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput
from remembrancer.model.calendar import MOST_MOVED, CalendarRenewal, CalendarSource, NamedCalendar
from remembrancer.model.constraints import read_integer
from remembrancer.model.suggestions import nearest
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.operations.calendars.calendar_content import CalendarContent, CalendarSpec, content_of
from remembrancer.operations.edits.referring_tasks import ReferringTasks, moved_fires
from remembrancer.operations.open_tasks import ROUNDS
from remembrancer.operations.references.resolution import calendar_value
from remembrancer.ports.writes import Change
from remembrancer.schedules.calendars.entries import EXAMPLE
from remembrancer.schedules.references import content_in, resolved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.calendar import MovedFires
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

MOST_YEARS: Final = 20
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._@-]{0,63}")


class CalendarCommands:
    """The calendars of one graph.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
    """

    def __init__(self, store: Graph, clock: Clock, late_by_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._tasks = ReferringTasks(store, clock, late_by_seconds)

    async def define(self, name: str, given: CalendarSpec) -> NamedCalendar:
        """Define a calendar. Raises InvalidInput: the name is taken or unusable, or the source cannot be used."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("name", name, "1 to 64 letters, digits, spaces and . _ @ -, a letter first", "de")
        read_integer("years", given.years, 1, MOST_YEARS, 5)
        now, actor = self._clock.now(), current_actor().actor
        content = await content_of(given, now.year)
        at = from_ms(to_ms(now))
        about = {
            "name": name,
            "source": given.source,
            "country": given.country,
            "subdivision": given.subdivision,
            "categories": given.categories,
            "years": given.years,
            "created_at": at,
            "created_by": actor,
            "renewed_at": at,
            "renewed_by": actor,
        }
        made = NamedCalendar.model_validate({**about, **_fields(content)})
        if not await self._store.calendars.add(made, self._change("define_calendar", now)):
            allowed = "a name that no calendar has: renew_calendar changes this one"
            raise InvalidInput("name", name, allowed, f"{name[:60]}-2")
        return made

    async def get(self, name: str) -> NamedCalendar:
        """Return a calendar. Raises InvalidInput: there is none of this name."""
        found = await self._store.calendars.named([name])
        if name in found:
            return found[name]
        known = [each.name for each in await self._store.calendars.all()]
        there = f"; there are {', '.join(known)}" if known else "; there are none"
        raise InvalidInput("name", name, f"the name of a calendar{there}", nearest(name, known) or "de")

    async def all(self) -> Sequence[NamedCalendar]:
        """Return every calendar, by name."""
        return await self._store.calendars.all()

    async def renew(
        self, name: str, *, ics: str | None, dates: Sequence[str] | None, years: int | None, dry_run: bool
    ) -> CalendarRenewal:
        """Work a calendar out again, and bring its tasks up to date; a dry run says what would move."""
        for _ in range(ROUNDS):
            before, now = await self.get(name), self._clock.now()
            content = await content_of(_spec_of(before, ics, dates, years), now.year)
            about = {"years": years or before.years, "renewed_at": from_ms(to_ms(now))}
            after = before.model_copy(update={**about, "renewed_by": current_actor().actor, **_fields(content)})
            if dry_run:
                return await self._foreseen(before, after, now)
            change = self._change("renew_calendar", now)
            if await self._store.calendars.replace(before, after, change):
                renewed = await self._tasks.renew(
                    self._store.calendars.users(name), f"The calendar {name} was renewed."
                )
                moved = [fires for each in renewed if (fires := moved_fires(each, now)) is not None]
                return await self._answer(before, after, moved)
        raise InvalidInput("name", name, "a calendar that is not renewed by others all the time", name)

    async def remove(self, name: str) -> bool:
        """Remove a calendar. Raises InvalidInput: there is none, or tasks use it."""
        calendar = await self.get(name)
        if await self._store.calendars.remove(calendar, self._change("remove_calendar", self._clock.now())):
            return True
        async for page in self._store.calendars.users(name):
            told = ", ".join(task.task_id for task in page[:5])
            allowed = f"a calendar that no open task uses; this one is used by {told}"
            raise InvalidInput("name", name, allowed, "update or cancel these tasks before")
        return False

    async def _foreseen(self, before: NamedCalendar, after: NamedCalendar, now: datetime) -> CalendarRenewal:
        """Return the answer to a dry run."""
        content = calendar_value(after)
        moved: list[MovedFires] = []
        async for page in self._store.calendars.users(before.name):
            for task in page:
                former = content_in(task.schedule)
                kept = replace(former, calendars={**former.calendars, content.name: content})
                value = resolved(task.schedule, kept)
                if fires := self._tasks.moved(task, value, now):
                    moved.append(fires)
        return (await self._answer(before, after, moved)).model_copy(update={"dry_run": True})

    async def _answer(
        self, before: NamedCalendar, after: NamedCalendar, moved: Sequence[MovedFires]
    ) -> CalendarRenewal:
        tasks = {each.name: each.tasks for each in await self._store.calendars.in_use()}.get(before.name, 0)
        was, will = set(before.dates), set(after.dates)
        return CalendarRenewal(
            **after.model_dump(),
            added=sorted(will - was),
            removed=sorted(each for each in was - will if each >= f"{after.renewed_at:%Y}"),
            tasks=tasks,
            moved=list(moved[:MOST_MOVED]),
        )

    def _change(self, action: str, now: datetime) -> Change:
        author = current_actor()
        return Change(action, now, author.surface, author.actor)


def read_source(  # noqa: PLR0913 (one for each part of a source)
    *,
    country: str | None,
    subdivision: str | None,
    categories: Sequence[str] | None,
    ics: str | None,
    dates: Sequence[str] | None,
    years: int,
    timezone: str | None,
) -> CalendarSpec:
    """Return the source that a request names: one of a country, an iCalendar text and dates. Raises InvalidInput."""
    named = {CalendarSource.HOLIDAYS: country, CalendarSource.ICALENDAR: ics, CalendarSource.DATES: dates}
    given = [source for source, value in named.items() if value is not None]
    if len(given) != 1:
        raise InvalidInput("country", country, "one source: country, ics or dates", "DE")
    if country is None and (subdivision is not None or categories is not None):
        raise InvalidInput("subdivision", subdivision or categories, "no value without a country", None)
    return CalendarSpec(given[0], country, subdivision, categories, ics, dates, years, timezone)


def _spec_of(calendar: NamedCalendar, ics: str | None, dates: Sequence[str] | None, years: int | None) -> CalendarSpec:
    """Return the source by which a calendar is renewed. Raises InvalidInput: it needs the text or the dates again."""
    needed: dict[CalendarSource, tuple[str, object, object]] = {
        CalendarSource.ICALENDAR: ("ics", ics, "BEGIN:VCALENDAR … END:VCALENDAR"),
        CalendarSource.DATES: ("dates", dates, EXAMPLE),
    }
    for source, (field, value, example) in needed.items():
        if (source is calendar.source) is (value is None):
            allowed = f"a value for a calendar of the source {source}, and for no other"
            raise InvalidInput(field, value, f"{allowed}; {calendar.name} is of {calendar.source}", example)
    if years is not None:
        read_integer("years", years, 1, MOST_YEARS, 5)
    about = calendar.country, calendar.subdivision, calendar.categories
    return CalendarSpec(calendar.source, *about, ics, dates, years or calendar.years, calendar.timezone)


def _fields(content: CalendarContent) -> dict[str, object]:
    return {
        "timezone": content.timezone,
        "dates": content.dates,
        "first": content.first,
        "last": content.last,
        "version": content.version,
        "library": content.library,
    }
