"""A cron schedule that passes over stretches of time whose moments are served already."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import chain
from typing import TYPE_CHECKING

from remembrancer.schedules.cron.expression import Cron

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class CronWithExclusions(Cron):
    """A cron expression without the moments in *ahead_ms*: pairs of from and up to (excluded), ascending."""

    ahead_ms: tuple[int, ...] = ()

    def next_ms(self, after_ms: int) -> int:
        """Return the first fire strictly after *after_ms* that is in none of the stretches."""
        moment_ms = Cron.next_ms(self, after_ms)
        for begin_ms, end_ms in pairs_of(self.ahead_ms):
            if begin_ms <= moment_ms < end_ms:
                moment_ms = Cron.next_ms(self, end_ms - 1)
        return moment_ms

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many fires there are, those in the stretches left out."""
        passed = (
            Cron.count(self, max(start_ms, begin_ms), min(until_ms, end_ms - 1))
            for begin_ms, end_ms in pairs_of(self.ahead_ms)
        )
        return Cron.count(self, start_ms, until_ms) - sum(passed)


def with_exclusions(cron: Cron, ahead_ms: tuple[int, ...]) -> CronWithExclusions:
    """Return *cron* without the moments between the pairs of *ahead_ms*."""
    return CronWithExclusions(**{each.name: getattr(cron, each.name) for each in fields(Cron)}, ahead_ms=ahead_ms)


def pairs_of(flat: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs that were written one behind the other."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def joined(stretches: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Return pairs of from and up to (excluded) written one behind the other: ascending, none touching another."""
    merged: list[tuple[int, int]] = []
    for begin_ms, end_ms in sorted(stretches):
        if merged and begin_ms <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_ms))
        else:
            merged.append((begin_ms, end_ms))
    return tuple(chain.from_iterable(merged))
