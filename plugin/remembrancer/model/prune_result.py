"""The result of pruning executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)


@dataclass(frozen=True, slots=True)
class PruneResult:
    """The result of pruning, done or simulated."""

    before: datetime
    """Executions that began before this were summarized."""
    executions: int
    """The number of executions that were removed, or would be."""
    occurrences: int
    """The number of occurrences that they account for."""
    summaries: int
    """The number of summaries that were created or extended."""
