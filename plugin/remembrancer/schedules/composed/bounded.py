"""The schedule of kind `bounded`: another from a time on, until a time, so many times, and spread over time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.schedules.phrases import length_words
from remembrancer.schedules.value_fields import is_date, read_date, read_length, read_second_in, read_whole, second_of
from remembrancer.schedules.walls.steps import FEW, at_most
from remembrancer.schedules.walls.wall_set import DAY, END
from remembrancer.schedules.wrapped import WrappedSchedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.model.schedule import Bounded, ScheduleValue
    from remembrancer.schedules.protocol import Schedule

_MOST_FIRES: Final = 100_000
_LONGEST_DELAY: Final = 31 * DAY
_LAST_MS: Final = END * 1000 - 1


@dataclass(frozen=True, slots=True)
class BoundedSchedule(WrappedSchedule):
    """The occurrences of a schedule from *start_ms* to *last_ms_*, both included."""

    start_ms: int
    end_ms: int
    words: str = field(repr=False)
    normal: str
    value: Bounded = field(repr=False)

    @property
    def is_finite(self) -> bool:
        """True if it has a last occurrence."""
        return self.end_ms < _LAST_MS or self.schedule.is_finite

    @property
    def normalized(self) -> str:
        """The normal form."""
        return self.normal

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*, within the bounds."""
        found = self.schedule.next_after(max(after_ms, self.start_ms - 1))
        return None if found is None or found > self.end_ms else found

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences in between, within the bounds."""
        return self.schedule.between(max(start_ms, self.start_ms), min(until_ms, self.end_ms), limit)

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are within the bounds."""
        begin_ms, end_ms = max(start_ms, self.start_ms), min(until_ms, self.end_ms)
        return self.schedule.count(begin_ms, end_ms) if begin_ms <= end_ms else 0

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence at *place*, counted back from *until_ms*."""
        return self.schedule.last_ms(min(until_ms, self.end_ms), place)

    def describe(self) -> str:
        """Return it in English."""
        return self.words

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes do."""
        return self.schedule.notes(max(after_ms, self.start_ms - 1), occurrence_ms)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of an occurrence under the rules in force, or the first after it within the bounds."""
        moved_ms = self.schedule.under_new_rules(occurrence_ms, old)
        found = self.next_after(moved_ms - 1)
        return moved_ms if found is None else found

    def under_rules(self, rules: ZoneInfo) -> Schedule:
        """Return it under other rules of its zone, its bounds too."""
        schedule = self.schedule.under_rules(rules)
        zone = rules if rules.key == self.timezone else self.timezone
        start_ms, end_ms = _bounds_ms(self.value, schedule, zone)
        return replace(self, schedule=schedule, start_ms=start_ms, end_ms=end_ms)


@dataclass(frozen=True, slots=True)
class DelayedSchedule(WrappedSchedule):
    """The occurrences of a schedule, each later by an amount that follows from the task and, for jitter, from itself.

    None is as late as the next occurrence of the schedule.
    """

    spread: int
    """All are later by this many seconds."""
    jitter: int
    """Each is later by up to this many seconds more."""
    task_id: str
    words: str = field(repr=False)

    @property
    def normalized(self) -> str:
        """The normal form."""
        return f"({self.schedule.normalized}) spread {self.spread}s jitter {self.jitter}s"

    def next_after(self, after_ms: int) -> int | None:
        """Return the first delayed occurrence strictly after *after_ms*."""
        before_ms = self._nominal_ms(after_ms)
        if before_ms is not None and (delayed_ms := self._delayed(before_ms)) > after_ms:
            return delayed_ms
        found = self.schedule.next_after(after_ms)
        return None if found is None else self._delayed(found)

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many delayed occurrences there are: as many as of the schedule, but for one at each end."""
        if start_ms > until_ms:
            return 0
        return self.schedule.count(start_ms, until_ms) + self._is_late(start_ms - 1) - self._is_late(until_ms)

    def describe(self) -> str:
        """Return it in English."""
        return self.words

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes do to the occurrence before it was delayed; its words say how late it may be."""
        nominal_ms = self._nominal_ms(occurrence_ms)
        if nominal_ms is None or nominal_ms == occurrence_ms:
            return self.schedule.notes(after_ms, occurrence_ms)
        before_ms = self._nominal_ms(after_ms)
        return self.schedule.notes(after_ms if before_ms is None else before_ms, nominal_ms)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of an occurrence under the rules in force: its own, as late as it is there."""
        nominal_ms = replace(self, schedule=self.schedule.under_rules(old))._nominal_ms(occurrence_ms)  # noqa: SLF001
        if nominal_ms is None:
            return self.next_ms(occurrence_ms - 1)
        return self._delayed(self.schedule.under_new_rules(nominal_ms, old))

    def _is_late(self, moment_ms: int) -> int:
        """Return 1 if the last occurrence of the schedule up to *moment_ms* comes after it, else 0."""
        before_ms = self._nominal_ms(moment_ms)
        return int(before_ms is not None and self._delayed(before_ms) > moment_ms)

    def _delayed(self, nominal_ms: int) -> int:
        """Return the time of an occurrence: later, but not as late as the next one."""
        digest = blake2b(f"{self.task_id} {nominal_ms}".encode(), digest_size=8).digest()
        delay = self.spread + int.from_bytes(digest) % (self.jitter + 1)
        next_ms = self.schedule.next_after(nominal_ms)
        most = delay if next_ms is None else (next_ms - nominal_ms - 1) // 1000
        return nominal_ms + min(delay, most) * 1000

    def _nominal_ms(self, moment_ms: int) -> int | None:
        """Return the last occurrence of the schedule up to *moment_ms*, if it may come after that."""
        found = self.schedule.next_after(moment_ms - (self.spread + self.jitter) * 1000 - 1)
        if found is None or found > moment_ms:
            return None
        high_ms = moment_ms
        while (following := self.schedule.next_after(found)) is not None and following <= moment_ms:
            middle_ms = (following + high_ms) // 2
            later = self.schedule.next_after(middle_ms)
            if later is None or later > moment_ms:
                found, high_ms = following, middle_ms
            else:
                found = later
        return found


