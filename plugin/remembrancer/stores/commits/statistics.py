"""The statistics and the events of one commit, by the specs of its writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.stores.commits.events import columns_of
from remembrancer.stores.commits.hourly_delta import StatisticsDelta
from remembrancer.stores.commits.writes import WRITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.statement import Row


class CommitStatistics(StatisticsDelta):
    """The counts and the events that one commit adds."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Row] = []
        """The events, one set of columns for each statement that has any."""

    def __bool__(self) -> bool:
        """Return True if the commit has counts or events."""
        return bool(self.hours or self.events)

    def add(self, name: str, written: Sequence[Row]) -> None:
        """Add the counts and the events of the write *name* for the rows that it wrote."""
        if not written:
            return
        spec = WRITES[name]
        if spec.count:
            spec.count(self, written)
        if spec.events:
            self.events.append(columns_of(spec.events, written))

    def count(self, name: str, written: Sequence[Row]) -> None:
        """Add the counts of the write *name*, and no event of it."""
        if (count := WRITES[name].count) and written:
            count(self, written)
