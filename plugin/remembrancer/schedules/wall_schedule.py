"""A schedule of wall times in a zone: of every kind that follows a wall clock, but cron, which has words of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap
from remembrancer.schedules.clock_changes import clock_changes
from remembrancer.schedules.new_rules import under_new_rules
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.value_fields import read_choice
from remembrancer.schedules.zoned_walls import ZonedWalls, zoned_form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.model.schedule_fields import WallClockValue
    from remembrancer.schedules.walls.wall_set import WallSet


@dataclass(frozen=True, slots=True)
class WallSchedule(Schedule):
    """The moments of *zoned*, with its words."""

    recurring: ClassVar[bool] = True

    zoned: ZonedWalls
    words: str = field(repr=False)
    normal: str
    """The normal form: equal for schedules that are written differently and mean the same."""
    ends: bool = field(default=False, repr=False)

    @property
    def is_finite(self) -> bool:
        """True if what it says ends it, before the year 2400."""
        return self.ends

    @property
    def timezone(self) -> str:
        """The zone whose wall clock it follows."""
        return self.zoned.timezone

    @property
    def normalized(self) -> str:
        """The normal form, with the zone and its choices."""
        return zoned_form(self.normal, self.zoned)

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*; None where there is none before the year 2400."""
        return self.zoned.next_after(after_ms)

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences in between, with one look at the zone for each clock change."""
        return self.zoned.between(start_ms, until_ms, limit)

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are, counted by the day."""
        return self.zoned.count(start_ms, until_ms)

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence at *place*, counted back from *until_ms*."""
        return self.zoned.last_ms(until_ms, place)

    def describe(self) -> str:
        """Return it in English."""
        return self.words

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes skipped or repeated on the way to this occurrence."""
        return clock_changes(self.zoned, after_ms // 1000, occurrence_ms // 1000)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of an occurrence that *old* rules named: a fixed time keeps its wall time."""
        if old.key != self.timezone:
            return occurrence_ms
        moved_ms = under_new_rules(self.zoned, occurrence_ms, old)
        return self.next_ms(occurrence_ms - 1) if moved_ms is None else moved_ms

    def under_rules(self, rules: ZoneInfo) -> Schedule:
        """Return it under other rules of its zone; itself, if these are of another zone."""
        return replace(self, zoned=replace(self.zoned, rules=rules)) if rules.key == self.timezone else self


def zoned_walls(value: WallClockValue, walls: WallSet) -> ZonedWalls:
    """Return *walls* in the zone of a value, under its policies. Raises InvalidInput."""
    gap, fold = read_choice(Gap, value.gap, "gap"), read_choice(Fold, value.fold, "fold")
    return ZonedWalls(timezone=read_zone(value.timezone), gap=gap, fold=fold, walls=walls)


def with_occurrence(schedule: WallSchedule, field_name: str, value: object, example: object) -> WallSchedule:
    """Return *schedule* if it ever fires. Raises InvalidInput."""
    if schedule.next_after(-1) is None:
        raise InvalidInput(field_name, value, "a schedule that fires before the year 2400", example)
    return schedule
