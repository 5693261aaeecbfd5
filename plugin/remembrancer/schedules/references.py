"""References of a schedule's value to named calendars and to other tasks: found in it, and replaced by their content.

Pure: the content is an argument. A value whose references are resolved is a schedule by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from remembrancer.model.plain_schedules import Calendar, Workdays
from remembrancer.model.schedule import VALUES, Offset, TaskTimes, value_from
from remembrancer.schedules.value_fields import is_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from remembrancer.model.schedule import ScheduleValue


class References(NamedTuple):
    """The calendars with their versions, and the tasks, that a value refers to by itself."""

    calendars: Mapping[str, str | None]
    tasks: frozenset[str]

    @property
    def are_any(self) -> bool:
        """True if there is any."""
        return bool(self.calendars or self.tasks)


@dataclass(frozen=True, slots=True)
class Content:
    """The content of references: calendars by their names, and the times of tasks by their ids."""

    calendars: Mapping[str, Calendar]
    tasks: Mapping[str, TaskTimes]


NONE: Final = References({}, frozenset())


@lru_cache(maxsize=4096)
def references_of(text: str | None) -> References:
    """Return the references of a schedule as the graph keeps it; most have none, and are not read for that."""
    if text is None or not ('"kind":"calendar"' in text or '"kind":"task_times"' in text):
        return NONE
    return references_in(value_from(text))


def references_in(value: ScheduleValue) -> References:
    """Return the references of a value. Those of a task that it follows are not its own."""
    calendars: dict[str, str | None] = {}
    tasks: set[str] = set()
    for each in _inside(value):
        if isinstance(each, Calendar):
            calendars[each.name] = each.version
        elif isinstance(each, TaskTimes):
            tasks.add(each.task_id)
        elif isinstance(each, Workdays | Offset):
            calendars |= dict.fromkeys(set(map(str, names_among(each.holidays))) - calendars.keys())
    return References(calendars, frozenset(tasks))


def ends_of_calendars(text: str) -> list[str]:
    """Return a sentence for each calendar of a schedule: the last day for which it has data."""
    if references_of(text) is NONE:
        return []
    calendars = content_in(value_from(text)).calendars.values()
    return [f"The calendar {each.name} has data until {each.last}: renew it before." for each in calendars]


def content_in(value: ScheduleValue) -> Content:
    """Return the content that a resolved value has of its references."""
    inside = list(_inside(value))
    return Content(
        {each.name: each for each in inside if isinstance(each, Calendar)},
        {each.task_id: each for each in inside if isinstance(each, TaskTimes)},
    )


def leads_back(value: object, task_id: str) -> str | None:
    """Return the first task that a value follows by itself whose times depend on *task_id*, through others too."""
    for followed in _inside(value):
        if isinstance(followed, TaskTimes):
            depends_on = (each for each in _inside(followed, through_tasks=True) if isinstance(each, TaskTimes))
            if any(each.task_id == task_id for each in depends_on):
                return followed.task_id
    return None


def resolved(value: ScheduleValue, content: Content, zone: str | None = None) -> ScheduleValue:
    """Return *value* with the content of its references; a calendar without a zone takes the one beside it."""
    if isinstance(value, Calendar):
        pinned = content.calendars[value.name]
        own = value.timezone or pinned.timezone or zone or "UTC"
        return replace(value, timezone=own, version=pinned.version, dates=pinned.dates, last=pinned.last)
    if isinstance(value, TaskTimes):
        return content.tasks[value.task_id]
    changed: dict[str, object] = {}
    if isinstance(value, Workdays | Offset):
        changed["calendars"] = tuple(content.calendars[name] for name in names_among(value.holidays))
    zone = next(_zones(value), zone)
    for name in getattr(value, "nested", ()):
        if name not in changed:
            changed[name] = _each(getattr(value, name), content, zone)
    return replace(value, **changed) if changed else value  # pyright: ignore[reportArgumentType]  values of the same fields


def names_among(holidays: object) -> list[str]:
    """Return the names of calendars among dates."""
    given = cast("tuple[object, ...]", holidays) if isinstance(holidays, tuple) else ()
    return [each for each in dict.fromkeys(given) if isinstance(each, str) and not is_date(each)]


def _each(held: object, content: Content, zone: str | None) -> object:
    if isinstance(held, tuple):
        return tuple(_each(each, content, zone) for each in cast("tuple[object, ...]", held))
    return resolved(cast("ScheduleValue", held), content, zone) if type(held) in VALUES.values() else held


def _zones(value: ScheduleValue) -> Iterator[str]:
    """Yield the zones of the values inside, but for those that calendars leave to the values beside them."""
    for each in _inside(value):
        zone = getattr(each, "timezone", None)
        if isinstance(zone, str) and not isinstance(each, Calendar):
            yield zone


def _inside(value: object, *, through_tasks: bool = False) -> Iterator[object]:
    """Yield a value and those inside it; not those inside a task that it follows, unless *through_tasks*."""
    if isinstance(value, tuple):
        for each in cast("tuple[object, ...]", value):
            yield from _inside(each, through_tasks=through_tasks)
    elif type(value) in VALUES.values():
        yield value
        if through_tasks or not isinstance(value, TaskTimes):
            for name in getattr(value, "nested", ()):
                yield from _inside(getattr(value, name), through_tasks=through_tasks)
