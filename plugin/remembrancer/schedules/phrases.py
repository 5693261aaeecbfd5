"""English for the parts of schedules: lengths of time, times of day, dates, ordinals and lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.value_fields import WEEKDAY_NAMES
from remembrancer.schedules.walls.wall_set import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

MONTH_NAMES: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def listed(words: Sequence[str], joint: str = "and") -> str:
    """Return words as a list: "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last


def length_words(seconds: int) -> str:
    """Return a length of time: "1 hour 30 minutes"."""
    told: list[str] = []
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            told.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return " ".join(told) or "0 seconds"


def every_words(count: int, unit: str) -> str:
    """Return an interval: "Every day", "Every other week", "Every 3 months"."""
    return {1: f"Every {unit}", 2: f"Every other {unit}"}.get(count, f"Every {count} {unit}s")


def time_words(seconds: int) -> str:
    """Return a time of day: "09:00", with seconds if there are any."""
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{second:02}" if second else "")


def wall_words(wall: int) -> str:
    """Return a wall time: "2026-03-02 09:00"."""
    return f"{date_words(wall // DAY)} {time_words(wall % DAY)}"


def date_words(day: int) -> str:
    """Return a day since 1970 as an ISO-8601 date."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()


def weekday_words(days: Sequence[int], joint: str = "and") -> str:
    """Return weekdays, 0 for Monday, as names: "Monday through Friday"."""
    if len(days) > _PAIR and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAY_NAMES[days[0]]} through {WEEKDAY_NAMES[days[-1]]}"
    return listed([WEEKDAY_NAMES[day] for day in days], joint)


def ordinal_words(place: int) -> str:
    """Return a place: "first", "22nd", "last", "second to last"."""
    if place < 0:
        return "last" if place == -1 else f"{ordinal_words(-place)} to last"
    if place <= len(_ORDINALS):
        return _ORDINALS[place - 1]
    ending = "th" if place % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def lower(text: str) -> str:
    """Return a sentence as it goes on after another."""
    return text[:1].lower() + text[1:]


_PAIR: Final = 2
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth")
_UNITS: Final = (("week", 7 * DAY), ("day", DAY), ("hour", 3600), ("minute", 60), ("second", 1))
