"""Entries of a calendar: whole days, and windows of wall time; their text, and their normal form."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.schedules.phrases import date_words, wall_words
from remembrancer.schedules.value_fields import is_date, read_date, read_wall
from remembrancer.schedules.walls.stretches import NO_STRETCH, Stretches
from remembrancer.schedules.walls.wall_set import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_ENTRIES: Final = 2_000
EXAMPLE: Final = ["2026-12-25", "2026-12-24T18:00/2026-12-24T22:00"]

Window = tuple[int, int]
"""From a wall time up to another (excluded)."""


@dataclass(frozen=True, slots=True)
class ListedWindows(Stretches):
    """The windows of a list, ascending; none overlaps another."""

    windows: tuple[Window, ...]
    ends: tuple[int, ...]

    def stretch(self, wall: int) -> Window:
        """Return the first window that ends after *wall*."""
        place = bisect_right(self.ends, wall)
        return self.windows[place] if place < len(self.windows) else NO_STRETCH


def listed_windows(windows: Sequence[Window]) -> ListedWindows:
    """Return a set of windows in their normal form."""
    return ListedWindows(tuple(windows), tuple(end for _, end in windows))


def read_entry(text: object, field: str) -> Window:
    """Return the window of an entry: a date, or two local times with a slash between. Raises InvalidInput."""
    if is_date(text):
        day = read_date(text, field)
        return day * DAY, (day + 1) * DAY
    begin, slash, end = text.partition("/") if isinstance(text, str) else ("", "", "")
    if not slash:
        raise InvalidInput(field, text, "ISO-8601 dates, and windows of two local times with / between", EXAMPLE)
    (low, low_moment), (high, high_moment) = read_wall(begin, field), read_wall(end, field)
    if low_moment is not None or high_moment is not None or high <= low:
        raise InvalidInput(field, text, "a window of two local times without an offset, the later one last", EXAMPLE)
    return low, high


def normal_windows(windows: Iterable[Window]) -> list[Window]:
    """Return windows in their normal form: ascending, and those that overlap as one."""
    joined: list[Window] = []
    for begin, end in sorted(set(windows)):
        if joined and begin < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def entry_text(window: Window) -> str:
    """Return the text of an entry."""
    begin, end = window
    if is_whole_day(window):
        return date_words(begin // DAY)
    return f"{wall_words(begin)}/{wall_words(end)}".replace(" ", "T")


def is_whole_day(window: Window) -> bool:
    """Return whether a window is one day, from midnight to midnight."""
    return window[0] % DAY == 0 and window[1] - window[0] == DAY
