"""The armed times port: the next runs of tasks, corrected after a change of a clock, a time zone or a reading.

The laws of `ports.graph` hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.zone_rules import ZoneRules


@dataclass(frozen=True, slots=True)
class MissedOccurrence:
    """Consecutive occurrences of one task that one execution records as missed."""

    execution_id: str
    first_ms: int
    last_ms: int
    occurrences: int
    triggered_ms: int
    """The time of the record."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """The part of a record of missed occurrences that stays, as the others are ahead again; 0 of them: none stays."""

    missed: MissedOccurrence
    last_ms: int
    occurrences: int


@dataclass(frozen=True, slots=True)
class ArmedTimeChange:
    """The place of a task in its schedule after the schedule was worked out again."""

    task: ScheduledTask
    """As it was read: the change is written only if the task was not claimed, moved or ended since."""
    next_run_ms: int | None
    """None for a task that is paused until it is resumed."""
    nominal_ms: int
    outcomes_since_ms: int | None = None
    """As `ScheduledTask` has it after the change."""
    excluded_ms: tuple[int, ...] | None = None
    additions: str | None = None
    skips: str | None = None
    retractions: Sequence[Retraction] = ()
    """The records of missed occurrences that shrink, since some of these are ahead again."""
    defer_until_ms: int | None = None
    """The time that follows from the wall time asked for; None: as it was."""
    rules_edition: int | None = None
    """As `ScheduledTask` has it after the change; None: as it was."""


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """The reason of a change of armed times, its time and its actor: for the audit log."""

    reason: str
    at: datetime
    actor: str | None
    """A replica, or who asked for the recheck."""
    surface: str = "scheduler"


@dataclass(frozen=True, slots=True)
class KeptRules:
    """The meaning of schedules by which the tasks of a graph are armed."""

    zones: Mapping[str, ZoneRules]
    """The rules of each time zone in use; empty in a graph that has stored none."""
    edition: int
    """It grows with each change of these rules."""
    readings: Mapping[str, int]
    """The version of the reading of each kind of schedules, where it is not 1."""


class ArmedTimes(Protocol):
    """The next runs of the tasks of one memory graph that follow a schedule or a wall time, and its rules."""

    def recurring(self) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed recurring tasks in pages."""
        ...

    def following(self, zones: Collection[str] | None = None) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed tasks that may follow one of *zones*, in pages: recurring ones, and those of a wall time."""
        ...

    async def rearm(self, moves: Sequence[ArmedTimeChange], cause: ChangeCause) -> Sequence[ArmedTimeChange]:
        """Write those changes whose task is still as it was read, each with an entry of the audit log; return them."""
        ...

    async def missed_after(self, task_ids: Sequence[str], time: datetime) -> Mapping[str, Sequence[MissedOccurrence]]:
        """Return the records of missed occurrences of these tasks that reach beyond *time*, by task id."""
        ...

    async def newest_record_after(self, time: datetime) -> datetime | None:
        """Return the time of a record that is later than *time*; None if there is none."""
        ...

    async def kept_rules(self) -> KeptRules:
        """Return the rules and readings by which tasks were armed, in one small read."""
        ...

    async def store_zone_rules(self, rules: Sequence[ZoneRules], edition: int) -> None:
        """Store the rules by which tasks are armed from now on, in place of the former ones, and their edition."""
        ...

    async def store_readings(self, readings: Mapping[str, int]) -> None:
        """Store the versions by which schedules are read from now on."""
        ...

    async def zones_in_use(self) -> Sequence[str]:
        """Return the zones that armed tasks follow, by reading them all."""
        ...
