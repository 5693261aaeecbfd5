"""A year as a picture: twelve months, with the number of fires of each day."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from rich.text import Text

from remembrancer.cli.output import screen
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.requested_schedule import requested
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from remembrancer.model.timestamps import Moment
    from remembrancer.operations.ahead.preview import SchedulePreview


def fires_of_year(shown: SchedulePreview, after: Moment | None, now: datetime) -> dict[date, int]:
    """Return the number of fires on each day of twelve months, of those after *after*, in the zone of the schedule."""
    value = requested(shown.schedule, now)
    schedule = KINDS[value.kind](value, "")
    zone = ZoneInfo(shown.timezone)
    begin = now if after is None else read_moment(after, "after", now=now, timezone=shown.timezone)
    day = begin.astimezone(zone).date().replace(day=1)
    end = day.replace(year=day.year + 1)
    found: dict[date, int] = {}
    while day < end:
        first, last = (datetime(each.year, each.month, each.day, tzinfo=zone) for each in (day, day + _DAY))
        start_ms = max(to_ms(first.astimezone(UTC)), to_ms(begin) + 1)
        found[day] = schedule.count(start_ms, to_ms(last.astimezone(UTC)) - 1)
        day += _DAY
    return found


def print_year(days: Mapping[date, int]) -> None:
    """Print the months of *days* side by side, as many as the width takes."""
    out = screen()
    months = sorted({(day.year, day.month) for day in days})
    beside = max(1, min(_MOST_BESIDE, (out.width + _GAP) // (_WIDTH + _GAP)))
    for place in range(0, len(months), beside):
        blocks = [list(_month(year, month, days)) for year, month in months[place : place + beside]]
        for lines in zip(*blocks, strict=True):
            line = Text(" " * _GAP).join(lines)
            line.rstrip()
            out.print(line)
    out.print("A number: so many fires on that day. ++: 100 or more.", highlight=False)


def _month(year: int, month: int, days: Mapping[date, int]) -> Iterator[Text]:
    """Yield the lines of one month, eight of them, each as wide as the others."""
    yield Text(f"{calendar.month_name[month]} {year}".center(_WIDTH), style="bold")
    yield Text("Mo Tu We Th Fr Sa Su")
    weeks = calendar.Calendar().monthdayscalendar(year, month)
    for week in [*weeks, *[[0] * 7] * (_WEEKS - len(weeks))]:
        yield Text(" ").join(_cell(days[date(year, month, day)]) if day else Text("  ") for day in week)


def _cell(count: int) -> Text:
    if count == 0:
        return Text(" .", style="dim")
    style = next(style for least, style in _STYLES if count >= least)
    return Text(f"{count:2}" if count < _HUNDRED else "++", style=style)


_DAY: Final = timedelta(days=1)
_WEEKS: Final = 6
_WIDTH: Final = 20
_GAP: Final = 3
_MOST_BESIDE: Final = 4
_HUNDRED: Final = 100
_STYLES: Final = ((_HUNDRED, "red"), (10, "yellow"), (2, "cyan"), (1, "green"))
"""The least number of fires of a colour."""
