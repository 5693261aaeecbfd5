"""A schedule that is made of one other: the answers that it does not change are those of the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from remembrancer.schedules.protocol import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class WrappedSchedule(Schedule):
    """The base of a schedule that changes some of the answers of *schedule*."""

    recurring: ClassVar[bool] = True

    schedule: Schedule

    @property
    def timezone(self) -> str:
        """The zone of the schedule."""
        return self.schedule.timezone

    @property
    def is_finite(self) -> bool:
        """True if the schedule has a last occurrence."""
        return self.schedule.is_finite

    @property
    def normalized(self) -> str:
        """The normal form of the schedule."""
        return self.schedule.normalized

    def describe(self) -> str:
        """Return the schedule in English."""
        return self.schedule.describe()

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes do."""
        return self.schedule.notes(after_ms, occurrence_ms)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of an occurrence under the rules in force."""
        return self.schedule.under_new_rules(occurrence_ms, old)

    def under_rules(self, rules: ZoneInfo) -> Schedule:
        """Return it under other rules of its zone."""
        return replace(self, schedule=self.schedule.under_rules(rules))
