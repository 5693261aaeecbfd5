"""The contract of a schedule: the occurrences that it names, in epoch milliseconds (UTC), and what people read of it.

Pure: an implementation is immutable, reads no clock, and may be shared between threads.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo


class Schedule(Protocol):
    """One schedule. A kind subclasses it, and overrides the defaults that step from one occurrence to the next."""

    recurring: ClassVar[bool]
    """True if it may name more than one occurrence."""

    @property
    def timezone(self) -> str:
        """The IANA zone whose wall clock it follows; UTC for one that follows none."""
        return "UTC"

    @property
    def is_finite(self) -> bool:
        """True if it has a last occurrence by what it says, not because times are calculated up to the year 2400."""
        return False

    @property
    def normalized(self) -> str:
        """Its normal form: a text that is equal for schedules which are written differently and mean the same."""
        return self.describe()

    @abstractmethod
    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*; None where there is none."""

    @abstractmethod
    def describe(self) -> str:
        """Return it in English, such as "At 09:00, Monday through Friday"."""

    def next_ms(self, after_ms: int) -> int:
        """Return the first occurrence strictly after *after_ms*.

        Raises:
            InvalidInput: There is none.
        """
        found = self.next_after(after_ms)
        if found is None:
            raise InvalidInput("schedule", self.describe(), "a schedule with an occurrence ahead", "0 9 * * 1-5")
        return found

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences from *start_ms* to *until_ms*, both included, ascending, at most *limit*."""
        found: list[int] = []
        occurrence_ms: int | None = start_ms - 1
        while len(found) < limit:
            occurrence_ms = self.next_after(occurrence_ms)
            if occurrence_ms is None or occurrence_ms > until_ms:
                break
            found.append(occurrence_ms)
        return found

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are from *start_ms* to *until_ms*, both included.

        After an outage of a year this is asked once for the year: a kind with many occurrences overrides it.
        """
        counted, occurrence_ms = 0, self.next_after(start_ms - 1)
        while occurrence_ms is not None and occurrence_ms <= until_ms:
            counted, occurrence_ms = counted + 1, self.next_after(occurrence_ms)
        return counted

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence at *place*, counted back from *until_ms*: at 1 the last that is not after it.

        There must be as many.
        """
        width = 60_000
        while self.count(until_ms - width, until_ms) < place:
            width *= 2
        low, high = until_ms - width, until_ms + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.count(middle, until_ms) >= place:
                low = middle
            else:
                high = middle
        return low

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what the zone's clock changes do between *after_ms* and the occurrence that follows it."""
        del after_ms, occurrence_ms
        return ()

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of *occurrence_ms*, derived by *old* rules of the zone, under the rules in force."""
        del old
        return self.next_ms(occurrence_ms - 1)

    def under_rules(self, rules: ZoneInfo) -> Schedule:
        """Return it as it is under other rules of its zone; itself, if it follows no wall clock."""
        del rules
        return self
