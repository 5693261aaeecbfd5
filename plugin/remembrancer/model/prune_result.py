"""The result of pruning executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)


@dataclass(frozen=True, slots=True)
class PruneResult:
    """The result of a roll-up, done or simulated."""

    before: datetime
    """Executions that began before this were rolled up."""
    executions: int
    occurrences: int
    summaries: int
    """The number of summaries that were created or extended."""
