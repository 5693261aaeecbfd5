"""The contract for what recurring tasks are armed for: read in pages, and set right where a clock or a zone changed.

The laws of `ports.task_store` hold here too.
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
    """Moments of one task in a row that are recorded as missed, in one execution."""

    execution_id: str
    first_ms: int
    last_ms: int
    occurrences: int
    triggered_ms: int
    """When they were recorded."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """The part of a record of missed moments that stays, because the others are ahead again; none with 0 of them."""

    missed: MissedOccurrence
    last_ms: int
    occurrences: int


@dataclass(frozen=True, slots=True)
class ArmedTimeChange:
    """Where a task stands in its schedule once it is derived again."""

    task: ScheduledTask
    """As it was read: the move is written only if nobody has claimed, moved or ended the task since."""
    next_run_ms: int
    nominal_ms: int
    since_ms: int | None = None
    """As `ScheduledTask` has it after the move."""
    ahead_ms: tuple[int, ...] | None = None
    retractions: Sequence[Retraction] = ()
    """What is taken back of records of missed moments, because it is ahead again."""


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """Why tasks are moved, when, and by which replica: for the audit trail."""

    reason: str
    at: datetime
    replica_id: str


class ArmedTimes(Protocol):
    """What the recurring tasks of one memory graph are armed for, and by which rules of time zones."""

    def recurring(self, zones: Collection[str] | None = None) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed recurring tasks in pages: of all time zones, or of *zones*."""
        ...

    async def rearm(self, moves: Sequence[ArmedTimeChange], cause: ChangeCause) -> Sequence[ArmedTimeChange]:
        """Write those moves whose task still stands as read, each with a change in the audit trail; return them."""
        ...

    async def missed_after(self, task_ids: Sequence[str], moment: datetime) -> Mapping[str, Sequence[MissedOccurrence]]:
        """Return what is recorded as missed of these tasks, by their ids, and reaches beyond *moment*."""
        ...

    async def newest_record_after(self, moment: datetime) -> datetime | None:
        """Return when something happened that is on record as later than *moment*; None if nothing is."""
        ...

    async def zone_rules(self) -> Mapping[str, ZoneRules]:
        """Return the rules by which tasks were armed, for each zone in use; empty in a graph that never kept any."""
        ...

    async def keep_zone_rules(self, rules: Sequence[ZoneRules]) -> None:
        """Keep the rules by which tasks are armed from now on, in place of those that are there."""
        ...

    async def zones_in_use(self) -> Sequence[str]:
        """Return the zones that armed recurring tasks follow, by reading them all."""
        ...
