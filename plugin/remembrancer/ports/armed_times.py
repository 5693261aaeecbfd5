"""The armed times port: the next runs of recurring tasks, corrected after a change of a clock or of a time zone.

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


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """The reason of a change of armed times, its time and its replica: for the audit log."""

    reason: str
    at: datetime
    replica_id: str


class ArmedTimes(Protocol):
    """The next runs of the recurring tasks of one memory graph, and the time zone rules that they follow."""

    def recurring(self, zones: Collection[str] | None = None) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed recurring tasks in pages: of all time zones, or of *zones*."""
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

    async def zone_rules(self) -> Mapping[str, ZoneRules]:
        """Return the rules by which tasks were armed, for each zone in use; none in a graph that has stored none."""
        ...

    async def store_zone_rules(self, rules: Sequence[ZoneRules]) -> None:
        """Store the rules by which tasks are armed from now on, in place of the former ones."""
        ...

    async def zones_in_use(self) -> Sequence[str]:
        """Return the zones that armed recurring tasks follow, by reading them all."""
        ...