def bounded_schedule(value: Bounded, make: Callable[[ScheduleValue], Schedule], task_id: str) -> Schedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    made = make(value.schedule)
    given = (value.start, value.end, value.count, value.jitter, value.spread)
    if all(each is None for each in given):
        raise InvalidInput("start", None, "one of start, end, count, jitter and spread", "2026-03-02T09:00")
    if given[:3] != (None, None, None):
        made = _bounded(value, made)
    if value.jitter is None and value.spread is None:
        return made
    jitter, spread = _delay(value.jitter, "jitter"), _delay(value.spread, "spread")
    digest = blake2b(task_id.encode(), digest_size=8).digest()
    told = [f"each up to {length_words(jitter)} later"] if jitter else []
    told += [f"all later by up to {length_words(spread)}, by the same amount"] if spread else []
    words = f"{made.describe()}, {' and '.join(told)}"
    return DelayedSchedule(made, int.from_bytes(digest) % (spread + 1), jitter, task_id, words)


def _bounded(value: Bounded, schedule: Schedule) -> BoundedSchedule:
    zone = schedule.timezone
    words = [schedule.describe()]
    if value.start is not None:
        words.append(f"from {to_iso(from_ms(_start_ms(value, zone)))}")
    if value.end is not None:
        words.append(f"until {to_iso(from_ms(_end_second(value.end, zone) * 1000))}")
    normal = " ".join([f"({schedule.normalized})", *words[1:]])
    if value.count is not None:
        count = read_whole(value.count, "count", 1, _MOST_FIRES, 10)
        if value.start is None:
            raise InvalidInput("start", None, "a time beside count, which is counted from it", "2026-03-02T09:00")
        words.append("once" if count == 1 else f"{count:,} times")
        normal += f" count {count}"
    return BoundedSchedule(schedule, *_bounds_ms(value, schedule, zone), ", ".join(words), normal, value)


def _bounds_ms(value: Bounded, schedule: Schedule, zone: str | ZoneInfo) -> tuple[int, int]:
    """Return the first and the last time at which a bounded schedule may fire."""
    start_ms = _start_ms(value, zone)
    end_ms = _LAST_MS if value.end is None else _end_second(value.end, zone) * 1000 + 999
    if end_ms < start_ms:
        raise InvalidInput("end", value.end, "a time after start", "2026-12-31T23:59")
    if value.count is not None:
        with at_most(4 * FEW):
            end_ms = min(end_ms, _nth_ms(schedule, start_ms, value.count))
    return start_ms, end_ms


def _start_ms(value: Bounded, zone: str | ZoneInfo) -> int:
    return 0 if value.start is None else read_second_in(value.start, "start", zone) * 1000


def _end_second(value: object, zone: str | ZoneInfo) -> int:
    """Return the last second: of a date without a time, the last of its day."""
    if is_date(value):
        return second_of(zone, (read_date(value, "end") + 1) * DAY) - 1
    return read_second_in(value, "end", zone)


def _nth_ms(schedule: Schedule, start_ms: int, count: int) -> int:
    """Return the occurrence at a place from *start_ms* on; the last time of all, if there are not as many."""
    first_ms = schedule.next_after(start_ms - 1)
    if first_ms is None:
        return _LAST_MS
    high_ms = first_ms + 60_000
    while schedule.count(first_ms, high_ms) < count:
        if high_ms >= _LAST_MS:
            return _LAST_MS
        high_ms = min(_LAST_MS, first_ms + (high_ms - first_ms) * 2)
    low_ms = first_ms - 1
    while high_ms - low_ms > 1:
        middle_ms = (low_ms + high_ms) // 2
        if schedule.count(first_ms, middle_ms) >= count:
            high_ms = middle_ms
        else:
            low_ms = middle_ms
    return high_ms


def _delay(value: object, field_name: str) -> int:
    if value is None:
        return 0
    seconds = read_length(value, field_name, "10m")
    if not 0 <= seconds <= _LONGEST_DELAY:
        raise InvalidInput(field_name, value, "a length of time from 0s to 31d", "10m")
    return seconds
