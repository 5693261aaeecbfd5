"""The schedule of kind `cron`: a cron expression with its description, notes on clock changes and new zone rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

from remembrancer.schedules.clock_changes import clock_changes
from remembrancer.schedules.cron.description import describe
from remembrancer.schedules.cron.expression import CronExpression, parse_cron, uses_hash
from remembrancer.schedules.new_rules import under_new_rules
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.zoned_walls import zoned_form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.model.plain_schedules import Cron
    from remembrancer.model.policy import Fold, Gap, SecondsField


@dataclass(frozen=True, slots=True)
class CronSchedule(Schedule):
    """The fires of *cron*."""

    recurring: ClassVar[bool] = True

    cron: CronExpression

    @classmethod
    def read(cls, expression: str, *, timezone: str, gap: Gap, fold: Fold, seconds_field: SecondsField | None) -> Self:
        """Return the schedule of an expression. Raises InvalidInput, as `parse_cron` does."""
        return cls(parse_cron(expression, timezone=timezone, gap=gap, fold=fold, seconds_field=seconds_field))

    @property
    def timezone(self) -> str:
        """The zone whose wall clock the expression means."""
        return self.cron.timezone

    @property
    def zoned(self) -> CronExpression:
        """The wall times of the expression, in their zone."""
        return self.cron

    @property
    def normalized(self) -> str:
        """The expression in its normal spelling, with the zone and its choices."""
        return zoned_form(self.cron.normalized, self.cron)

    def next_after(self, after_ms: int) -> int | None:
        """Return the first fire strictly after *after_ms*; None where there is none before the year 2400."""
        return self.cron.next_after(after_ms)

    def next_ms(self, after_ms: int) -> int:
        """Return the first fire strictly after *after_ms*. Raises InvalidInput: there is none before the year 2400."""
        return self.cron.next_ms(after_ms)

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the fires in between, at most *limit*: by the day, with one look at the zone for each clock change."""
        return self.cron.between(start_ms, until_ms, limit)

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many fires there are, counted by the day."""
        return self.cron.count(start_ms, until_ms)

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the fire at *place*, counted back from *until_ms*."""
        return self.cron.last_ms(until_ms, place)

    def describe(self) -> str:
        """Return the expression in English, or the expression itself."""
        return describe(self.cron.expression, self.cron.seconds_field)

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes skipped or repeated on the way to this fire."""
        return clock_changes(self.cron, after_ms // 1000, occurrence_ms // 1000)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of a fire that *old* rules named: a fixed time keeps its wall time."""
        if old.key != self.timezone:
            return occurrence_ms
        moved_ms = under_new_rules(self.cron, occurrence_ms, old)
        return self.next_ms(occurrence_ms) if moved_ms is None else moved_ms

    def under_rules(self, rules: ZoneInfo) -> CronSchedule:
        """Return it under other rules of its zone; itself, if these are of another zone."""
        return CronSchedule(replace(self.cron, rules=rules)) if rules.key == self.timezone else self


def cron_schedule(value: Cron, task_id: str) -> CronSchedule:
    """Return the schedule that *value* means, parsed once for all tasks that share it. Raises InvalidInput."""
    own = "H" in value.expression and uses_hash(value.expression)
    return _parsed(value, task_id if own else None)


@lru_cache(maxsize=4096)
def _parsed(value: Cron, hash_id: str | None) -> CronSchedule:
    return CronSchedule(
        parse_cron(
            value.expression,
            timezone=value.timezone,
            gap=value.gap,
            fold=value.fold,
            seconds_field=value.seconds_field,
            hash_id=hash_id,
        )
    )
