"""Sets of times made of others: unions, intersections and differences, of points and of points with stretches."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import merge
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING

from remembrancer.schedules.walls.steps import step
from remembrancer.schedules.walls.wall_set import NO_WALL, WallSet, in_both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remembrancer.schedules.walls.stretches import Stretches


@dataclass(frozen=True, slots=True)
class Union(WallSet):
    """The times of any of several sets."""

    sets: tuple[WallSet, ...]

    def at_or_after(self, wall: int) -> int:
        """Return the first time of any at or after *wall*."""
        return min(each.at_or_after(wall) for each in self.sets)

    def covers(self, wall: int) -> bool:
        """Return whether any of them has *wall*."""
        return any(each.covers(wall) for each in self.sets)

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times in between, each once."""
        lists = [each.listed(start, end, limit) for each in self.sets]
        return list(islice((wall for wall, _ in groupby(merge(*lists))), limit))

    def count(self, start: int, end: int) -> int:
        """Return how many times there are: of two sets, those of both less those in common."""
        first, *others = self.sets
        if not others:
            return first.count(start, end)
        rest = others[0] if len(others) == 1 else Union(tuple(others))
        return first.count(start, end) + rest.count(start, end) - Intersection(first, rest).count(start, end)


@dataclass(frozen=True, slots=True)
class Intersection(WallSet):
    """The times that two sets of points have in common."""

    one: WallSet
    other: WallSet

    def at_or_after(self, wall: int) -> int:
        """Return the first common time at or after *wall*."""
        return next((found[0] for found in self._common(wall, NO_WALL)), NO_WALL)

    def even_from(self, wall: int) -> range | None:
        """Return the common times from *wall* on, as far as those of both are evenly spaced."""
        one = self.one.even_from(wall)
        other = None if one is None else self.other.even_from(wall)
        return None if one is None or other is None else in_both(one, other)

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the common times in between, without a look beyond *end*."""
        return list(islice(chain.from_iterable(self._common(start, end)), limit))

    def count(self, start: int, end: int) -> int:
        """Return how many common times there are, without a look beyond *end*."""
        return sum(map(len, self._common(start, end)))

    def _common(self, wall: int, end: int) -> Iterator[range]:
        """Yield the common times from *wall* up to *end*: by arithmetic where it can be, and else one by one."""
        while wall < end:
            step()
            if (met := self.even_from(wall)) is not None and met.stop > wall:
                if met := range(met.start, min(met.stop, end), met.step) if met.stop > end else met:
                    yield met
                wall = met.stop
                continue
            if (found := self.one.at_or_after(wall)) >= end:
                return
            wall = self.other.at_or_after(found)
            if found == wall:
                yield range(wall, wall + 1)
                wall += 1

    def covers(self, wall: int) -> bool:
        """Return whether both have *wall*."""
        return self.one.covers(wall) and self.other.covers(wall)


@dataclass(frozen=True, slots=True)
class TimesWithout(WallSet):
    """The times of a set that another does not have."""

    one: WallSet
    other: WallSet

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall* that the other does not have."""
        wall = self.one.at_or_after(wall)
        while wall < NO_WALL and self.other.covers(wall):
            step()
            wall = self.one.at_or_after(wall + 1)
        return wall

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times in between, without a look beyond *end*."""
        found: list[int] = []
        wall = self.one.at_or_after(start)
        while wall < end and len(found) < limit:
            step()
            if not self.other.covers(wall):
                found.append(wall)
            wall = self.one.at_or_after(wall + 1)
        return found

    def count(self, start: int, end: int) -> int:
        """Return how many times there are: those of the set less those in common."""
        return self.one.count(start, end) - Intersection(self.one, self.other).count(start, end)


@dataclass(frozen=True, slots=True)
class Within(WallSet):
    """The times of a set that stretches cover."""

    points: WallSet
    stretches: Stretches

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall* that is covered."""
        while True:
            step()
            wall = self.points.at_or_after(wall)
            begin, _ = self.stretches.stretch(wall) if wall < NO_WALL else (wall, wall)
            if begin <= wall:
                return wall
            if begin >= NO_WALL:
                return NO_WALL
            wall = begin

    def covers(self, wall: int) -> bool:
        """Return whether the set has *wall*, and it is covered."""
        return self.points.covers(wall) and self.stretches.covers(wall)

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times in between, stretch by stretch."""
        found: list[int] = []
        while start < end and len(found) < limit:
            step()
            begin, stop = self.stretches.stretch(start)
            found += self.points.listed(max(begin, start), min(stop, end), limit - len(found))
            start = stop
        return found

    def count(self, start: int, end: int) -> int:
        """Return how many times there are, stretch by stretch."""
        total = 0
        while start < end:
            step()
            begin, stop = self.stretches.stretch(start)
            total += self.points.count(max(begin, start), min(stop, end)) if begin < end else 0
            start = stop
        return total


@dataclass(frozen=True, slots=True)
class Outside(WallSet):
    """The times of a set that no stretch covers."""

    points: WallSet
    stretches: Stretches

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall* that is not covered."""
        while True:
            step()
            wall = self.points.at_or_after(wall)
            begin, end = self.stretches.stretch(wall) if wall < NO_WALL else (NO_WALL, NO_WALL)
            if begin > wall or wall >= NO_WALL:
                return wall
            wall = end

    def covers(self, wall: int) -> bool:
        """Return whether the set has *wall*, and it is not covered."""
        return self.points.covers(wall) and not self.stretches.covers(wall)

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times in between, from one stretch to the next."""
        found: list[int] = []
        while start < end and len(found) < limit:
            step()
            begin, stop = self.stretches.stretch(start)
            if begin > start:
                found += self.points.listed(start, min(begin, end), limit - len(found))
            start = max(stop, start + 1)
        return found

    def count(self, start: int, end: int) -> int:
        """Return how many times there are: those of the set less those that are covered."""
        return self.points.count(start, end) - Within(self.points, self.stretches).count(start, end)
