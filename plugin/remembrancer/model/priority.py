"""Priority: a number of 0 to 9, and what a level of it is worth. `remembrancer.policies.priority` has the laws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.model.constraints import read_integer
from remembrancer.model.field_definition import WholeNumber

if TYPE_CHECKING:
    from remembrancer.model.field_definition import Check

USUAL: Final = 5
"""The priority of a task that was given none; it is not stored."""
LEAST: Final = 0
MOST: Final = 9
LEVEL_MS: Final = 900_000
"""Milliseconds of waiting that one level is worth. All replicas of a graph, and the keys that it keeps, agree on it."""


@dataclass(frozen=True, kw_only=True)
class PriorityNumber(WholeNumber):
    """A whole number from 0 to 9; the usual one is kept as None."""

    least: int = LEAST
    most: int = MOST

    @property
    def check(self) -> Check:
        """Refuse anything but a whole number within the bounds."""
        return partial(read_priority, example=self.example)


def read_priority(name: str, value: object, example: object = MOST) -> int | None:
    """Return a priority as it is kept. Raises InvalidInput."""
    number = read_integer(name, value, least=LEAST, most=MOST, example=example)
    return None if number == USUAL else number


def served_ms(time_ms: int, priority: int | None) -> int:
    """Return the time by which a task is served among others: those with an earlier one are served first."""
    return time_ms if priority is None else time_ms - (priority - USUAL) * LEVEL_MS
