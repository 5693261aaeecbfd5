"""The result of a recheck: the fires that move because the meaning of their schedules has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)


@dataclass(frozen=True, slots=True)
class MovedFire:
    """One occurrence of a task that moves to another time."""

    task_id: str
    """The id of the task."""
    name: str
    """Its name."""
    was: datetime
    """The time at which it lay."""
    will_be: datetime
    """The time at which it lies now."""
    wall_time: str
    """The date and time that the zone's clock shows then; for a one-time task, the one that was asked for."""
    timezone: str
    """The IANA zone of that clock."""
    cause: str
    """The reason of the move."""


@dataclass(frozen=True, slots=True)
class ZoneDifference:
    """A time zone whose rules are not the same in the graph and on the machine of a process."""

    timezone: str
    """The IANA zone."""
    own_version: str | None
    """The release of the time zone database on the machine; None if it is not known."""
    graph_version: str | None
    """The release that the rules in the graph are from."""
    is_followed: bool
    """True if the process reads the zone by the rules of the graph; else the next start brings its own into force."""


@dataclass(frozen=True, slots=True)
class RecheckResult:
    """The result of a recheck, done or simulated."""

    moved: list[MovedFire]
    """The moved fires, by the time at which they lie now."""
    differences: list[ZoneDifference]
    """The zones with other rules in the graph, before the recheck."""
